"""Replacing a resource: create first or delete first, and what else must then be replaced with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import differ
from engine.errors import OperationFailed
from engine.provider import UNKNOWN, Provider, ProviderError
from engine.steps import Op, Step, delete_op
from engine.urn import split_reference

if TYPE_CHECKING:
    from engine.deployment import Deployment
    from engine.differ import Difference
    from engine.planner import Planner, Registration
    from engine.state import Entry

_UNPROTECT = "To unprotect it, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"


class ReplacementPlanner:
    """Turns the difference of a known resource into steps."""

    def __init__(self, deployment: Deployment, planner: Planner) -> None:
        self._deployment = deployment
        self._planner = planner
        self._condemned: set[Entry] = set()
        self._keys: dict[str, tuple[str, ...]] = {}

    def recreate(self, old: Entry, new: Entry) -> list[Step]:
        """The resource was deleted earlier in this run, for something that it depends on: it comes back."""
        self._planner.deleted.discard(new.urn)
        self._planner.replaced.add(new.urn)
        keys = self._keys.get(old.urn, ())
        return [Step(Op.REPLACE, old, new), Step(Op.CREATE_REPLACEMENT, old, new, keys=keys)]

    def steps(
        self, registration: Registration, old: Entry, provider: Provider | None, difference: Difference
    ) -> list[Step]:
        """Same, update or one of the two kinds of replacement."""
        goal, new = registration.goal, registration.new
        if new.urn in self._planner.deleted:
            return self.recreate(old, new)
        failed = bool(old.init_errors)
        difference = differ.with_replace_on_changes(difference, goal.replace_on_changes, init_errors=failed)
        if old.pending_replacement or (difference.changes and difference.replaces):
            return self._replace(registration, old, provider, difference)
        if difference.changes or failed:
            step = Step(Op.UPDATE, old, new, diffs=difference.changed_keys, detailed=difference.detailed)
            step.ignore_changes = goal.ignore_changes
            return [step]
        return [] if registration.imported else [Step(Op.SAME, old, new)]

    def _replace(
        self, registration: Registration, old: Entry, provider: Provider | None, difference: Difference
    ) -> list[Step]:
        goal, new = registration.goal, registration.new
        self._refuse(registration, old, difference)
        self._planner.replaced.add(new.urn)
        if provider is not None and not self._planner.is_targeted(registration):
            # What was carried over from the old inputs (an automatic name) is not the new resource's.
            registration.properties = goal.properties
            self._planner.check(registration, provider, None)
        delete_first = difference.delete_first if goal.delete_before_replace is None else goal.delete_before_replace

        def step(op: Op) -> Step:
            keys, diffs = difference.replace_keys, difference.changed_keys
            return Step(op, old, new, keys, diffs, difference.detailed, supersedes=not delete_first)

        if not delete_first:
            return [step(Op.CREATE_REPLACEMENT), step(Op.REPLACE)]
        steps = self._delete_dependents(old, new)
        if not old.pending_replacement:
            self._planner.deleted.add(old.urn)
            steps.append(Step(delete_op(old, replacing=True), old, None, precedes=True))
        return [*steps, step(Op.REPLACE), step(Op.CREATE_REPLACEMENT)]

    def _refuse(self, registration: Registration, old: Entry, difference: Difference) -> None:
        deployment, urn = self._deployment, registration.urn
        if registration.new.protect and old.protect:
            text = f"unable to replace resource {urn!r}\nas it is currently marked for protection. {_UNPROTECT}"
            if not deployment.options.preview:
                raise OperationFailed(text)
            deployment.fail(OperationFailed(text), urn, stop=False)
        if registration.goal.import_id:
            text = (
                "previously-imported resources that still specify an ID may not be replaced; please remove the `import`"
                f" declaration from your program; differing: {', '.join(difference.replace_keys)}"
            )
            if not deployment.options.preview:
                raise OperationFailed(f"{urn}: {text}")
            deployment.events.diagnostic("warning", text, urn)

    def _delete_dependents(self, old: Entry, new: Entry) -> list[Step]:
        deployment, planner = self._deployment, self._planner
        dependents: list[tuple[Entry, tuple[str, ...]]] = []
        if old in deployment.graph:
            dependents = self._dependents(old)
        dependents += [(entry, ()) for entry in self._cascading(new.urn)]
        steps: list[Step] = []
        for entry, keys in reversed(dependents):
            if entry in self._condemned:
                continue
            self._keys[entry.urn] = keys
            if entry.protect and not entry.delete:
                raise OperationFailed(
                    f"unable to replace resource {entry.urn!r} as part of replacing {new.urn!r}"
                    f" as it is currently marked for protection. {_UNPROTECT}"
                )
            op = delete_op(entry, replacing=not entry.delete)
            steps.append(Step(op, entry, None, precedes=not entry.delete))
            planner.deleted.add(entry.urn)
            self._condemned.add(entry)
        return steps

    def was_condemned(self, entry: Entry) -> bool:
        """Whether the entry was deleted in this run as the dependent of another."""
        return entry in self._condemned

    def _dependents(self, root: Entry) -> list[tuple[Entry, tuple[str, ...]]]:
        """What depends on ``root`` in the old state in such a way that it must be replaced too, in dependency order."""
        found: list[tuple[Entry, tuple[str, ...]]] = []
        replaced = {root.urn}
        for entry in self._deployment.graph.depending_on(root, self._planner.processed | self._planner.deleted):
            must, keys = self._must_follow(entry, replaced)
            if must:
                found.append((entry, keys))
                replaced.add(entry.urn)
        return found

    def _must_follow(self, entry: Entry, replaced: set[str]) -> tuple[bool, tuple[str, ...]]:
        if not entry.custom or entry.external:
            return False, ()
        if entry.provider and split_reference(entry.provider)[0] in replaced:
            return True, ()
        if entry.deleted_with in replaced:
            return True, ()
        touched = {key for key, urns in entry.property_dependencies.items() if not replaced.isdisjoint(urns)}
        inputs = {key: UNKNOWN if key in touched else value for key, value in entry.inputs.items()}
        if not touched & entry.inputs.keys():
            return False, ()
        try:
            provider, known = self._deployment.registry.of(entry)
            if not known:
                return False, ()
            difference = differ.provider_difference(provider, entry, inputs, entry.ignore_changes)
        except ProviderError as error:
            raise OperationFailed(f"{entry.urn}: {error}") from error
        difference = differ.with_replace_on_changes(difference, entry.replace_on_changes, init_errors=False)
        return difference.replaces, tuple(difference.replace_keys)

    def _cascading(self, urn: str) -> list[Entry]:
        """Those that are replaced or deleted with a resource because their options say so."""
        entries = {**self._deployment.olds, **self._deployment.news}
        return [entry for entry in entries.values() if urn in entry.replace_with or entry.deleted_with == urn]
