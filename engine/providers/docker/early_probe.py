"""Asking a starting container's own health question before Docker does.

Docker's first probe comes one interval after the start (``start_interval`` needs a newer API), so a container that is
ready after 200 ms would be known to be healthy only after seconds, and everything that needs it would wait. The same
command is therefore run in the container while Docker still says ``starting``: its success is health, its failure says
nothing.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from engine.providers.docker.daemon import Daemon, segment
from engine.providers.docker.errors import DaemonError

_AT_ONCE: Final = threading.BoundedSemaphore(2)
"""A probe costs the daemon some 50 ms: of many that wait two ask at a time, the others leave it to Docker."""
_LONGEST_S: Final = 5.0
_LOOK_S: Final = 0.03


def answers_well(daemon: Daemon, container: dict[str, Any]) -> bool:
    """Whether a container's health command succeeds now.

    Args:
        daemon: Where it runs.
        container: Its inspection.
    """
    command = _command(container["Config"])
    if command is None or not container["State"].get("Running") or not _AT_ONCE.acquire(blocking=False):
        return False
    try:
        return _run(daemon, container["Id"], command) == 0
    except DaemonError:
        return False  # it ended, was paused, or has no such program: Docker's own probes will tell
    finally:
        _AT_ONCE.release()


def _command(config: dict[str, Any]) -> list[str] | None:
    kind, *words = (config.get("Healthcheck") or {}).get("Test") or ["NONE"]
    if kind == "CMD" and words:
        return words
    if kind == "CMD-SHELL" and words:
        return [*(config.get("Shell") or ["/bin/sh", "-c"]), words[0]]
    return None


def _run(daemon: Daemon, container: str, command: list[str]) -> int | None:
    """Run a command without its output and return its exit code, None if it takes too long."""
    execution = daemon.post(f"/containers/{segment(container)}/exec", {"Cmd": command})["Id"]
    daemon.post(f"/exec/{segment(execution)}/start", {"Detach": True})
    end = time.monotonic() + _LONGEST_S
    while time.monotonic() < end:
        found = daemon.get(f"/exec/{segment(execution)}/json")
        if not found["Running"]:
            code = found.get("ExitCode")
            return None if code is None else int(code)
        time.sleep(_LOOK_S)  # the daemon has no call that waits for an exec
    return None
