"""A job's container is started again, and its output and exit code are handed on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import docker
import docker.errors
import pytest

from operate.find_containers import Found
from operate.jobs import CannotRun, run_again


class _Api:
    """Notes the order of what is asked, and answers for one job."""

    def __init__(self, code: int = 0, refuses: str | None = None) -> None:
        self.asked: list[str] = []
        self._code, self._refuses = code, refuses

    def attach(self, identity: str, **how: Any) -> Iterator[tuple[bytes | None, bytes | None]]:
        """Return what it writes."""
        assert how == {"stdout": True, "stderr": True, "stream": True, "logs": False, "demux": True}
        self.asked.append(f"attach {identity}")
        return iter([(b"one\n", None), (None, b"oh\n"), (b"two\n", None)])

    def start(self, identity: str) -> None:
        """Start it, or refuse."""
        self.asked.append(f"start {identity}")
        if self._refuses:
            raise docker.errors.APIError("500", explanation=self._refuses)

    def wait(self, identity: str) -> dict[str, int]:
        """Return how it ended."""
        self.asked.append(f"wait {identity}")
        return {"StatusCode": self._code}


class _Client:
    def __init__(self, api: _Api) -> None:
        self.api = api


def _run(api: _Api, *, running: bool = False) -> tuple[int, list[tuple[int, bytes]]]:
    job = Found(id="abc", name="seed-1", part="seed", role="job", replica=0, running=running, kind="job")
    written: list[tuple[int, bytes]] = []
    code = run_again(cast("docker.DockerClient", _Client(api)), job, lambda where, data: written.append((where, data)))
    return code, written


def test_nothing_of_its_output_is_missed() -> None:
    """Somebody listens before it starts; its exit code is told."""
    api = _Api(code=7)
    assert _run(api) == (7, [(1, b"one\n"), (2, b"oh\n"), (1, b"two\n")])
    assert api.asked == ["attach abc", "start abc", "wait abc"]


def test_it_does_not_run_twice_at_a_time() -> None:
    """Two migrations at once would meet each other."""
    api = _Api()
    with pytest.raises(CannotRun, match="seed is running already"):
        _run(api, running=True)
    assert api.asked == []


def test_docker_refuses() -> None:
    """In Docker's words."""
    with pytest.raises(CannotRun, match="can't be started: no space"):
        _run(_Api(refuses="no space"))
