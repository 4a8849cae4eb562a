"""Carrying out steps: the provider's call, the entry's new content, the checkpoint before and after, the events."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from engine import boundary
from engine.deployment import Deployment, Stopped
from engine.differ import same_values
from engine.errors import EngineError, OperationFailed
from engine.provider import UNKNOWN, Properties, ProviderError
from engine.state import now
from engine.steps import DELETES, Op, Step
from engine.values import UNKNOWN_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from engine.boundary import Applied
    from engine.state import Entry

_OPERATIONS: Final = {
    Op.CREATE: "creating",
    Op.CREATE_REPLACEMENT: "creating",
    Op.UPDATE: "updating",
    Op.READ: "reading",
    Op.READ_REPLACEMENT: "reading",
    Op.IMPORT: "importing",
    Op.IMPORT_REPLACEMENT: "importing",
}
_PARTIAL_FAILURE: Final = 1
_UNKNOWN_OUTCOME: Final = 2


class InitFailedError(ProviderError):
    """The resource exists, but did not come up well."""


class Executor:
    """Carries out steps for any number of threads."""

    def __init__(self, deployment: Deployment, deleted: Collection[str]) -> None:
        self._deployment = deployment
        self._deleted = deleted
        """URNs that are deleted in this run; it grows while planning goes on."""
        self._apply: dict[Op, Callable[[Step], None]] = {
            Op.SAME: self._same,
            Op.CREATE: self._create,
            Op.CREATE_REPLACEMENT: self._create,
            Op.UPDATE: self._update,
            Op.READ: self._read,
            Op.READ_REPLACEMENT: self._read,
            Op.IMPORT: self._import,
            Op.IMPORT_REPLACEMENT: self._import,
            Op.REPLACE: lambda _step: None,
            Op.REMOVE_PENDING_REPLACE: lambda step: deployment.snapshot.end(done=step.old),
            **dict.fromkeys(DELETES, self._delete),
        }

    def run(self, steps: Sequence[Step]) -> None:
        """Carry out one resource's steps, one after the other. Raises Stopped at the first that fails."""
        for step in steps:
            self._deployment.check_running()
            self._run(step)

    def run_parallel(self, steps: Sequence[Step]) -> None:
        """Carry out independent steps at the same time; what fails is reported, and stops those not yet begun."""

        def attempt(step: Step) -> None:
            try:
                self.run([step])
            except Stopped:
                return

        with ThreadPoolExecutor(max_workers=self._deployment.options.parallel) as pool:
            list(pool.map(attempt, steps))

    def _run(self, step: Step) -> None:
        deployment = self._deployment
        deployment.events.step("resourcePreEvent", step)
        try:
            self._apply[step.op](step)
            self._finished(step)
        except ProviderError as error:
            self._failed(step, error)
        except Stopped:
            raise
        except EngineError as error:
            deployment.fail(error, step.urn)
            raise Stopped(str(error)) from error

    def _failed(self, step: Step, error: ProviderError) -> None:
        deployment = self._deployment
        partial = isinstance(error, InitFailedError)
        protected = isinstance(error, ProtectedError)
        text = (
            str(error)
            if protected
            else f"{step.op} of {step.entry.type} {step.urn.rsplit('::', 1)[-1]!r} failed: {error}"
        )
        status = _PARTIAL_FAILURE if partial else 0 if protected else _UNKNOWN_OUTCOME
        deployment.damaged |= status == _UNKNOWN_OUTCOME and not deployment.options.preview
        # A protected entry is only refused; the rest can still be dealt with.
        deployment.fail(OperationFailed(text), step.urn, stop=not protected)
        if deployment.options.preview:
            raise Stopped(text) from error
        deployment.events.step("resOpFailedEvent", step, status=status, steps=sum(deployment.events.counts.values()))
        if not partial:
            deployment.snapshot.end(step.old if step.op in DELETES else step.new)
        self._flush(step)
        raise Stopped(text) from error

    def _finished(self, step: Step) -> None:
        deployment = self._deployment
        if step.new is not None and step.op is not Op.REPLACE:
            deployment.news[step.urn] = step.new
        if step.logical and not (step.op is Op.READ and (step.old is None or _unchanged_read(step))):
            deployment.events.count(step)
        if step.entry.custom or step.op in DELETES or deployment.options.preview:
            deployment.events.step("resOutputsEvent", step)
        if step.new is not None and step.new.is_provider and step.op is not Op.REPLACE:
            self._load_provider(step)
        if step.op is not Op.REPLACE and not (step.op is Op.SAME and not _moved(*_both(step))):
            self._flush(step)

    def _load_provider(self, step: Step) -> None:
        new = step.new
        if new is None:
            return
        # A provider whose inputs changed without a difference keeps what it was configured with.
        same = step.op is Op.SAME and step.old is not None
        self._deployment.registry.load(new.copy(inputs=step.old.inputs) if same and step.old else new)
        for alias in new.aliases:
            self._deployment.registry.alias(f"{new.urn}::{new.id}", alias)

    def _flush(self, step: Step) -> None:
        # Components and provider resources exist in the state only: the next write that matters takes them along.
        if step.entry.custom and not step.entry.is_provider:
            self._deployment.snapshot.flush()

    def _begin(self, step: Step, entry: Entry) -> None:
        if entry.custom and not entry.is_provider and not self._deployment.options.preview:
            operation = "deleting" if step.op in DELETES else _OPERATIONS[step.op]
            self._deployment.snapshot.begin(entry, operation)

    def _same(self, step: Step) -> None:
        old, new = _both(step)
        new.id = old.id
        new.outputs = old.outputs
        if new.custom:
            boundary.mark_outputs(new)
            if same_values(new.outputs, old.outputs) and not _secrecy_changed(old.outputs, new.outputs):
                new.outputs = old.outputs
        self._deployment.snapshot.end(done=old, new=new)

    def _create(self, step: Step) -> None:
        new, preview = _new(step), self._deployment.options.preview
        applied = None
        if new.custom:
            provider, known = self._deployment.registry.of(new)
            if known:
                with self._deployment.slot():
                    if not preview:
                        new.created = now()  # when the attempt began: what a crash may leave behind is not older
                    self._begin(step, new)
                    applied = boundary.create(provider, new, preview=preview)
                if not preview and not applied.id:
                    raise ProviderError("the provider returned no id")
        with self._deployment.snapshot.changing():
            if applied is not None:
                new.id, new.outputs, new.init_errors = applied.id, applied.outputs, list(applied.reasons)
                boundary.mark_outputs(new)
            new.created = new.modified = now()
            if step.supersedes and step.old is not None:
                step.old.delete = True
            done = step.old if step.old is not None and step.old.pending_replacement else None
            self._deployment.snapshot.end(new, new=new, done=done)
        _raise_for(applied)

    def _update(self, step: Step) -> None:
        old, new = _both(step)
        preview = self._deployment.options.preview
        new.id, new.created, new.modified = old.id, old.created, old.modified
        applied = None
        if new.custom:
            provider, known = self._deployment.registry.of(new)
            if known:
                with self._deployment.slot():
                    self._begin(step, new)
                    applied = boundary.update(provider, old, new, preview=preview)
            else:
                new.outputs = dict.fromkeys(old.outputs, UNKNOWN)
        with self._deployment.snapshot.changing():
            if applied is not None:
                new.outputs, new.init_errors, new.modified = applied.outputs, list(applied.reasons), now()
                boundary.mark_outputs(new)
                if applied.reasons:
                    new.inputs = old.inputs  # it was not updated to these inputs, so the next run must try again
            self._deployment.snapshot.end(new, done=old, new=new)
        _raise_for(applied)

    def _delete(self, step: Step) -> None:
        old = step.old
        if old is None:
            raise AssertionError("a deletion without an entry")
        if step.op is Op.DELETE and old.protect:
            raise ProtectedError(
                f"resource {old.urn!r} cannot be deleted\nbecause it is protected. To unprotect it, either remove the"
                " `protect` flag from the resource in your Pulumi program and run `pulumi up`,"
                f" or use the command:\n`pulumi state unprotect '{old.urn}'`"
            )
        if not self._deployment.options.preview:
            with self._deployment.slot():
                self._begin(step, old)
                gone_with_another = bool(old.deleted_with) and old.deleted_with in self._deleted
                if old.custom and not (old.external or old.retain_on_delete or gone_with_another):
                    provider, _ = self._deployment.registry.of(old)
                    boundary.delete(provider, old)
        with self._deployment.snapshot.changing():
            if step.precedes:
                old.pending_replacement = True
            self._deployment.snapshot.end(old, done=None if old.pending_replacement else old)

    def _read(self, step: Step) -> None:
        new = _new(step)
        outputs: Properties = {}
        new_id = new.id
        if new.id != UNKNOWN_TEXT:
            provider, _ = self._deployment.registry.of(new)
            with self._deployment.slot():
                found = boundary.read(provider, new, new.inputs, new.inputs)
            if not found.id:
                raise ProviderError(f"resource '{new.id}' does not exist")
            outputs, new_id = found.outputs, found.id
        with self._deployment.snapshot.changing():
            new.id, new.outputs = new_id, outputs
            boundary.mark_outputs(new)
            if step.supersedes and step.old is not None:
                step.old.delete = True
            if step.old is not None:
                new.created, new.modified = step.old.created, step.old.modified
                if not _unchanged_read(step):
                    new.modified = now()
            self._deployment.snapshot.end(new, done=None if step.supersedes else step.old, new=new)

    def _import(self, step: Step) -> None:
        new = _new(step)
        provider, _ = self._deployment.registry.of(new)
        with self._deployment.slot():
            found = boundary.read(provider, new, {}, {})
        if not found.id:
            raise ProviderError(f"resource '{new.import_id}' does not exist")
        replaced = step.old
        with self._deployment.snapshot.changing():
            new.id, new.inputs, new.outputs = found.id, found.inputs, found.outputs
            new.created = new.modified = now()
            boundary.mark_outputs(new)
            step.old = new.copy(additional_secret_outputs=[], aliases=[], created="", modified="")
            if replaced is not None:
                replaced.delete = True
            self._deployment.snapshot.end(new, new=new)


class ProtectedError(ProviderError):
    """The entry may not be deleted."""


def _new(step: Step) -> Entry:
    if step.new is None:
        raise AssertionError(f"{step.op} without a new state")
    return step.new


def _both(step: Step) -> tuple[Entry, Entry]:
    if step.old is None:
        raise AssertionError(f"{step.op} without an old state")
    return step.old, _new(step)


def _raise_for(applied: Applied | None) -> None:
    if applied is not None and applied.reasons:
        raise InitFailedError("; ".join(applied.reasons))


def _unchanged_read(step: Step) -> bool:
    old, new = step.old, step.new
    return old is not None and new is not None and same_values(old.outputs, new.outputs)


def _secrecy_changed(old: Properties, new: Properties) -> bool:
    return any(type(old.get(key)) is not type(value) for key, value in new.items())


def _moved(old: Entry, new: Entry) -> bool:
    """Whether a resource that stays as it is has something new to remember."""
    names = ("urn", "type", "provider", "parent", "protect", "retain_on_delete", "deleted_with", "custom_timeouts")
    if any(getattr(old, name) != getattr(new, name) for name in names):
        return True
    if set(old.dependencies) != set(new.dependencies) or old.replace_with != new.replace_with:
        return True
    values = ("inputs", "outputs", "replacement_trigger")
    return not all(same_values(getattr(old, name), getattr(new, name)) for name in values)
