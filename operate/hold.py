"""Holding what uses a store for a moment: its containers stand still, and their requests wait instead of failing.

A container that is paused accepts connections (the kernel does) and answers none until it goes on. Docker does not ask
the health of one that is paused. Whoever is killed in between leaves them paused, which :func:`held` finds.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from operate import labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import docker

    from operate.find_containers import Found


def held(client: docker.DockerClient, project: str, stack: str) -> list[str]:
    """Return the ids of a stack's containers that are paused."""
    filters = {**labels.filters(project, stack), "status": ["paused"]}
    return [item["Id"] for item in client.api.containers(all=True, filters=filters)]


def let_go(client: docker.DockerClient, containers: Iterable[str]) -> None:
    """Let containers go on; those that are gone meanwhile, or do so already, are no trouble."""
    import docker.errors  # noqa: PLC0415 - slow to load

    for container in containers:
        try:
            client.api.unpause(container)
        except docker.errors.APIError:
            if client.api.inspect_container(container)["State"]["Paused"]:
                raise


@contextmanager
def hold(client: docker.DockerClient, containers: Iterable[Found]) -> Iterator[list[str]]:
    """Let containers stand still while something is done."""
    paused: list[str] = []
    try:
        for item in containers:
            client.api.pause(item.id)
            paused.append(item.id)
        yield paused
    finally:
        let_go(client, paused)
