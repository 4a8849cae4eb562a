"""Changes gathered as a reader wants them: by what happens, and alike replicas as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from review.plan import Change, Op, Plan
from review.urns import short_type

if TYPE_CHECKING:
    from collections.abc import Iterable

    from review.properties import PropertyChange

ORDER = (Op.DELETE, Op.REPLACE, Op.UPDATE, Op.CREATE, Op.IMPORT)
"""What can hurt stands first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Resources of one part that change in the same way, such as the replicas of a service."""

    op: Op
    names: tuple[str, ...]
    """Logical names."""
    word: str
    """What they are, such as ``Container``."""
    part: str
    """Name of their part; empty if they belong to none or are it."""
    kind: str
    """Kind of their part."""
    role: str
    """What they are to their part."""
    reasons: tuple[str, ...]
    """Labels of the properties that force the replacement, else the engine's reasons, else what differs."""
    properties: tuple[PropertyChange, ...]
    blocked: bool


def groups_of(plan: Plan, op: Op) -> tuple[Group, ...]:
    """Return the groups of one operation, in the plan's order of each one's first resource."""
    found: dict[tuple[object, ...], list[Change]] = {}
    for change in plan.of(op):
        key = (change.type, change.part, change.properties, change.reasons, change.blocked)
        found.setdefault(key, []).append(change)
    return tuple(_group(op, changes) for changes in found.values())


def _group(op: Op, changes: list[Change]) -> Group:
    first = changes[0]
    forcing = tuple(dict.fromkeys(difference.label for difference in first.properties if difference.forces))
    return Group(
        op=op,
        names=tuple(change.name for change in changes),
        word=short_type(first.type),
        part="" if first.part.name == first.name else first.part.name,
        kind=first.part.kind,
        role=first.part.role,
        reasons=forcing or first.reasons or tuple(difference.label for difference in first.properties),
        properties=first.properties,
        blocked=first.blocked,
    )


def counted(plan: Plan) -> dict[Op, int]:
    """How many resources each operation has, those that happen, in reading order: creates first."""
    order: Iterable[Op] = (Op.CREATE, Op.IMPORT, Op.UPDATE, Op.REPLACE, Op.DELETE)
    return {op: count for op in order if (count := len(plan.of(op)))}
