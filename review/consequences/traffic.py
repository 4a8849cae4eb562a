"""Which containers start, stop and restart, and what users notice of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from review.consequences.model import CONTAINER, SERVICE, Notice, Severity, listed
from review.parts import LABEL_TRAFFIC, labels
from review.plan import Change, Op, Order, Plan
from review.values import mapping, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class How(StrEnum):
    """What happens to a container."""

    INTERRUPT = "old stops, then new starts"
    UNKNOWN = "replaced, the preview does not say in which order"
    RELEASE = "new starts, then old stops"
    ROLL = "rolled by Swarm"
    IN_PLACE = "changed while it runs"
    START = "new"
    STOP = "removed"
    RUN = "runs once"


_CARRIER_ROLE: Final = "carrier"
_MEANWHILE: Final = {
    "gateway": "all requests through it fail meanwhile",
    "database": "its clients lose their connections meanwhile",
    "vector_store": "its clients lose their connections meanwhile",
    "model_server": "answers under way break off, and the models are loaded anew",
    "cache": "its clients lose their connections meanwhile",
}
_DEFAULT_GRACE_S: Final = 0.0
_DEFAULT_WAIT_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """The containers of one part of the platform to which the same happens."""

    part: str
    """Name of the part; of the container where it belongs to none."""
    kind: str
    """Kind of the part, such as ``database``."""
    containers: tuple[str, ...]
    """Logical names."""
    how: How
    interruption: str
    """What users notice, in words of our own."""

    @property
    def interrupts(self) -> bool:
        """Whether there is, or may be, a time in which none serves."""
        return self.how in {How.INTERRUPT, How.UNKNOWN}


def is_carrier(change: Change) -> bool:
    """Whether a container is never started: it only carries files into a volume."""
    return change.part.role == _CARRIER_ROLE or (change.new or change.old).get("start") is False


def is_one_shot(change: Change) -> bool:
    """Whether a container runs to its end: a job, a check, a reload."""
    return (change.new or change.old).get("mustRun") is False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Who gets the requests of a service of which two versions run, before or after."""

    service: str
    """Its name."""
    before: str
    """Shares by version, in words of the plan; empty where there was one version."""
    after: str
    """The same afterwards."""


def shares_of(plan: Plan) -> tuple[Shares, ...]:
    """Return the services whose requests are shared out otherwise, as the gateway's reload says."""
    found: list[Shares] = []
    for change in plan.of(Op.CREATE, Op.REPLACE, Op.DELETE):
        old, new = _shares(change.old), _shares(change.new)
        services = sorted({*old, *new})
        found += [
            Shares(service=service, before=old.get(service, ""), after=new.get(service, ""))
            for service in services
            if old.get(service) != new.get(service)
        ]
    return tuple(found)


def _shares(inputs: Mapping[str, Any]) -> dict[str, str]:
    prefix = f"{LABEL_TRAFFIC}."
    return {name.removeprefix(prefix): text for name, text in labels(inputs).items() if name.startswith(prefix)}


def restarts_of(plan: Plan) -> tuple[Restart, ...]:
    """Return what happens to containers and Swarm services, interruptions first, in the plan's order otherwise."""
    groups: dict[tuple[str, str, How, str], list[str]] = {}
    for change in plan.changes:
        if change.type not in {CONTAINER, SERVICE} or is_carrier(change):
            continue
        how = _how(change)
        if how is None:
            continue
        key = (change.part.name or change.name, change.part.kind, how, _interruption(change, how))
        groups.setdefault(key, []).append(change.name)
    found = [
        Restart(part=part, kind=kind, how=how, interruption=interruption, containers=tuple(names))
        for (part, kind, how, interruption), names in groups.items()
    ]
    return tuple(sorted(found, key=lambda restart: list(How).index(restart.how)))


def traffic_notices(restarts: Sequence[Restart]) -> list[Notice]:
    """Return one notice that names the parts that are interrupted."""
    parts = [restart.part for restart in restarts if restart.interrupts]
    if not parts:
        return []
    one = len(set(parts)) == 1
    return [
        Notice(
            Severity.CAUTION,
            (
                *listed(parts),
                f" {'is' if one else 'are'} interrupted: the old container stops before the new one starts.",
            ),
        )
    ]


def _how(change: Change) -> How | None:
    if is_one_shot(change):
        return How.RUN if change.op in {Op.CREATE, Op.REPLACE} else None
    if change.type == SERVICE and change.op in {Op.UPDATE, Op.REPLACE}:
        return How.ROLL if change.op is Op.UPDATE else How.INTERRUPT
    if change.op is Op.REPLACE:
        return {Order.DELETE_FIRST: How.INTERRUPT, Order.START_FIRST: How.RELEASE, Order.UNKNOWN: How.UNKNOWN}[
            change.order
        ]
    return {Op.CREATE: How.START, Op.IMPORT: None, Op.UPDATE: How.IN_PLACE, Op.DELETE: How.STOP}[change.op]


def _interruption(change: Change, how: How) -> str:
    if how in {How.INTERRUPT, How.UNKNOWN}:
        return _length(change, sure=how is How.INTERRUPT)
    if how is How.RELEASE and not _is_checked(change.new):
        return "possible: without a health check the old one may stop before the new one answers"
    if how is How.ROLL:
        starts_first = mapping(change.new.get("updateConfig")).get("order") == "start-first"
        return "none" if starts_first else "possible: Swarm stops a task before it starts the next"
    if how is How.STOP:
        return "not available afterwards, unless it has other replicas"
    return "none"


def _length(change: Change, *, sure: bool) -> str:
    grace = number(change.old.get("destroyGraceSeconds", _DEFAULT_GRACE_S))
    stop = f"up to {_seconds(grace)} to stop" if grace else "a moment to stop"
    start = "until it runs"
    if _is_checked(change.new):
        start = f"until it is healthy (at most {_seconds(number(change.new.get('waitTimeout', _DEFAULT_WAIT_S)))})"
    meanwhile = _MEANWHILE.get(change.part.kind, "")
    words: Iterable[str] = (f"{'yes' if sure else 'perhaps'}: {stop}, then {start}", meanwhile)
    return "; ".join(word for word in words if word)


def _is_checked(inputs: object) -> bool:
    return bool(mapping(inputs).get("wait"))


def _seconds(seconds: float) -> str:
    return f"{seconds:g} s"
