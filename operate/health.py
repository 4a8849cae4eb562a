"""Asking containers that Docker still calls ``starting`` their own health question.

Docker's first probe comes one interval after the start. Until then its word is not "no", but "not asked yet".
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    import docker

_AT_ONCE: Final = 4


def ask_starting(client: docker.DockerClient, inspected: Iterable[dict[str, Any]]) -> None:
    """Set the health of running containers that are ``starting`` to ``healthy`` where their own check succeeds now."""
    starting = [found for found in inspected if _is_starting(found["State"])]
    if not starting:
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for found, well in zip(starting, pool.map(lambda found: _answers_well(client, found), starting), strict=True):
            if well:
                found["State"]["Health"]["Status"] = "healthy"


def _is_starting(state: dict[str, Any]) -> bool:
    return bool(state.get("Running")) and (state.get("Health") or {}).get("Status") == "starting"


def _answers_well(client: docker.DockerClient, found: dict[str, Any]) -> bool:
    import docker.errors  # noqa: PLC0415 - slow to load

    command = _command(found["Config"])
    if command is None:
        return False
    try:
        execution = client.api.exec_create(found["Id"], command, stdout=True, stderr=True)
        client.api.exec_start(execution["Id"])  # returns when the command has ended
        return bool(client.api.exec_inspect(execution["Id"])["ExitCode"] == 0)
    except docker.errors.APIError:
        return False  # it ended meanwhile: the next look will tell


def _command(config: dict[str, Any]) -> list[str] | None:
    kind, *words = (config.get("Healthcheck") or {}).get("Test") or ["NONE"]
    if kind == "CMD" and words:
        return words
    if kind == "CMD-SHELL" and words:
        return [*(config.get("Shell") or ["/bin/sh", "-c"]), words[0]]
    return None
