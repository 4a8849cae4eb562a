"""After a crash: what the last run was doing when it died is finished or undone before anything else happens.

The checkpoint names the operations that were under way. A create may have made a resource that nobody recorded: it is
removed, and made again if the program still wants it. A delete or an update may or may not have happened: the resource
is read, and its entry corrected.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine import boundary
from engine.errors import OperationFailed
from engine.provider import ProviderError, Recovers
from engine.state import timestamp
from engine.urn import name_of
from engine.values import plain

if TYPE_CHECKING:
    from engine.checkpoint import Pending
    from engine.deployment import Deployment
    from engine.state import Entry


def recover(deployment: Deployment) -> None:
    """Deal with every operation that was under way, and have the result on disk. Raises OperationFailed."""
    base = deployment.base
    if not base.pending:
        return
    resources = list(base.resources)
    for pending in base.pending:
        try:
            if pending.type == "creating":
                _undo_create(deployment, pending)
            elif pending.type in {"deleting", "updating"}:
                resources = _look_again(deployment, resources, pending)
        except ProviderError as error:
            raise OperationFailed(
                f"the last run was interrupted while {pending.type} {pending.entry.urn}, and its outcome can't be"
                f" determined: {error}"
            ) from error
    recovered = replace(base, resources=resources, pending=[])
    deployment.rebase(recovered)
    deployment.snapshot.rebase(recovered)
    deployment.snapshot.flush()


def _undo_create(deployment: Deployment, pending: Pending) -> None:
    entry = pending.entry
    provider, _ = deployment.registry.of(entry)
    if not isinstance(provider, Recovers):
        text = "the last run was interrupted while creating this; if it came to be, it must be removed by hand"
        deployment.events.diagnostic("warning", text, entry.urn)
        return
    started = timestamp(entry.created)
    removed = provider.recover(entry.type, name_of(entry.urn), plain(entry.inputs), started=started)
    if removed:
        text = "removed what an interrupted run had created without recording it"
        deployment.events.diagnostic("warning", text, entry.urn)


def _look_again(deployment: Deployment, resources: list[Entry], pending: Pending) -> list[Entry]:
    """Correct the entry of an interrupted delete or update by what is there now."""
    index = next((i for i, entry in enumerate(resources) if _is_of(entry, pending.entry)), None)
    if index is None:
        return resources
    entry = resources[index]
    if not entry.custom or entry.is_provider or entry.external or entry.pending_replacement:
        return resources
    provider, _ = deployment.registry.of(entry)
    found = boundary.read(provider, entry, entry.inputs, entry.outputs)
    if not found.id:
        # Gone. One that was superseded is finished; any other is due to be created, or to be forgotten.
        if entry.delete:
            return [*resources[:index], *resources[index + 1 :]]
        new = entry.copy(pending_replacement=True)
    else:
        new = entry.copy(id=found.id, outputs=found.outputs)
        boundary.mark_outputs(new)
    return [*resources[:index], new, *resources[index + 1 :]]


def _is_of(entry: Entry, pending: Entry) -> bool:
    if pending.id:
        return entry.urn == pending.urn and entry.id == pending.id
    return entry.urn in {pending.urn, *pending.aliases} and not entry.delete
