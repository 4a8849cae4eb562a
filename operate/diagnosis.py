"""What a container that did not become healthy has to say for itself, where the engine's error does not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from operate import labels

if TYPE_CHECKING:
    import docker

_LOG_LINES: Final = 20
_SUFFIX: Final = re.compile(r"[0-9a-f]{7}")


def last_words(client: docker.DockerClient, project: str, stack: str, logical_name: str) -> str | None:
    """Tell of the newest container of a resource: its health, its last check's output, its last log lines.

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
    found: dict[str, Any] = client.api.inspect_container(newest["Id"])
    state = found["State"]
    health = state.get("Health") or {}
    name, judged = found["Name"].lstrip("/"), health.get("Status", "without health check")
    ended = "" if state["Running"] else f" (exit code {state['ExitCode']})"
    lines = [f"container {name} is {state['Status']}, {judged}{ended}"]
    if checks := health.get("Log"):
        output = str(checks[-1].get("Output", "")).strip() or "no output"
        lines.append(f"its last health check gave exit code {checks[-1].get('ExitCode')}: {output}")
    logged = client.api.logs(newest["Id"], tail=_LOG_LINES).decode("utf-8", errors="replace").rstrip()
    lines.append("its last log lines:" if logged else "it logged nothing")
    lines += [f"  {line}" for line in logged.splitlines()]
    return "\n".join(lines)


def _made_from(name: str, logical_name: str) -> bool:
    """Whether a container's name is a resource's with the random suffix of an automatic name."""
    own, _, suffix = name.lstrip("/").rpartition("-")
    return own == logical_name and _SUFFIX.fullmatch(suffix) is not None
