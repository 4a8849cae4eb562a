"""What of a platform is running and well, by the labels of its containers, compared with its state.

The daemon says what is there, the state what should be there. Without a state, only what is there is judged.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from operate import labels
from operate.backups import exposures, overdue
from operate.health import ask_starting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import docker

    from operate.certificates import ServedCertificate
    from operate.stack_view import Container, StackView
    from operate.version_status import RunningVersion

_RUNNING: Final = "running"
PAUSED: Final = "paused"
_ORDER: Final = {
    "gateway": 0,
    "service": 1,
    "workers": 2,
    "database": 3,
    "cache": 4,
    "vector_store": 5,
    "model_server": 6,
}
_FRACTION_DIGITS: Final = 6
_LATELY_S: Final = 300.0


@dataclass(frozen=True)
class Replica:
    """A container that should run all the time."""

    part: str
    """The part that it belongs to."""
    kind: str
    """Kind of that part."""
    replica: int
    """Its number, from 0."""
    name: str
    """Its name on the host."""
    id: str
    """Docker's id, 12 digits."""
    state: str
    """``running``, ``exited``, ``restarting``, … or ``missing``."""
    health: str | None
    """``healthy``, ``starting``, ``unhealthy``; ``None`` if it has no health check."""
    restarts: int
    """How often Docker has restarted it."""
    since: str | None
    """When its present state began, in UTC as ISO 8601."""
    image: str
    """The image that it was made from."""
    ports: tuple[str, ...]
    """Published ports: ``127.0.0.1:8080->8080/tcp``."""
    exit_code: int | None = None
    """Exit code, if it is not running."""
    slot: str = ""
    """Which of two versions of a service it is of (``canary``, ``blue``, ``green``), if it is not the only one."""

    @property
    def title(self) -> str:
        """How it is called in the stack's own words: ``api-0``, ``api-canary-0``."""
        return "-".join(word for word in (self.part, self.slot, str(self.replica)) if word)

    @property
    def well(self) -> bool:
        """Whether it runs and is healthy, as far as a health check can tell."""
        return self.state == _RUNNING and self.health in {None, "healthy"}

    def restarted_lately(self, now: datetime) -> bool:
        """Whether Docker has restarted it within the last minutes."""
        if not self.restarts or self.since is None:
            return False
        return (now - datetime.fromisoformat(self.since)).total_seconds() < _LATELY_S

    @property
    def trouble(self) -> str:
        """What is wrong, or nothing."""
        if self.well:
            return ""
        if self.state == "missing":
            return "is gone"
        if self.state == PAUSED:
            return "is paused: it answers nobody until it goes on (docker unpause)"
        if self.state != _RUNNING:
            often = f", restarted {self.restarts} times" if self.restarts else ""
            return f"is {self.state}" + ("" if self.exit_code is None else f" (exit code {self.exit_code}{often})")
        return f"is {self.health}"


@dataclass(frozen=True)
class OneShot:
    """A container that has run, or runs, to its end."""

    part: str
    """The part that it belongs to."""
    role: str
    """``job``, ``verify`` or ``reload``."""
    name: str
    """Its name on the host."""
    state: str
    """``exited``, ``running``, …"""
    exit_code: int | None
    """Exit code, once it has ended."""


@dataclass(frozen=True)
class PartStatus:
    """A part with its containers."""

    name: str
    """Its name."""
    kind: str
    """Its kind."""
    replicas: tuple[Replica, ...]
    """Its containers, those that are missing included."""

    @property
    def well(self) -> int:
        """How many are well."""
        return sum(replica.well for replica in self.replicas)


@dataclass(frozen=True)
class Status:
    """A platform at one moment."""

    project: str
    """The project."""
    stack: str
    """The stack."""
    parts: tuple[PartStatus, ...] = ()
    """Parts whose containers should run all the time."""
    one_shots: tuple[OneShot, ...] = ()
    """Jobs, configuration checks and reloads."""
    carriers: int = 0
    """Containers that only carried files into a volume."""
    leftovers: tuple[str, ...] = ()
    """Names of containers with the stack's labels that its state does not know."""
    superseded: tuple[str, ...] = ()
    """Names of containers that have a successor and were not removed yet."""
    closed: tuple[str, ...] = ()
    """Services in maintenance; an empty name is all of them."""
    known: bool = field(default=True)
    """Whether there was a state to compare with."""
    certificates: tuple[ServedCertificate, ...] = ()
    """What the gateway serves over HTTPS, where it was asked."""
    versions: tuple[RunningVersion, ...] = ()
    """Versions of services of which two run."""
    backups: Mapping[str, Any] | None = None
    """What the container that makes backups says of itself, where it was asked."""

    @property
    def troubles(self) -> list[str]:
        """Everything that is not as it should be, in words."""
        found = [
            f"{replica.title} {replica.trouble}"
            for part in self.parts
            for replica in part.replicas
            if not replica.well and replica not in self.held
        ]
        found += [
            f"{job.role} {job.part} failed with exit code {job.exit_code}" for job in self.one_shots if job.exit_code
        ]
        found += [f"{item.host} {item.problem}" for item in self.certificates if item.problem]
        if self.backups is not None and (problem := overdue(self.backups)):
            found.append(problem)
        if self.backups is not None:
            found += exposures(self.backups)
        return found

    @property
    def held(self) -> list[Replica]:
        """Containers that stand still while a backup takes the volume that they write: for a moment, and no trouble."""
        if not self.backups or not (self.backups.get("running") and self.backups.get("pauses")):
            return []
        return [replica for part in self.parts for replica in part.replicas if replica.state == PAUSED]

    @property
    def deployed(self) -> bool:
        """Whether there is anything at all."""
        return bool(self.parts or self.one_shots or self.carriers)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-like data."""
        return {
            "project": self.project,
            "stack": self.stack,
            "healthy": not self.troubles and self.deployed,
            "troubles": self.troubles,
            "parts": [
                {"name": part.name, "kind": part.kind, "replicas": [asdict(replica) for replica in part.replicas]}
                for part in self.parts
            ],
            "one_shots": [asdict(job) for job in self.one_shots],
            "carriers": self.carriers,
            "maintenance": {"all": "" in self.closed, "services": [name for name in self.closed if name]},
            "leftovers": list(self.leftovers),
            "superseded": list(self.superseded),
            "certificates": [asdict(item) for item in self.certificates],
            "versions": [asdict(item) for item in self.versions],
            "backups": self.backups,
        }


def read_status(client: docker.DockerClient, project: str, stack: str, view: StackView | None) -> Status:
    """Ask Docker for the stack's containers and compare them with the state."""
    import docker.errors  # noqa: PLC0415 - slow to load

    found: dict[str, dict[str, Any]] = {}
    for item in client.api.containers(all=True, filters=labels.filters(project, stack)):
        try:
            found[item["Id"]] = client.api.inspect_container(item["Id"])
        except docker.errors.NotFound:  # removed in between
            continue
    ask_starting(client, found.values())
    tags = {image["Id"]: image["RepoTags"][0] for image in client.api.images() if image.get("RepoTags")}
    return judge(found, project, stack, view, tags)


def judge(
    found: Mapping[str, Mapping[str, Any]],
    project: str,
    stack: str,
    view: StackView | None,
    tags: Mapping[str, str] | None = None,
) -> Status:
    """Make a status of inspected containers by id, and the state; ``tags`` are names of images by id."""
    serving: dict[tuple[str, str], list[Replica]] = defaultdict(list)
    one_shots: list[OneShot] = []
    carriers = 0
    for container in found.values():
        own = container["Config"].get("Labels") or {}
        role = own.get(labels.ROLE, "")
        if role == labels.CARRIER_ROLE:
            carriers += 1
        elif role in labels.ONE_SHOT_ROLES or role == labels.UPGRADE_ROLE:
            one_shots.append(_one_shot(container, own))
        else:
            replica = _replica(container, own, tags or {})
            serving[replica.part, replica.kind].append(replica)
    known = {item.id for item in view.containers} if view else set()
    for lost in _missing(view, found):
        serving[lost.part, lost.kind].append(lost)
    return Status(
        project=project,
        stack=stack,
        parts=tuple(
            PartStatus(name, kind, tuple(sorted(replicas, key=lambda item: (item.slot, item.replica, item.name))))
            for (name, kind), replicas in sorted(serving.items(), key=lambda item: (_ORDER.get(item[0][1], 9), item[0]))
        ),
        one_shots=tuple(sorted(one_shots, key=lambda job: (job.part, job.role))),
        carriers=carriers,
        leftovers=_names(found, lambda key: view is not None and key not in known | view.superseded),
        superseded=_names(found, lambda key: view is not None and key in view.superseded),
        known=view is not None,
    )


def broken_containers(view: StackView | None, running: Iterable[Mapping[str, Any]]) -> list[Container]:
    """Return containers of the state that should run and don't: gone, stopped or dead.

    Args:
        view: The state.
        running: The stack's containers as the daemon lists them (``Id``, ``State``).
    """
    states = {item["Id"]: item["State"] for item in running}
    alive = {_RUNNING, "restarting", "created", "paused"}
    return [item for item in (view.serving if view else ()) if item.id and states.get(item.id) not in alive]


def _missing(view: StackView | None, found: Mapping[str, object]) -> list[Replica]:
    return [
        Replica(
            part=item.part,
            kind=item.labels.get(labels.KIND, ""),
            replica=_number(item.labels.get(labels.REPLICA)),
            name=item.name,
            id=item.id[:12],
            state="missing",
            health=None,
            restarts=0,
            since=None,
            image="",
            ports=(),
            slot=item.labels.get(labels.SLOT, ""),
        )
        for item in (view.serving if view else ())
        if item.id not in found
    ]


def _names(found: Mapping[str, Mapping[str, Any]], wanted: Callable[[str], bool]) -> tuple[str, ...]:
    return tuple(sorted(_name(container) for key, container in found.items() if wanted(key)))


def _replica(container: Mapping[str, Any], own: Mapping[str, str], tags: Mapping[str, str]) -> Replica:
    state = container["State"]
    running = state["Status"] == _RUNNING
    return Replica(
        part=own.get(labels.PART, _name(container)),
        kind=own.get(labels.KIND, ""),
        replica=_number(own.get(labels.REPLICA)),
        name=_name(container),
        id=container["Id"][:12],
        state=state["Status"],
        health=(state.get("Health") or {}).get("Status") if running else None,
        restarts=int(container.get("RestartCount") or 0),
        since=_moment(state.get("StartedAt" if running else "FinishedAt")),
        image=tags.get(container.get("Image", ""), container["Config"].get("Image", "")),
        ports=tuple(_ports(container)),
        exit_code=None if running else state.get("ExitCode"),
        slot=own.get(labels.SLOT, ""),
    )


def _one_shot(container: Mapping[str, Any], own: Mapping[str, str]) -> OneShot:
    state = container["State"]
    ended = state["Status"] in {"exited", "dead"}
    return OneShot(
        part=own.get(labels.PART, _name(container)),
        role=own[labels.ROLE],
        name=_name(container),
        state=state["Status"],
        exit_code=state.get("ExitCode") if ended else None,
    )


def _ports(container: Mapping[str, Any]) -> Iterable[str]:
    network = container.get("NetworkSettings") or {}
    bound: Mapping[str, Sequence[Mapping[str, str]] | None] = network.get("Ports") or {}
    for inner, outer in sorted(bound.items()):
        for binding in outer or ():
            yield f"{binding['HostIp']}:{binding['HostPort']}->{inner}"


def _name(container: Mapping[str, Any]) -> str:
    return str(container["Name"]).removeprefix("/")


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _moment(text: str | None) -> str | None:
    """Docker's time with at most microseconds, as Python reads it; its zero time counts as none."""
    if not text or text.startswith("0001-"):
        return None
    head, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{head}.{fraction[:_FRACTION_DIGITS] or '0'}+00:00").isoformat(timespec="seconds")
