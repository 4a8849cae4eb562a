"""Inputs after a read: what a refresh or an import makes of outputs (the bridge's ``ExtractInputsFromOutputs``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.providers.schema import Block, Field, Kind
from engine.providers.values import RESERVED, paired

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.provider import Properties


def refreshed_inputs(block: Block, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> Properties:
    """Take the new value of each input that was given before; what is not in the outputs any more is dropped."""
    return _object(block, inputs, outputs)[0]


def _object(block: Block, old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Properties, bool]:
    """Return the inputs and whether they are still the old ones."""
    listed = old.get("__defaults")
    defaults = set(listed) if isinstance(listed, list) else set()
    result: Properties = {}
    unchanged = True
    for name, before in old.items():
        same = False
        if name not in RESERVED and name in new:
            spec = block.fields.get(name)
            result[name], same = (new[name], before == new[name]) if spec is None else _value(spec, before, new[name])
        if not same and name not in RESERVED:
            unchanged = False
            defaults.discard(name)
    if isinstance(listed, list):
        result["__defaults"] = sorted(defaults)
    return result, unchanged or not isinstance(listed, list)


def _value(spec: Field, before: Any, after: Any) -> tuple[Any, bool]:
    if isinstance(before, list) and isinstance(after, list):
        return _list(spec, before, after)
    if isinstance(before, dict) and isinstance(after, dict):
        if isinstance(spec.element, Block):
            return _object(spec.element, before, after)
        kept = {key: after[key] for key in before if key in after}
        return kept, kept == before
    if spec.on_state is not None and isinstance(before, str):
        return before, spec.on_state(before) == after
    return after, before == after


def _list(spec: Field, before: list[Any], after: list[Any]) -> tuple[list[Any], bool]:
    order = _positions(spec, before, after)
    result, unchanged = [], True
    for index, item in enumerate(before):
        if index not in order:
            unchanged = False
            continue
        other = after[order[index]]
        if isinstance(spec.element, Block) and isinstance(item, dict) and isinstance(other, dict):
            value, same = _object(spec.element, item, other)
        else:
            value, same = other, item == other
        unchanged = unchanged and same
        result.append(value)
    return result, unchanged


def _positions(spec: Field, before: list[Any], after: list[Any]) -> dict[int, int]:
    """Pair old inputs with read elements: by content in sets of objects, else by position."""
    if spec.kind is not Kind.SET or not isinstance(spec.element, Block):
        return {index: index for index in range(min(len(before), len(after)))}
    return paired(before, after)


def imported_inputs(block: Block, outputs: Mapping[str, Any]) -> Properties:
    """Derive inputs from outputs alone: everything configurable that is required or not at its default or zero."""
    result: Properties = {"__defaults": []}
    for name, spec in block.fields.items():
        value = outputs.get(name)
        if not spec.configurable:
            continue
        value = _imported(spec, value)
        if spec.required or not _at_default(spec, value):
            result[name] = value
    return result


def _imported(spec: Field, value: Any) -> Any:
    if isinstance(spec.element, Block):
        inner = spec.element
        if spec.single:
            return None if value is None else imported_inputs(inner, value)
        return [imported_inputs(inner, item) for item in value or []]
    if spec.kind is Kind.MAP and value is not None:
        return {**value, "__defaults": []}
    return value


def _at_default(spec: Field, value: Any) -> bool:
    if spec.default is not None:
        return bool(value == spec.default)
    if isinstance(value, dict):
        return not value.keys() - {"__defaults"}
    return value is None or value in ("", 0, False, [])
