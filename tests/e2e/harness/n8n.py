"""What somebody does in n8n, by its own HTTP API: become its owner, log in, keep workflows and credentials."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from tests.e2e.harness.waiting import until

_TIMEOUT_S = 30


class N8n:
    """A browser before an n8n at an address such as ``http://127.0.0.1:5678``."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._cookie = ""

    def set_up(self, email: str, password: str) -> None:
        """Become the owner of an n8n that has none yet."""
        self._log_in("/rest/owner/setup", email=email, password=password, firstName="Obera", lastName="Test")

    def log_in(self, email: str, password: str) -> None:
        """Log in as the owner."""
        self._log_in("/rest/login", emailOrLdapLoginId=email, password=password)

    def workflows(self) -> set[str]:
        """Return the names of the workflows, as the server itself has them."""
        answer, _ = self._ask("/rest/workflows")
        return {flow["name"] for flow in answer["data"]}

    def make_workflow(self, name: str) -> str:
        """Make an empty workflow; return its id."""
        flow = {"name": name, "active": False, "nodes": [], "connections": {}, "settings": {}}
        return str(self._send("POST", "/rest/workflows", flow)["id"])

    def rename_workflow(self, flow: str, name: str) -> None:
        """Give a workflow another name."""
        self._send("PATCH", f"/rest/workflows/{flow}", {"name": name})

    def make_login(self, user: str) -> str:
        """Keep a credential, which n8n encrypts with its key; return its id."""
        return str(self._send("POST", "/rest/credentials", _login(user))["id"])

    def change_login(self, credential: str, user: str) -> None:
        """Put other data into a credential."""
        self._send("PATCH", f"/rest/credentials/{credential}", _login(user))

    def user_of(self, credential: str) -> str:
        """Return the user of a credential: n8n decrypts it for that."""
        answer, _ = self._ask(f"/rest/credentials/{credential}?includeData=true")
        return str(answer["data"]["data"]["user"])

    def _send(self, method: str, path: str, content: dict[str, Any]) -> dict[str, Any]:
        answer, _ = self._ask(path, json.dumps(content).encode(), method)
        found: dict[str, Any] = answer["data"]
        return found

    def _log_in(self, path: str, **form: str) -> None:
        # Its health is good a moment before its interface is there: until then all paths say that it starts.
        until(self._is_there, "n8n's interface is there", 120)
        _, cookies = self._ask(path, json.dumps(form).encode())
        # It is for HTTPS alone, which a cookie jar would respect; a browser takes this machine itself for safe.
        self._cookie = "; ".join(cookie.partition(";")[0] for cookie in cookies)
        assert self._cookie, path

    def _is_there(self) -> bool:
        try:
            return "data" in self._ask("/rest/settings")[0]
        except (OSError, ValueError):
            return False

    def _ask(self, path: str, body: bytes | None = None, method: str | None = None) -> tuple[Any, list[str]]:
        headers = {"Content-Type": "application/json", "Cookie": self._cookie}
        request = urllib.request.Request(f"{self._base}{path}", body, headers, method=method)  # noqa: S310 - http:// of a test
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - as above
            return json.load(answer), answer.headers.get_all("Set-Cookie") or []


def _login(user: str) -> dict[str, Any]:
    return {"name": "a login", "type": "httpBasicAuth", "data": {"user": user, "password": "of no worth"}}
