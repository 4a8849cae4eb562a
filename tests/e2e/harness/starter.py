"""The starter platform as its user has it, with two secrets of the stack's configuration to look for everywhere."""

from __future__ import annotations

import http.client
import json
import secrets
from typing import TYPE_CHECKING, Any, Final

from engine import EmbeddedStack
from tests.e2e.harness.waiting import until
from tests.e2e.harness.workspace import PASSPHRASE

if TYPE_CHECKING:
    from tests.e2e.harness.blueprints import Blueprint
    from tests.e2e.harness.platform import Platform
    from tests.e2e.harness.workspace import Workspace

FILE_SECRET: Final = "canary_file"
ENV_SECRET: Final = "canary_env"
ENV_NAME: Final = "CANARY_IN_THE_OPEN"
"""The one variable in which a secret may stand in the open: the description opts in by this name."""
PASSWORD: Final = "random:index/randomPassword:RandomPassword"


def blueprint(workspace: Workspace, port: int) -> Blueprint:
    """Return the project's own starter on another port, with two secrets given to its API."""
    content = workspace.read("starter")
    content["environments"]["dev"]["gateway"]["publish"] = f"127.0.0.1:{port}"
    content["secrets"] = {FILE_SECRET: {}, ENV_SECRET: {}}
    api = content["services"]["api"]
    api["secrets"] = [FILE_SECRET]
    api["env"][ENV_NAME] = f"${{secrets.{ENV_SECRET}}}"
    api["secret_env"] = [ENV_NAME]
    return content


def open_stack(workspace: Workspace) -> EmbeddedStack:
    """Return the stack's state, opened with its passphrase."""
    return EmbeddedStack(workspace.root, workspace.stack, backend=workspace.state, passphrase=PASSPHRASE)


def set_secrets(workspace: Workspace) -> dict[str, str]:
    """Give the stack its two secrets and return them."""
    values = {name: f"c4nary-{secrets.token_urlsafe(24)}" for name in (FILE_SECRET, ENV_SECRET)}
    stack = open_stack(workspace)
    stack.init()
    for name, value in values.items():
        stack.set_config(f"slipway:{name}", value, secret=True)
    return values


def generated_secrets(workspace: Workspace) -> dict[str, str]:
    """Return every generated password of the stack by the name of its resource."""
    found = {}
    for entry in open_stack(workspace).export(show_secrets=True)["deployment"]["resources"]:
        if entry["type"] == PASSWORD:
            found[entry["urn"].rsplit("::", 1)[-1]] = str(json.loads(entry["outputs"]["result"]["plaintext"]))
    return found


def ask(port: int, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Send a request through the gateway and return status and answer, parsed where it is JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read().decode()
        is_json = (response.headers.get("Content-Type") or "").startswith("application/json")
        return response.status, json.loads(content) if is_json else content
    finally:
        connection.close()


def submit(platform: Platform, text: str, work_ms: int = 300) -> str:
    """Submit a job through the gateway and return its id."""
    status, job = ask(platform.port, "POST", "/jobs", {"text": text, "work_ms": work_ms})
    assert status == http.client.ACCEPTED, job
    return str(job["id"])


def finished(platform: Platform, job: str) -> dict[str, Any]:
    """Wait until a job is over and return it."""

    def over() -> dict[str, Any] | None:
        status, answer = ask(platform.port, "GET", f"/jobs/{job}")
        assert status == http.client.OK, answer
        return answer if answer["state"] in {"done", "failed"} else None

    found = until(over, f"job {job} is over", 20)
    assert found is not None
    return found
