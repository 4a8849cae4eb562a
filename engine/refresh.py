"""Reading the world: the state takes on what is there, and forgets what is gone. Nothing in the world changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from engine import boundary, differ
from engine.deployment import Deployment, Stopped
from engine.errors import OperationFailed
from engine.provider import PropertyDiff, ProviderError
from engine.state import now
from engine.steps import Op, Step
from engine.urn import split_reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.state import Entry


def refresh_state(deployment: Deployment, *, counted: bool) -> None:
    """Refresh every entry and continue from the result; ``counted`` if that is the whole operation.

    Raises Stopped after the first failure; what was read until then is dropped, as the file has not changed.
    """
    entries = deployment.base.resources
    with ThreadPoolExecutor(deployment.options.parallel) as pool:
        found = list(pool.map(lambda entry: _refresh(deployment, entry, counted=counted), entries))
    deployment.check_running()
    results = dict(zip(entries, found, strict=True))
    resources = pruned([entry for entry in found if entry is not None], {entry.urn: entry.parent for entry in entries})
    base = replace(deployment.base, resources=resources)
    changed = any(results[entry] is not entry for entry in entries)
    deployment.rebase(base)
    if changed:
        deployment.snapshot.rebase(base)


def _refresh(deployment: Deployment, entry: Entry, *, counted: bool) -> Entry | None:
    """The entry as the world has it now: itself if nothing differs, None if it is gone."""
    try:
        deployment.check_running()
    except Stopped:
        return entry
    step = Step(Op.REFRESH, entry, entry)
    deployment.events.step("resourcePreEvent", step)
    new: Entry | None = entry
    if entry.custom and not entry.is_provider and not entry.pending_replacement:
        try:
            new, step.detailed, step.diffs = _read(deployment, entry)
        except (ProviderError, Stopped) as error:
            if isinstance(error, ProviderError):
                text = f"refresh of {entry.type} {entry.urn.rsplit('::', 1)[-1]!r} failed: {error}"
                deployment.fail(OperationFailed(text), entry.urn)
            return entry
    step.new = new
    result = _result(entry, new, step)
    if counted:
        deployment.events.count(step, result)
    deployment.events.step("resOutputsEvent", step, op=result if counted else Op.REFRESH)
    return new


def _result(old: Entry, new: Entry | None, step: Step) -> Op:
    if new is None:
        return Op.DELETE
    if new is old:
        return Op.SAME
    if old.external:
        return Op.SAME if differ.same_values(old.outputs, new.outputs) else Op.UPDATE
    return Op.UPDATE if step.detailed or step.diffs else Op.SAME


def _read(
    deployment: Deployment, entry: Entry
) -> tuple[Entry | None, Mapping[str, PropertyDiff] | None, Sequence[str]]:
    provider, known = deployment.registry.of(entry)
    if not known:
        return entry, None, ()
    with deployment.slot():
        found = boundary.read(provider, entry, entry.inputs, entry.outputs)
    if not found.id:
        return None, None, ()
    new = entry.copy(id=found.id, inputs=found.inputs or entry.inputs, outputs=found.outputs, init_errors=[])
    boundary.mark_outputs(new)
    changed = not (differ.same_values(new.inputs, entry.inputs) and differ.same_values(new.outputs, entry.outputs))
    if changed:
        new.modified = now()
    if entry.external:
        return new, None, ()
    # What the next update would do, seen from the other side: how the world departed from the program.
    difference = differ.provider_difference(provider, new, entry.inputs, entry.ignore_changes, inverted=True)
    return new, difference.detailed or {}, difference.changed_keys if difference.changes else ()


def pruned(entries: Sequence[Entry], parents: Mapping[str, str]) -> list[Entry]:
    """The entries without references to what is no longer among them; orphans go to the parent of their parent.

    ``parents`` knows the parents of those, too, that are gone.
    """
    present: set[str] = set()
    result: list[Entry] = []
    for entry in entries:
        parent = entry.parent
        while parent and parent not in present:
            parent = parents.get(parent, "")
        kept = entry
        if any(urn not in present for urn in entry.dependency_urns() if urn != split_reference(entry.provider)[0]):
            kept = entry.copy(
                parent=parent,
                dependencies=[urn for urn in entry.dependencies if urn in present],
                property_dependencies={
                    key: [urn for urn in urns if urn in present] for key, urns in entry.property_dependencies.items()
                },
                deleted_with=entry.deleted_with if entry.deleted_with in present else "",
                replace_with=[urn for urn in entry.replace_with if urn in present],
            )
        present.add(entry.urn)
        result.append(kept)
    return result
