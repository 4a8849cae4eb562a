"""The early probe: a starting container's own health command, run before Docker's first turn."""

from __future__ import annotations

from typing import Any

import pytest

from engine.providers.docker import early_probe
from engine.providers.docker.daemon import Daemon
from engine.providers.docker.errors import DaemonError


class ExecDaemon(Daemon):
    """Answers exec calls: each look at a run takes the next of ``looks``."""

    def __init__(self, *looks: dict[str, Any], refuses: bool = False) -> None:
        super().__init__()
        self.looks = list(looks)
        self.refuses = refuses
        self.ran: list[list[str]] = []

    def call(self, method: str, path: str, *, body: Any = None, **_: Any) -> Any:
        """Answer one request."""
        if self.refuses:
            raise DaemonError(409, "container is paused")
        if path.endswith("/exec"):
            self.ran.append(body["Cmd"])
            return {"Id": "run"}
        if method == "POST":
            assert body == {"Detach": True}
            return None
        return self.looks.pop(0)


def container(*test: str, running: bool = True, shell: list[str] | None = None) -> dict[str, Any]:
    """Return an inspection."""
    return {"Id": "c1", "State": {"Running": running}, "Config": {"Healthcheck": {"Test": [*test]}, "Shell": shell}}


def test_success_is_health_once_the_command_has_ended() -> None:
    daemon = ExecDaemon({"Running": True}, {"Running": False, "ExitCode": 0})
    assert early_probe.answers_well(daemon, container("CMD", "pg_isready", "-q"))
    assert daemon.ran == [["pg_isready", "-q"]]


def test_failure_says_nothing() -> None:
    assert not early_probe.answers_well(ExecDaemon({"Running": False, "ExitCode": 1}), container("CMD", "false"))


@pytest.mark.parametrize(
    ("shell", "expected"),
    [(None, ["/bin/sh", "-c", "ping | grep PONG"]), (["/bin/bash", "-ec"], ["/bin/bash", "-ec", "ping | grep PONG"])],
)
def test_a_line_runs_in_the_images_shell(shell: list[str] | None, expected: list[str]) -> None:
    daemon = ExecDaemon({"Running": False, "ExitCode": 0})
    assert early_probe.answers_well(daemon, container("CMD-SHELL", "ping | grep PONG", shell=shell))
    assert daemon.ran == [expected]


@pytest.mark.parametrize("found", [container("NONE"), container(), container("CMD", "true", running=False)])
def test_nothing_to_ask_is_not_asked(found: dict[str, Any]) -> None:
    daemon = ExecDaemon()
    assert not early_probe.answers_well(daemon, found)
    assert daemon.ran == []


def test_a_container_that_cannot_run_it_is_left_to_docker() -> None:
    assert not early_probe.answers_well(ExecDaemon(refuses=True), container("CMD", "true"))


def test_a_command_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early_probe, "_LONGEST_S", 0.0)
    assert not early_probe.answers_well(ExecDaemon({"Running": True}), container("CMD", "sleep", "60"))


def test_only_two_ask_at_a_time() -> None:
    """The third leaves it to Docker's own probe; afterwards there is room again."""
    with early_probe._AT_ONCE, early_probe._AT_ONCE:
        daemon = ExecDaemon({"Running": False, "ExitCode": 0})
        assert not early_probe.answers_well(daemon, container("CMD", "true"))
        assert daemon.ran == []
    assert early_probe.answers_well(daemon, container("CMD", "true"))
