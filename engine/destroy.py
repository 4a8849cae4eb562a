"""Destroying a stack: everything in the state is deleted, dependents first; the program is not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.steps import Op, Step, delete_op
from engine.update import delete_in_order

if TYPE_CHECKING:
    from engine.deployment import Deployment
    from engine.executor import Executor
    from engine.state import Entry


def destroy_all(deployment: Deployment, executor: Executor, deleted: set[str]) -> None:
    """Delete every entry; failures are in the deployment. ``deleted`` is what the executor knows of deletions."""
    entries = deployment.base.resources
    deleted |= {entry.urn for entry in entries}
    delete_in_order(deployment, executor, [_step(entry) for entry in entries])


def _step(entry: Entry) -> Step:
    if entry.pending_replacement and not entry.delete:
        return Step(Op.REMOVE_PENDING_REPLACE, entry, None)
    return Step(delete_op(entry, replacing=entry.delete), entry, None)
