"""Destroying a stack: everything in the state is deleted, dependents first; the program is not run.

What is protected can be left out, and stays in the state with all that it stands on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.steps import Op, Step, delete_op
from engine.update import delete_in_order

if TYPE_CHECKING:
    from engine.deployment import Deployment
    from engine.executor import Executor
    from engine.state import Entry


def destroy_all(
    deployment: Deployment, executor: Executor, deleted: set[str], *, exclude_protected: bool = False
) -> None:
    """Delete every entry; failures are in the deployment. ``deleted`` is what the executor knows of deletions."""
    kept = _needed_by_protected(deployment) if exclude_protected else set()
    entries = [entry for entry in deployment.base.resources if entry not in kept]
    deleted |= {entry.urn for entry in entries}
    delete_in_order(deployment, executor, [_step(entry) for entry in entries])


def _needed_by_protected(deployment: Deployment) -> set[Entry]:
    """Return what is protected, and what that depends on or stands below, to the last."""
    kept: set[Entry] = set()
    found = [entry for entry in deployment.base.resources if entry.protect and not entry.delete]
    while found:
        entry = found.pop()
        if entry not in kept:
            kept.add(entry)
            found.extend(deployment.graph.dependencies_of(entry))
    return kept


def _step(entry: Entry) -> Step:
    if entry.pending_replacement and not entry.delete:
        return Step(Op.REMOVE_PENDING_REPLACE, entry, None)
    return Step(delete_op(entry, replacing=entry.delete), entry, None)
