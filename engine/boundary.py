"""Calls of a provider: values go in without secret marks and come back marked again, as the real engine does it.

The providers here do not speak secrets. What comes back is marked by name (see :func:`engine.values.annotate`), and
where the provider's schema or the resource's options say so.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.provider import CheckResult, DiffResult, PartialFailure, Properties, Provider, ProviderError, ReadResult
from engine.urn import name_of
from engine.values import Secret, annotate, mark_secret, plain, secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.state import Entry


@dataclass(frozen=True)
class Applied:
    """What a create or update made; ``reasons`` is not empty when the resource exists but did not come up well."""

    id: str
    outputs: Properties
    reasons: tuple[str, ...] = ()


@contextmanager
def _our_errors() -> Iterator[None]:
    """A bug or an unforeseen failure inside a provider is a failed operation, not the end of the engine."""
    try:
        yield
    except ProviderError:
        raise
    except Exception as error:
        raise ProviderError(f"{type(error).__name__}: {error}") from error


def check(
    provider: Provider, entry: Entry, old_inputs: Properties | None, new_inputs: Mapping[str, object]
) -> CheckResult:
    """Check the inputs; secret where the program's inputs or the schema say so."""
    old = None if old_inputs is None else plain(old_inputs)
    with _our_errors():
        result = provider.check(entry.type, name_of(entry.urn), old, plain(dict(new_inputs)))
    marked = annotate(result.inputs, new_inputs)
    return replace(result, inputs=mark_secret(marked, provider.secret_inputs(entry.type)))


def diff(
    provider: Provider,
    entry: Entry,
    *,
    old_inputs: Properties,
    old_outputs: Properties,
    new_inputs: Properties,
    ignore_changes: Sequence[str],
) -> DiffResult:
    """Ask the provider what the new inputs would change."""
    with _our_errors():
        return provider.diff(
            entry.type, entry.id, plain(old_inputs), plain(old_outputs), plain(new_inputs), ignore_changes
        )


def create(provider: Provider, entry: Entry, *, preview: bool) -> Applied:
    """Create the entry's resource from its checked inputs. Raises ProviderError if nothing was made."""
    try:
        with _our_errors():
            result = provider.create(
                entry.type,
                name_of(entry.urn),
                plain(entry.inputs),
                preview=preview,
                timeout=entry.custom_timeouts.get("create"),
            )
    except PartialFailure as failure:
        return Applied(failure.resource_id, _marked(provider, entry, failure.outputs, entry.inputs), failure.reasons)
    return Applied(result.id, _marked(provider, entry, result.outputs, entry.inputs))


def update(provider: Provider, old: Entry, new: Entry, *, preview: bool) -> Applied:
    """Change the resource in place. Raises ProviderError if it stayed as it was."""
    try:
        with _our_errors():
            outputs = provider.update(
                new.type,
                old.id,
                plain(old.inputs),
                plain(old.outputs),
                plain(new.inputs),
                preview=preview,
                timeout=new.custom_timeouts.get("update"),
            )
    except PartialFailure as failure:
        return Applied(old.id, _marked(provider, new, failure.outputs, new.inputs), failure.reasons)
    return Applied(old.id, _marked(provider, new, outputs, new.inputs))


def read(provider: Provider, entry: Entry, inputs: Properties, outputs: Properties) -> ReadResult:
    """Look at the resource in the world, knowing these inputs and outputs."""
    with _our_errors():
        result = provider.read(entry.type, entry.id or entry.import_id, plain(inputs), plain(outputs))
    return ReadResult(
        result.id,
        mark_secret(annotate(result.inputs, inputs), provider.secret_inputs(entry.type)),
        _marked(provider, entry, result.outputs, outputs),
    )


def delete(provider: Provider, entry: Entry) -> None:
    """Remove the resource; one that is gone is no error."""
    with _our_errors():
        provider.delete(
            entry.type, entry.id, plain(entry.inputs), plain(entry.outputs), entry.custom_timeouts.get("delete")
        )


def _marked(provider: Provider, entry: Entry, outputs: Properties, marks: Mapping[str, object]) -> Properties:
    return mark_secret(annotate(outputs, marks), provider.secret_outputs(entry.type))


def mark_outputs(entry: Entry) -> None:
    """Make secret what the options name, and every output whose input of the same name is secret."""
    names = [name for name in entry.additional_secret_outputs if name != "id"]
    names += [name for name, value in entry.inputs.items() if isinstance(value, Secret)]
    outputs = dict(entry.outputs)
    for name in names:
        if name in outputs:
            outputs[name] = secret(outputs[name])
    entry.outputs = outputs
