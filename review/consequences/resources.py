"""Images that change, and the memory that the touched containers may use before, after and meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from review.consequences.model import CONTAINER, SERVICE
from review.consequences.traffic import is_carrier, is_one_shot
from review.plan import Change, Op, Order, Plan
from review.properties import Kind
from review.values import mapping, number

if TYPE_CHECKING:
    from collections.abc import Mapping

_MIB: Final = 1024 * 1024
_IMAGE_LABELS: Final = frozenset({"image", "taskSpec.containerSpec.image"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageChange:
    """Containers that get another image."""

    old: str
    new: str
    containers: tuple[str, ...]
    """Logical names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Sums of memory limits in MiB, of the containers that the plan touches and that keep running."""

    before_mib: float
    after_mib: float
    peak_mib: float
    """The most while old and new containers run side by side."""
    unlimited: tuple[str, ...]
    """Containers without a limit afterwards."""


def images_of(plan: Plan) -> tuple[ImageChange, ...]:
    """Return images that change, with what uses them; never-started carriers are left out."""
    found: dict[tuple[str, str], list[str]] = {}
    for change in plan.changes:
        if change.type not in {CONTAINER, SERVICE} or is_carrier(change):
            continue
        for difference in change.properties:
            if difference.label in _IMAGE_LABELS and difference.kind is Kind.UPDATE:
                found.setdefault((difference.old or "", difference.new or ""), []).append(change.name)
    return tuple(ImageChange(old=old, new=new, containers=tuple(names)) for (old, new), names in found.items())


def memory_of(plan: Plan) -> Memory | None:
    """Return the memory sums, or None if no container with a limit is touched."""
    touched = [
        change
        for change in plan.changes
        if change.type in {CONTAINER, SERVICE} and not is_carrier(change) and not is_one_shot(change)
    ]
    before = sum(_limit_mib(change.old) for change in touched)
    after = sum(_limit_mib(change.new) for change in touched)
    if not before and not after:
        return None
    meanwhile = after + sum(_limit_mib(change.old) for change in touched if _overlaps(change))
    return Memory(
        before_mib=before,
        after_mib=after,
        peak_mib=max(before, meanwhile),
        unlimited=tuple(change.name for change in touched if change.new and not _limit_mib(change.new)),
    )


def _overlaps(change: Change) -> bool:
    """Whether the old container still runs when all new ones do: deletions come last."""
    return change.op is Op.DELETE or (change.op is Op.REPLACE and change.order is not Order.DELETE_FIRST)


def _limit_mib(inputs: Mapping[str, Any]) -> float:
    task = mapping(inputs.get("taskSpec"))
    if not task:
        return number(inputs.get("memory"))
    limits = mapping(mapping(task.get("resources")).get("limits"))
    replicated = mapping(mapping(inputs.get("mode")).get("replicated"))
    return number(limits.get("memoryBytes")) / _MIB * number(replicated.get("replicas", 1))
