"""Waiting for a container: until it is healthy, or until it has ended. A hopeless wait fails at once, and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.provider import ProviderError
from engine.providers.docker.daemon import Daemon, segment
from engine.providers.docker.early_probe import answers_well
from engine.providers.docker.errors import LOG_LINES, DaemonError
from engine.providers.handler import Limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.providers.docker.watch import Watch

_FRAME_HEADER = 8
_TIMED_OUT = -1
"""Exit code that Docker notes for a check that gave no answer in time."""
_LONGEST_PAUSE_S = 1.0
"""Between two early probes."""


class UnhealthyError(ProviderError):
    """A container did not become healthy."""


def wait_until_healthy(
    daemon: Daemon, watch: Watch, container: str, seconds: float, *, limit: Limit, redact: Callable[[str], str]
) -> None:
    """Wait for a container's health check. Raises UnhealthyError with the last output of check and container.

    Args:
        daemon: Where it runs.
        watch: Wakes up on its events.
        container: Its id.
        seconds: ``waitTimeout``.
        limit: The operation's limit, for cancellation.
        redact: Removes what may be secret from a text.
    """

    def judge(found: dict[str, Any]) -> str | None:
        state = found["State"]
        health = state.get("Health")
        if health is None or health.get("Status") == "none":
            return "has no health check; remove 'wait' or give it a 'healthcheck'"
        if health["Status"] == "healthy":
            return ""
        if not state["Running"] and not state.get("Restarting"):
            killed = ", killed for lack of memory" if state.get("OOMKilled") else ""
            return f"exited with code {state['ExitCode']}{killed} before it was healthy"
        if health["Status"] == "unhealthy":
            return "turned unhealthy"
        return "" if answers_well(daemon, found) else None

    wait = Limit(min(seconds, limit.remaining()) if seconds > 0 else 0.001, limit.cancelled)
    verdict = watch.until(container, wait, judge, longest_s=_LONGEST_PAUSE_S)
    if verdict == "":
        return
    if verdict is None:
        verdict = f"was not healthy within {seconds:.0f} s"
    raise UnhealthyError(redact(_story(daemon, container, verdict)))


def wait_until_ended(watch: Watch, container: str, limit: Limit) -> None:
    """Wait until a container has ended. Raises ProviderError when the operation's time is over."""

    def judge(found: dict[str, Any]) -> bool | None:
        state = found["State"]
        return True if not state["Running"] and not state.get("Restarting") else None

    if watch.until(container, limit, judge) is None:
        raise ProviderError(
            "it did not end within the operation's time limit; give the job a larger customTimeouts.create"
        )


def _story(daemon: Daemon, container: str, verdict: str) -> str:
    try:
        found = daemon.get(f"/containers/{segment(container)}/json")
        logs = container_logs(daemon, container, tty=found["Config"]["Tty"], tail=LOG_LINES)
    except DaemonError as error:
        return f"the container {verdict}; it could not be looked at any more ({error})"
    parts = [f"container {found['Name'].lstrip('/')} {verdict}"]
    checks = (found["State"].get("Health") or {}).get("Log") or []
    if found.get("RestartCount"):
        parts.append(f"it was restarted {found['RestartCount']} times")
    parts.append(_check(found, checks))
    if found["State"].get("Error"):
        parts.append(str(found["State"]["Error"]))
    parts.append(f"its last log lines:\n{logs.rstrip()}" if logs.strip() else "it logged nothing")
    return "; ".join(parts)


def _check(found: dict[str, Any], checks: list[dict[str, Any]]) -> str:
    """Say what the health check was and what became of it."""
    kind, *words = (found["Config"].get("Healthcheck") or {}).get("Test") or [""]
    # A script of several lines is shortened to its place.
    command = " ".join("…" if "\n" in word.strip() else word for word in words if kind != "NONE")
    name = "its health check" + (f" `{command}`" if command else "")
    if not checks:
        return f"{name} has given no answer yet"
    output = str(checks[-1].get("Output", "")).strip() or "no output"
    if checks[-1].get("ExitCode") == _TIMED_OUT:
        return f"{name} timed out: {output}"
    return f"{name} gave exit code {checks[-1].get('ExitCode')}: {output}"


def container_logs(daemon: Daemon, container: str, *, tty: bool, tail: int | None = None) -> str:
    """Return what a container has written to its standard output and error, in order."""
    raw = daemon.call(
        "GET",
        f"/containers/{segment(container)}/logs",
        query={"stdout": True, "stderr": True, "tail": "all" if tail is None else tail},
    )
    raw = raw or b""
    return (raw if tty else _unframed(raw)).decode("utf-8", "replace")


def _unframed(raw: bytes) -> bytes:
    """Take the daemon's framing (stream number and length before each piece) out of a log."""
    result, position = bytearray(), 0
    while position + _FRAME_HEADER <= len(raw):
        length = int.from_bytes(raw[position + 4 : position + _FRAME_HEADER], "big")
        start = position + _FRAME_HEADER
        result += raw[start : start + length]
        position = start + length
    return bytes(result)
