"""What somebody does in pgAdmin, by its own HTTP API: log in, see the servers, ask a database."""

from __future__ import annotations

import http.cookiejar
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from http import HTTPStatus
from typing import Any

_TIMEOUT_S = 60


class PgAdmin:
    """A browser before a pgAdmin at an address such as ``http://127.0.0.1:5050``."""

    def __init__(self, base: str) -> None:
        self._base = base
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._browser = urllib.request.build_opener(cookies)
        self._token = ""

    def log_in(self, email: str, password: str) -> bool:
        """Send the login form; return whether that led in."""
        found = re.search(r'"csrfToken":\s*"([^"]+)"', self._open("/login"))
        assert found, "the login page has no token"
        self._token = found[1]
        form = {"csrf_token": self._token, "email": email, "password": password, "internal_button": "Login"}
        with self._browser.open(
            f"{self._base}/authenticate/login", urllib.parse.urlencode(form).encode(), _TIMEOUT_S
        ) as answer:
            return bool(urllib.parse.urlsplit(answer.url).path == "/browser/")

    def servers(self) -> dict[str, tuple[str, str]]:
        """Return the servers that the user has: name, and the numbers of its group and its own."""
        return {
            server["label"]: (group["_id"], server["_id"])
            for group in self._nodes("/browser/server_group/nodes/")
            for server in self._nodes(f"/browser/server/nodes/{group['_id']}/")
        }

    def databases(self, server: tuple[str, str], password: str) -> set[str]:
        """Log in to a server with its password; return the names of its databases."""
        group, number = server
        form = urllib.parse.urlencode({"password": password, "save_password": "false"}).encode()
        told = self._json(f"/browser/server/connect/{group}/{number}", form)
        assert told["data"]["connected"], told
        return {node["label"] for node in self._nodes(f"/browser/database/nodes/{group}/{number}/")}

    def _nodes(self, path: str) -> list[dict[str, Any]]:
        try:
            told = self._json(path)
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.GONE:  # its answer for a group without any
                return []
            raise
        nodes: list[dict[str, Any]] = told["data"] or told["result"]  # each kind has its own of the two
        return nodes

    def _open(self, path: str, form: bytes | None = None) -> str:
        request = urllib.request.Request(f"{self._base}{path}", form, {"X-pgA-CSRFToken": self._token})  # noqa: S310
        with self._browser.open(request, timeout=_TIMEOUT_S) as answer:
            text: str = answer.read().decode()
        return text

    def _json(self, path: str, form: bytes | None = None) -> Any:
        return json.loads(self._open(path, form))
