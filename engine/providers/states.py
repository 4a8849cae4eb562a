"""Reconciling two states of a resource, as Terraform's SDK does around a plan, an apply and a read.

The SDK loses the difference between null and empty on its way through its older internals; these functions give it back
exactly as the real one does (``normalizeNullValues``, ``SetUnknowns`` and ``ValuesSDKEquivalent`` there).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.provider import UNKNOWN
from engine.providers.schema import Block, Field, Kind
from engine.providers.values import as_items, from_items, wholly_known

if TYPE_CHECKING:
    from collections.abc import Mapping


def normalise(block: Block, new: Mapping[str, Any], model: Mapping[str, Any], *, applied: bool) -> dict[str, Any]:
    """Return ``new`` with nulls and empties taken from ``model`` where the SDK lost them.

    Args:
        block: The fields of both.
        new: What was planned, created, updated or read.
        model: What it answers to: the proposed state for a plan, the plan for an apply, the old state for a read.
        applied: Whether a create or update made it; then the model wins for whole sets.
    """
    return {n: _normalise(spec, new.get(n), model.get(n), applied=applied) for n, spec in block.fields.items()}


def _normalise(spec: Field, new: Any, model: Any, *, applied: bool) -> Any:
    if spec.kind in {Kind.LIST, Kind.SET}:
        items = _normalise_items(spec, as_items(spec, new), as_items(spec, model), applied=applied)
        return from_items(spec, items)
    if model is UNKNOWN:
        return model if new is None and not applied else new
    if spec.kind is Kind.MAP:
        return _normalise_map(new, model, applied=applied)
    if model is None or new is UNKNOWN:
        return new
    return model if spec.kind is Kind.STRING and new is None and model == "" else new


def _normalise_map(new: Any, model: Any, *, applied: bool) -> Any:
    if applied and ((model is None and new == {}) or (model == {} and new is None)):
        return model
    if model is None or new is UNKNOWN or new is None:
        return new
    return {k: model[k] if v is UNKNOWN and model.get(k) not in {None, UNKNOWN} else v for k, v in new.items()}


def _normalise_items(spec: Field, new: Any, model: Any, *, applied: bool) -> Any:  # noqa: PLR0911 - the SDK's cases
    if model is UNKNOWN:
        return model if new is None and not applied else new
    if applied and ((model is None and new == []) or (model == [] and new is None)):
        return model
    if model is None or new is UNKNOWN:
        return new
    if spec.kind is Kind.SET:
        return model if applied and wholly_known(model) else new
    if new is None:
        return model if not applied and all(item is UNKNOWN for item in model) else None
    if len(new) == len(model) and isinstance(spec.element, Block):
        inner = spec.element
        return [
            item if item is UNKNOWN or other is UNKNOWN else normalise(inner, item, other, applied=applied)
            for item, other in zip(new, model, strict=True)
        ]
    return new


def with_unknowns(block: Block, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a planned new resource in which every computed value that nobody set is UNKNOWN."""
    return {name: _with_unknowns(spec, state.get(name)) for name, spec in block.fields.items()}


def _with_unknowns(spec: Field, value: Any) -> Any:
    if spec.is_block:
        items = as_items(spec, value)
        if items is UNKNOWN:
            return items
        return from_items(spec, [item if item is UNKNOWN else with_unknowns(spec.block, item) for item in items])
    return UNKNOWN if spec.computed and value is None else value


def without_unknowns(block: Block, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the SDK keeps of unknown values that the provider never sets: sets are empty, the rest is null."""
    return {name: _without_unknowns(spec, state.get(name)) for name, spec in block.fields.items()}


def _without_unknowns(spec: Field, value: Any) -> Any:
    if value is UNKNOWN:
        empty = spec.kind is Kind.SET or spec.is_block
        return [] if empty and not spec.single else None
    if value is not None and isinstance(spec.element, Block):
        inner = spec.element
        items = [None if i is UNKNOWN else without_unknowns(inner, i) for i in as_items(spec, value)]
        return from_items(spec, [item for item in items if item is not None])
    if isinstance(value, list):
        return [item for item in value if item is not UNKNOWN]
    return value


def equivalent(block: Block, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two states differ at most in null against zero, which the SDK does not count as a difference."""
    return all(_equivalent(spec, one.get(name), other.get(name)) for name, spec in block.fields.items())


def _equivalent(spec: Field, one: Any, other: Any) -> bool:
    if spec.kind in {Kind.LIST, Kind.SET}:
        one, other = as_items(spec, one), as_items(spec, other)
    if one is UNKNOWN or other is UNKNOWN:
        return one is other
    if _nothing(one) or _nothing(other):
        return _nothing(one) and _nothing(other)
    if spec.kind is Kind.SET:
        return len(one) == len(other) and all(
            any(_equivalent_items(spec, item, match) for match in theirs)
            for mine, theirs in ((one, other), (other, one))
            for item in mine
        )
    if spec.kind is Kind.LIST:
        return len(one) == len(other) and all(
            _equivalent_items(spec, item, match) for item, match in zip(one, other, strict=True)
        )
    return bool(one == other)


def _equivalent_items(spec: Field, one: Any, other: Any) -> bool:
    if isinstance(spec.element, Block) and isinstance(one, dict) and isinstance(other, dict):
        return equivalent(spec.element, one, other)
    return bool(one == other) or (_nothing(one) and _nothing(other))


def _nothing(value: Any) -> bool:
    return value is None or value == "" or value is False or value in ([], {}) or _is_zero(value)


def _is_zero(value: Any) -> bool:
    return isinstance(value, int) and value == 0
