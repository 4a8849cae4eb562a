"""A container that Docker has not asked yet is asked its own health question."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest

from operate.health import ask_starting


class Api:
    """Runs commands: exit codes by command, or an error for what has ended."""

    def __init__(self, codes: dict[tuple[str, ...], int]) -> None:
        self.codes = codes
        self.ran: list[tuple[str, ...]] = []

    def exec_create(self, _container: str, command: list[str], **_: Any) -> dict[str, str]:
        self.ran.append(tuple(command))
        return {"Id": "\0".join(command)}

    def exec_start(self, execution: str) -> None:
        if tuple(execution.split("\0")) not in self.codes:
            raise docker.errors.APIError("not running")

    def exec_inspect(self, execution: str) -> dict[str, int]:
        return {"ExitCode": self.codes[tuple(execution.split("\0"))]}


def container(health: str | None, *test: str, running: bool = True) -> dict[str, Any]:
    state: dict[str, Any] = {"Running": running}
    if health is not None:
        state["Health"] = {"Status": health}
    return {"Id": "c", "State": state, "Config": {"Healthcheck": {"Test": [*test]}}}


@pytest.mark.parametrize(
    ("found", "codes", "expected"),
    [
        (container("starting", "CMD", "ping"), {("ping",): 0}, "healthy"),
        (container("starting", "CMD", "ping"), {("ping",): 1}, "starting"),
        (container("starting", "CMD", "ping"), {}, "starting"),
        (container("starting", "CMD-SHELL", "a | b"), {("/bin/sh", "-c", "a | b"): 0}, "healthy"),
        (container("starting", "NONE"), {}, "starting"),
    ],
)
def test_its_answer_decides(found: dict[str, Any], codes: dict[tuple[str, ...], int], expected: str) -> None:
    client: Any = SimpleNamespace(api=Api(codes))
    ask_starting(client, [found])
    assert found["State"]["Health"]["Status"] == expected


@pytest.mark.parametrize(
    "found",
    [
        container("healthy", "CMD", "ping"),
        container("unhealthy", "CMD", "ping"),
        container(None),
        container("starting", "CMD", "ping", running=False),
    ],
)
def test_others_are_left_alone(found: dict[str, Any]) -> None:
    api = Api({("ping",): 0})
    client: Any = SimpleNamespace(api=api)
    ask_starting(client, [found])
    assert api.ran == []
