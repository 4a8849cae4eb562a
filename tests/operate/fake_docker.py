"""A Docker client that answers from lists, so that a test needs no daemon."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import docker.errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import docker

PROJECT, STACK = "shop", "dev"
_COUNTER = iter(range(1, 100_000))


def container(
    part: str,
    *,
    kind: str = "service",
    role: str = "replica",
    replica: int = 0,
    state: str = "running",
    health: str | None = "healthy",
    exit_code: int = 0,
    restarts: int = 0,
    ports: Mapping[str, str] | None = None,
    logs: str = "",
    project: str = PROJECT,
    stack: str = STACK,
) -> dict[str, Any]:
    """Return a container as ``docker inspect`` has it, with its log beside it."""
    number = next(_COUNTER)
    bound = {
        inner: [{"HostIp": outer.rpartition(":")[0], "HostPort": outer.rpartition(":")[2]}]
        for inner, outer in (ports or {}).items()
    }
    return {
        "Id": f"{number:012x}{number:052x}",
        "Name": f"/{part}-{replica}-{number:07x}",
        "Image": "sha256:cafe",
        "RestartCount": restarts,
        "Config": {
            "Image": "slipway/sample:1",
            "Labels": {
                "slipway.project": project,
                "slipway.stack": stack,
                "slipway.part": part,
                "slipway.kind": kind,
                "slipway.role": role,
                "slipway.replica": str(replica),
            },
        },
        "State": {
            "Status": state,
            "ExitCode": exit_code,
            "StartedAt": "2026-01-02T03:04:05.123456789Z",
            "FinishedAt": "0001-01-01T00:00:00Z" if state == "running" else "2026-01-02T04:00:00Z",
            **({"Health": {"Status": health}} if health is not None else {}),
        },
        "NetworkSettings": {"Ports": {"9/tcp": None, **bound}},
        "logs": logs,
    }


def volume(name: str, part: str = "", *, kind: str = "database", content: str | None = None) -> dict[str, Any]:
    """Return a volume as Docker lists it; without a part it has no label at all."""
    own = {"slipway.project": PROJECT, "slipway.stack": STACK, "slipway.part": part, "slipway.kind": kind}
    if content is not None:
        own["slipway.content"] = content
    return {"Name": name, "Labels": own if part else None}


@dataclass
class FakeApi:
    """The low-level half of the client."""

    things: list[dict[str, Any]] = field(default_factory=list)
    stored: list[dict[str, Any]] = field(default_factory=list)
    vanished: set[str] = field(default_factory=set)
    """Ids of containers that go away between listing and inspecting."""
    in_use: set[str] = field(default_factory=set)
    """Names of volumes that a container uses."""
    removed: list[str] = field(default_factory=list)
    executed: list[tuple[str, list[str]]] = field(default_factory=list)
    """Commands that were run in containers."""
    output: bytes = b""
    """What they say."""
    happened: list[dict[str, Any]] = field(default_factory=list)
    """Events of containers."""
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)
    """From when to when they were asked for."""

    def containers(self, *, all: bool = False, filters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:  # noqa: A002 - Docker's own name
        """List containers; only running ones unless all are asked for."""
        wanted = dict(pair.split("=", 1) for pair in (filters or {}).get("label", ()))
        return [
            self._listed(item)
            for item in self.things
            if wanted.items() <= item["Config"]["Labels"].items() and (all or item["State"]["Status"] == "running")
        ]

    def inspect_container(self, identity: str) -> dict[str, Any]:
        """Return everything on a container."""
        if identity in self.vanished:
            raise docker.errors.NotFound("no such container")
        found = [item for item in self.things if item["Id"].startswith(identity)]
        if not found:
            raise docker.errors.NotFound("no such container")
        return found[0]

    def exec_create(self, container: str, command: list[str]) -> dict[str, str]:
        """Note a command that is to run in a container."""
        self.executed.append((container, command))
        return {"Id": "exec"}

    def exec_start(self, _id: str) -> bytes:
        """Answer with what the test says."""
        return self.output

    def exec_inspect(self, _id: str) -> dict[str, int]:
        """Say that it went well."""
        return {"ExitCode": 0}

    def images(self) -> list[dict[str, Any]]:
        """List images."""
        return [{"Id": "sha256:cafe", "RepoTags": ["slipway/sample:tagged"]}, {"Id": "sha256:dead", "RepoTags": None}]

    def volumes(self) -> dict[str, Any]:
        """List volumes."""
        return {"Volumes": self.stored or None}

    def df(self) -> dict[str, Any]:
        """Say how big volumes are: as long as their names; Docker has not counted those in use by nobody knows whom."""
        return {
            "Volumes": [
                {"Name": item["Name"], "UsageData": {"Size": item.get("Size", len(item["Name"]))}}
                for item in self.stored
            ]
        }

    def remove_volume(self, name: str) -> None:
        """Remove a volume."""
        if name in self.in_use:
            raise docker.errors.APIError("409", explanation="volume is in use")
        if name in self.vanished:
            raise docker.errors.NotFound("no such volume")
        self.removed.append(name)
        self.stored = [item for item in self.stored if item["Name"] != name]

    def logs(
        self,
        identity: str,
        *,
        timestamps: bool,
        tail: int | str,
        stream: bool = False,
        follow: bool = False,
        since: float | None = None,
    ) -> bytes | Iterator[bytes]:
        """Return a log, as one piece or in chunks of seven bytes."""
        assert timestamps or not stream
        lines = self.inspect_container(identity)["logs"].splitlines(keepends=True)
        if since is not None:
            first = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            lines = [line for line in lines if line >= first]
        data = "".join(lines if tail == "all" else lines[len(lines) - int(tail) :]).encode()
        if not stream:
            return data
        assert follow
        return iter([data[index : index + 7] for index in range(0, len(data), 7)])

    def events(
        self,
        since: str | None = None,
        until: str | None = None,
        filters: Mapping[str, Any] | None = None,
        *,
        decode: bool,
    ) -> FakeEvents:
        """Return what happened, each event once: as it happens, or afterwards."""
        assert decode
        assert filters
        assert filters["label"]
        assert (since is None) == (until is None)
        self.asked.append((since, until))
        return FakeEvents(self.happened)

    @staticmethod
    def _listed(item: Mapping[str, Any]) -> dict[str, Any]:
        ports = [
            {"PublicPort": int(binding["HostPort"]), "Type": inner.partition("/")[2], "IP": binding["HostIp"]}
            for inner, bindings in item["NetworkSettings"]["Ports"].items()
            for binding in bindings or ()
        ]
        return {
            "Id": item["Id"],
            "Names": [item["Name"]],
            "Labels": item["Config"]["Labels"],
            "State": item["State"]["Status"],
            "Ports": ports,
            "Mounts": item.get("Mounts", []),
        }


@dataclass
class FakeEvents:
    """Events, and a stream that can be closed."""

    happened: list[dict[str, Any]]

    def __iter__(self) -> Iterator[object]:
        """Yield them."""
        return iter(self.happened)

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class FakeImage:
    """An image with its tags."""

    id: str
    tags: list[str] = field(default_factory=list)

    def tag(self, repository: str, tag: str) -> None:
        """Give it another name."""
        self.tags.append(f"{repository}:{tag}")


@dataclass
class FakeImages:
    """Images by reference."""

    there: dict[str, FakeImage] = field(default_factory=dict)

    def get(self, reference: str) -> FakeImage:
        """Return one, or say as docker-py does that there is none."""
        for image in self.there.values():
            if reference in image.tags:
                return image
        if reference not in self.there:
            raise docker.errors.ImageNotFound(f"no image {reference}")
        return self.there[reference]


@dataclass
class FakeClient:
    """A client with that API."""

    api: FakeApi = field(default_factory=FakeApi)
    facts: dict[str, Any] = field(
        default_factory=lambda: {
            "MemTotal": 8 * 1024**3,
            "NCPU": 4,
            "ServerVersion": "24.0.1",
            "DockerRootDir": "/nonexistent",
        }
    )
    images: FakeImages = field(default_factory=FakeImages)

    def info(self) -> dict[str, Any]:
        """Say how big the machine is."""
        return self.facts


def client(*things: dict[str, Any], volumes: list[dict[str, Any]] | None = None) -> docker.DockerClient:
    """Return a client of a daemon that has these containers and volumes."""
    return cast("docker.DockerClient", FakeClient(FakeApi(list(things), volumes or [])))


def entry(
    name: str,
    type_: str = "docker:index/container:Container",
    *,
    labels: Mapping[str, str] | None = None,
    outputs: Mapping[str, Any] | None = None,
    **rest: Any,
) -> dict[str, Any]:
    """Return an entry of a state, as the checkpoint has it."""
    custom = not type_.startswith(("slipway:", "pulumi:"))
    return {
        "urn": f"urn:pulumi:{STACK}::{PROJECT}::slipway:index:Service${type_}::{name}",
        "custom": custom,
        "type": type_,
        **({"id": f"{name}-id"} if custom else {}),
        "inputs": {"labels": [{"label": key, "value": value} for key, value in (labels or {}).items()]},
        "outputs": dict(outputs or {}),
        **rest,
    }
