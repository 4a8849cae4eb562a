"""Finding a stack's containers by part, for commands that look into them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from operate import labels
from operate.errors import OperateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import docker


class NoSuchPart(OperateError):  # noqa: N818 - named as what it reports
    """The part is unknown, or has no container that fits."""

    exit_code: ClassVar[int] = 2


@dataclass(frozen=True)
class Found:
    """A container of a stack."""

    id: str
    """Docker's id."""
    name: str
    """Its name on the host."""
    part: str
    """Its part."""
    role: str
    """What it is to its part."""
    replica: int
    """Its number, from 0."""
    running: bool
    """Whether it runs."""
    kind: str = ""
    """Kind of its part: ``database``, ``cache``, ``job``, …"""
    slot: str = ""
    """Which of two versions of a service it is of, if it is not the only one."""

    @property
    def version(self) -> str:
        """Its part, or the version of a service: ``api-canary``."""
        return f"{self.part}-{self.slot}" if self.slot else self.part

    @property
    def title(self) -> str:
        """How it is called in the stack's own words: ``api-0``, ``api-canary-0``, ``migrate``."""
        if self.role in labels.SERVING_ROLES:
            return f"{self.version}-{self.replica}"
        return self.part if self.role == "job" else f"{self.part}-{self.role}"


def find_containers(client: docker.DockerClient, project: str, stack: str) -> list[Found]:
    """Return all of a stack's containers but those that only carry files, ordered by title."""
    listed = client.api.containers(all=True, filters=labels.filters(project, stack))
    found = [_found(item) for item in listed if item["Labels"].get(labels.ROLE) != labels.CARRIER_ROLE]
    return sorted(found, key=lambda item: (item.title, item.name))


def of_part(containers: Iterable[Found], part: str | None, stack: str) -> list[Found]:
    """Return the containers of one part; without a part, those that run all the time.

    Raises:
        NoSuchPart: There is no such part, or nothing at all.
    """
    everything = list(containers)
    if not everything:
        raise NoSuchPart(f"stack {stack} has no containers\n  fix: slipway up --stack {stack}")
    if part is None:
        return [item for item in everything if item.role in labels.SERVING_ROLES]
    chosen = [item for item in everything if part in {item.part, item.version, item.title, item.name}]
    if not chosen:
        known = sorted({item.part for item in everything})
        near = difflib.get_close_matches(part, known, n=1)
        hint = f"\n  nearest: {near[0]}" if near else ""
        raise NoSuchPart(f"stack {stack} has no part '{part}'{hint}\n  allowed: {', '.join(known)}")
    return chosen


def one_running(containers: Iterable[Found], part: str, stack: str, replica: int | None) -> Found:
    """Return a running container of a part: the replica asked for, else the first.

    Raises:
        NoSuchPart: None runs.
    """
    candidates = of_part(containers, part, stack)
    running = [item for item in candidates if item.running and replica in {None, item.replica}]
    if not running:
        which = part if replica is None else f"{part}-{replica}"
        raise NoSuchPart(f"no container of {which} is running\n  fix: slipway status --stack {stack}")
    return min(running, key=lambda item: item.replica)


def one_of_kind(containers: Iterable[Found], kind: str, part: str | None, stack: str) -> Found:
    """Return the running server of a kind, such as ``database``: the part asked for, else the only one.

    Raises:
        NoSuchPart: There is none, or there are several and none was asked for.
    """
    own = [item for item in containers if item.kind == kind and item.role == "server"]
    known = sorted({item.part for item in own})
    if part is None and len(known) != 1:
        few = "several, say which one" if known else f"none that runs\n  fix: slipway status --stack {stack}"
        raise NoSuchPart(
            f"stack {stack} has no one {kind}, but {few}" + (f"\n  allowed: {', '.join(known)}" if known else "")
        )
    return (
        one_running(own, part or known[0], stack, None) if own else one_running(containers, part or kind, stack, None)
    )


def _found(item: Mapping[str, Any]) -> Found:
    own = item["Labels"]
    number = own.get(labels.REPLICA, "0")
    name = item["Names"][0].removeprefix("/")
    return Found(
        id=item["Id"],
        name=name,
        part=own.get(labels.PART, name),
        role=own.get(labels.ROLE, ""),
        replica=int(number) if number.isdigit() else 0,
        running=item["State"] == "running",
        slot=own.get(labels.SLOT, ""),
        kind=own.get(labels.KIND, ""),
    )
