"""Telling of containers that ended while something was deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.console import error
from operate.diagnosis import story
from operate.settling import fallen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cli.console import Console
    from cli.deployment import Plan
    from operate.endings import Ending, Endings
    from operate.status import Status


def tell_fallen(console: Console, plan: Plan, status: Status, endings: Endings) -> bool:
    """After a deployment: tell of what was killed or did not stay up. Returns whether anything did not."""
    for killed in endings.killed:
        console.warn(str(killed))
    found = fallen(status, plan.made, endings.by_themselves)
    for item in found:
        error(str(item))
        if plan.client is not None and (said := story(plan.client, item.replica.id)):
            error(said)
    there = {replica.id: replica for part in status.parts for replica in part.replicas}
    for ending in _last(endings):
        if ending.id in there and ending.id not in {each.replica.id for each in found}:
            console.warn(
                f"{ending.name} ({ending.kind} {ending.part}) ended by itself with exit code {ending.exit_code}"
                " meanwhile, and runs again"
            )
    return bool(found)


def tell_ended(console: Console, plan: Plan, endings: Endings, told: Sequence[str]) -> None:
    """After a failure: tell of what ended by itself, unless its resource's failure was told already.

    Args:
        console: Where to tell.
        plan: The deployment.
        endings: What ended.
        told: Names of the resources whose failure was told.
    """
    for killed in endings.killed:
        console.warn(str(killed))
    for item in _last(endings):
        if any(name and item.name.startswith(f"{name}-") for name in told):
            continue
        error(f"{item.kind} {item.part}: {item.name} ended by itself with exit code {item.exit_code} meanwhile")
        if plan.client is not None and (said := story(plan.client, item.id)):
            error(said)


def _last(endings: Endings) -> Iterable[Ending]:
    """Return the last end of each container that ended by itself."""
    return {ending.id: ending for ending in endings.by_themselves}.values()
