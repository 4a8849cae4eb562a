"""What a container that is not well has to say for itself: its health check, that check's output, its log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from operate import labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import docker

LOG_LINES: Final = 20
"""How many log lines a failure is told with."""
_SUFFIX: Final = re.compile(r"[0-9a-f]{7}")
_TIMED_OUT: Final = -1


def last_words(client: docker.DockerClient, project: str, stack: str, logical_name: str) -> str | None:
    """Tell of the newest container of a resource.

    Args:
        client: Docker.
        project: The Pulumi project.
        stack: The stack.
        logical_name: The resource's name, such as ``api-0``, from which the container's own was made.

    Returns:
        A few lines of text, ``None`` where there is no such container.
    """
    listed = client.api.containers(all=True, filters=labels.filters(project, stack))
    own = [item for item in listed if any(_made_from(name, logical_name) for name in item["Names"])]
    if not own:
        return None
    newest = max(own, key=lambda item: item["Created"])
    return story(client, newest["Id"])


def story(client: docker.DockerClient, container: str, lines: int = LOG_LINES) -> str | None:
    """Tell of a container: its state, its health check with what that said last, its last log lines.

    Returns:
        A few lines of text, ``None`` where there is no such container.
    """
    import docker.errors  # noqa: PLC0415 - slow to load

    try:
        found: dict[str, Any] = client.api.inspect_container(container)
        logged = client.api.logs(found["Id"], timestamps=False, tail=lines).decode("utf-8", errors="replace").rstrip()
    except docker.errors.NotFound:
        return None
    state = found["State"]
    health = state.get("Health") or {}
    judged = health.get("Status", "without health check")
    told = [f"container {found['Name'].lstrip('/')} is {state['Status']}, {judged}{_ended(found)}"]
    if health.get("Status"):
        told.append(_check(found["Config"].get("Healthcheck") or {}, health.get("Log") or []))
    told.append("its last log lines:" if logged else "it logged nothing")
    told += [f"  {line}" for line in logged.splitlines()]
    return "\n".join(told)


def _ended(found: dict[str, Any]) -> str:
    state, restarts = found["State"], int(found.get("RestartCount") or 0)
    code = "" if state.get("Status") == "running" else f" (exit code {state.get('ExitCode')})"
    killed = ", killed for lack of memory" if state.get("OOMKilled") else ""
    return code + killed + (f", restarted {restarts} times" if restarts else "")


def _check(check: dict[str, Any], log: Sequence[dict[str, Any]]) -> str:
    """Say what the health check was and what became of it."""
    command = command_text(check.get("Test") or ())
    name = "its health check" + (f" `{command}`" if command else "")
    if not log:
        return f"{name} has given no answer yet"
    output = str(log[-1].get("Output", "")).strip() or "no output"
    if log[-1].get("ExitCode") == _TIMED_OUT:
        return f"{name} timed out: {output}"
    return f"{name} gave exit code {log[-1].get('ExitCode')}: {output}"


def command_text(test: Sequence[str]) -> str:
    """Write a health check's command in one line; a script of several lines is shortened to its place."""
    words = test[1:] if test and test[0] in {"CMD", "CMD-SHELL"} else ()
    return " ".join("…" if "\n" in word.strip() else word for word in words)


def _made_from(name: str, logical_name: str) -> bool:
    """Whether a container's name is a resource's with the random suffix of an automatic name."""
    own, _, suffix = name.lstrip("/").rpartition("-")
    return own == logical_name and _SUFFIX.fullmatch(suffix) is not None
