"""What Docker has of one stack: found by labels, never by what a command said."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import docker
import docker.errors

if TYPE_CHECKING:
    from collections.abc import Iterable

PROJECT = "slipway.project"
STACK = "slipway.stack"
PART = "slipway.part"
ROLE = "slipway.role"
SERVING = frozenset({"replica", "server"})
"""Roles of containers that are meant to run all the time."""


@dataclass(frozen=True)
class Seen:
    """A container."""

    id: str
    name: str
    part: str
    role: str
    replica: str
    state: str
    """Such as ``running``."""
    health: str
    """``healthy``, ``starting``, ``unhealthy``, or empty where it has no check."""
    restarts: int

    @property
    def well(self) -> bool:
        """Whether it runs and, if it has a health check, is healthy."""
        return self.state == "running" and self.health in {"healthy", ""}


@dataclass(frozen=True)
class World:
    """What there is of a stack at one moment."""

    containers: tuple[Seen, ...]
    volumes: frozenset[str]
    networks: frozenset[str]

    @property
    def empty(self) -> bool:
        """Whether there is nothing."""
        return not (self.containers or self.volumes or self.networks)

    @property
    def starting(self) -> bool:
        """Whether Docker has not yet asked every running container how it is."""
        return any(seen.state == "running" and seen.health == "starting" for seen in self.containers)

    def of(self, *parts: str, roles: Iterable[str] = SERVING) -> list[Seen]:
        """Return the containers of some parts (none named: of all); those that serve, unless other roles are named."""
        wanted = frozenset(roles)
        return [seen for seen in self.containers if (not parts or seen.part in parts) and seen.role in wanted]

    def ids(self, *parts: str, roles: Iterable[str] = SERVING) -> frozenset[str]:
        """Return the ids of :meth:`of`."""
        return frozenset(seen.id for seen in self.of(*parts, roles=roles))

    @property
    def all_ids(self) -> frozenset[str]:
        """The ids of all containers, carriers and one-shots too."""
        return frozenset(seen.id for seen in self.containers)

    def assert_well(self, **replicas: int) -> None:
        """Assert that everything that serves is well, and that parts have as many containers as said."""
        ill = [seen for seen in self.of() if not seen.well]
        assert not ill, f"not well: {ill}"
        for part, number in replicas.items():
            assert len(self.of(part)) == number, f"{part}: {number} containers were expected: {self.of(part)}"

    def __str__(self) -> str:
        """Return what there is, for a failure's message."""
        lines = [f"{seen.name} {seen.part}/{seen.role} {seen.state} {seen.health}" for seen in self.containers]
        return "\n".join([*lines, f"volumes {sorted(self.volumes)}", f"networks {sorted(self.networks)}"])


class Daemon:
    """The Docker daemon of the scenarios."""

    def __init__(self) -> None:
        self.client = docker.from_env(timeout=120)
        self.api = self.client.api

    def world(self, stack: str) -> World:
        """Look at a stack."""
        wanted = {"label": f"{STACK}={stack}"}
        found = [self._inspect(item["Id"]) for item in self.api.containers(all=True, filters=wanted)]
        return World(
            containers=tuple(sorted((_seen(item) for item in found if item), key=lambda seen: (seen.part, seen.name))),
            volumes=frozenset(item["Name"] for item in self.api.volumes(filters=wanted)["Volumes"] or ()),
            networks=frozenset(item["Id"] for item in self.api.networks(filters=wanted)),
        )

    def inspect(self, stack: str) -> list[dict[str, Any]]:
        """Return the whole description of each container of a stack."""
        found = [
            self._inspect(item["Id"]) for item in self.api.containers(all=True, filters={"label": f"{STACK}={stack}"})
        ]
        return [item for item in found if item]

    def sweep(self, stack: str) -> None:
        """Remove everything of a stack, data too."""
        world = self.world(stack)
        for seen in world.containers:
            with contextlib.suppress(docker.errors.NotFound):
                self.api.remove_container(seen.id, force=True, v=True)
        for volume in world.volumes:
            with contextlib.suppress(docker.errors.NotFound):
                self.api.remove_volume(volume, force=True)
        for network in world.networks:
            with contextlib.suppress(docker.errors.NotFound):
                self.api.remove_network(network)

    def exec(self, container: str, *command: str) -> tuple[int, str]:
        """Run a command in a container and return its exit code and output."""
        code, output = self.client.containers.get(container).exec_run(list(command))
        assert isinstance(output, bytes)
        return int(code or 0), output.decode(errors="replace")

    def start(self, container: str, *command: str) -> str:
        """Start a command in a container, and leave it alone."""
        started: str = self.api.exec_create(container, list(command))["Id"]
        self.api.exec_start(started, detach=True)
        return started

    def _inspect(self, container: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.api.inspect_container(container)
        except docker.errors.NotFound:
            return None
        return found


def _seen(item: dict[str, Any]) -> Seen:
    labels = item["Config"].get("Labels") or {}
    return Seen(
        id=item["Id"],
        name=item["Name"].lstrip("/"),
        part=labels.get(PART, ""),
        role=labels.get(ROLE, ""),
        replica=labels.get("slipway.replica", ""),
        state=item["State"]["Status"],
        health=(item["State"].get("Health") or {}).get("Status", ""),
        restarts=item["RestartCount"],
    )
