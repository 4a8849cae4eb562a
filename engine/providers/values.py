"""Values of a schema: zero values, set identity and order, and conversion from property bags.

Inside this package a state is a dict with every field of its block; unset is None. A ``single`` block is None or a
dict, as in Pulumi; :func:`as_items` and :func:`from_items` turn it into the list that Terraform plans with, and back.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.provider import UNKNOWN
from engine.providers.schema import Block, Field, Kind, terraform_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

RESERVED = frozenset({"__defaults", "__meta", "__pulumi_raw_state_delta", "__internal"})
"""Keys of the bridge that are no properties."""

ZERO: dict[Kind, Any] = {Kind.STRING: "", Kind.BOOL: False, Kind.INT: 0}


def zero(spec: Field) -> Any:
    """Return the value that Terraform's SDK reads where nothing is set."""
    if spec.single:
        return None
    if spec.kind in ZERO:
        return ZERO[spec.kind]
    return {} if spec.kind is Kind.MAP else []


def as_items(spec: Field, value: Any) -> Any:
    """View a list or set field as a list (None and UNKNOWN stay as they are, a missing block is empty)."""
    if value is UNKNOWN:
        return value
    if spec.single:
        return [] if value is None else [value]
    if value is None and spec.is_block:
        return []
    return value


def from_items(spec: Field, items: Any) -> Any:
    """Undo :func:`as_items`."""
    if not spec.single or items is UNKNOWN:
        return items
    return items[0] if items else None


def scalar(spec: Field, value: Any) -> Any:
    """Give a scalar the type of its field where the conversion is safe; otherwise leave it."""
    if value is None or value is UNKNOWN:
        return value
    if spec.kind is Kind.STRING and not isinstance(value, str):
        return number_text(value)
    if spec.kind is Kind.INT and not isinstance(value, bool):
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, str) and value.lstrip("-").isdigit():
            return int(value)
    if spec.kind is Kind.BOOL and isinstance(value, str) and value in {"true", "false"}:
        return value == "true"
    return value


def number_text(value: Any) -> str:
    """Write a scalar as Terraform does when a string is wanted."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def load(block: Block, bag: Mapping[str, Any]) -> dict[str, Any]:
    """Read a property bag (inputs or outputs) into a state: reserved keys dropped, every field present."""
    return {name: load_field(spec, bag.get(name)) for name, spec in block.fields.items()}


def load_field(spec: Field, value: Any) -> Any:
    """Read one value of a property bag."""
    if value is UNKNOWN:
        return value
    if spec.kind is Kind.MAP:
        return None if value is None else {k: _map_value(v) for k, v in value.items() if k not in RESERVED}
    if spec.kind not in {Kind.LIST, Kind.SET}:
        return scalar(spec, value)
    if spec.single and isinstance(value, list):
        value = value[0] if value else None
    items = as_items(spec, value)
    if items is None or items is UNKNOWN:
        return items
    if isinstance(spec.element, Block):
        inner = spec.element
        return from_items(spec, [item if item is UNKNOWN else load(inner, item or {}) for item in items])
    item_spec = spec.item
    return [scalar(item_spec, item) for item in items]


def _map_value(value: Any) -> Any:
    return value if value is UNKNOWN or value is None else number_text(value)


def rebuilt(block: Block, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state as the SDK rereads it: nulls inside nested blocks become zero values, top-level ones stay."""
    return {name: _rebuilt_field(spec, state.get(name)) for name, spec in block.fields.items()}


def _rebuilt_field(spec: Field, value: Any) -> Any:
    if value is None or value is UNKNOWN or not isinstance(spec.element, Block):
        return value
    items = as_items(spec, value)
    return from_items(spec, [item if item is UNKNOWN else zeroed(spec.block, item) for item in items])


def zeroed(block: Block, item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a nested object with zero values for its nulls, at every depth.

    An object of which nothing at all is set has no trace in the SDK's flat state, and stays all null.
    """
    if all(item.get(name) is None and not spec.is_block for name, spec in block.fields.items()):
        return dict.fromkeys(block.fields)
    result = {}
    for name, spec in block.fields.items():
        value = item.get(name)
        result[name] = zero(spec) if value is None else _rebuilt_field(spec, value)
    return result


def wholly_known(value: Any) -> bool:
    """Whether no part of a value is UNKNOWN."""
    if isinstance(value, dict):
        return all(wholly_known(part) for part in value.values())
    if isinstance(value, list):
        return all(wholly_known(part) for part in value)
    return value is not UNKNOWN


def identity(spec: Field, item: Any) -> str:
    """Return the key by which an element of a set is the same element: zero values and nulls are alike."""
    if isinstance(spec.element, Block) and isinstance(item, dict):
        return _object_identity(spec.element, item)
    return _plain_identity(item)


def _object_identity(block: Block, item: Mapping[str, Any]) -> str:
    parts = []
    for name, spec in sorted(block.fields.items(), key=lambda pair: terraform_name(*pair)):
        if not spec.configurable:
            continue
        value = item.get(name)
        value = zero(spec) if value is None else value
        if value is not UNKNOWN and spec.kind in {Kind.LIST, Kind.SET}:
            keys = [identity(spec, part) for part in as_items(spec, value)]
            value = "".join(sorted(keys) if spec.kind is Kind.SET else keys)
            parts.append(f"{name}:({value})")
        else:
            parts.append(f"{name}:{_plain_identity(value)}")
    return "<" + ";".join(parts) + ">"


def _plain_identity(value: Any) -> str:
    return "?" if value is UNKNOWN else json.dumps(value, sort_keys=True, default=repr) + ";"


def ordered(block: Block, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state with its sets in the order in which Terraform stores them."""
    return {name: _ordered_field(spec, state.get(name)) for name, spec in block.fields.items()}


def _ordered_field(spec: Field, value: Any) -> Any:
    if value is None or value is UNKNOWN or spec.kind not in {Kind.LIST, Kind.SET}:
        return value
    items = as_items(spec, value)
    if isinstance(spec.element, Block):
        inner = spec.element
        items = [item if item is UNKNOWN else ordered(inner, item) for item in items]
    if spec.kind is Kind.SET:
        items = _unique(spec, sorted(items, key=lambda item: set_key(spec, item)))
    return from_items(spec, items)


def _unique(spec: Field, items: Iterable[Any]) -> list[Any]:
    seen: set[Any] = set()
    result = []
    for item in items:
        key = set_key(spec, item)
        if key not in seen or not wholly_known(item):
            result.append(item)
        seen.add(key)
    return result


def set_key(spec: Field, item: Any) -> tuple[int, Any]:
    """Return the sort key of a set's element: text for strings, the bytes that cty hashes for objects."""
    if item is UNKNOWN:
        return (1, b"")
    if isinstance(spec.element, Block):
        return (0, _cty_object(spec.element, item).encode())
    return (0, str(item).encode())


def _cty_object(block: Block, item: Mapping[str, Any]) -> str:
    fields = sorted(block.fields.items(), key=lambda pair: terraform_name(*pair))
    return "<" + "".join(_cty(spec, item.get(name)) + ";" for name, spec in fields) + ">"


def _cty(spec: Field, value: Any) -> str:  # noqa: PLR0911 - one return a kind of value
    if value is UNKNOWN:
        return "?"
    if spec.kind in {Kind.LIST, Kind.SET}:
        items = as_items(spec, value)
        if items is None:
            return "~"
        if isinstance(spec.element, Block):
            return "[" + "".join(_cty_object(spec.element, item) + ";" for item in items) + "]"
        return "[" + "".join(_cty(spec.item, item) + ";" for item in items) + "]"
    if value is None:
        return "~"
    if spec.kind is Kind.MAP:
        parts = (f"{_quoted(key)}:{_quoted(value[key])};" for key in sorted(value))
        return "{" + "".join(parts) + "}"
    if spec.kind is Kind.BOOL:
        return "T" if value else "F"
    if spec.kind is Kind.INT:
        return f"{value:.10g}"
    return _quoted(value)


def paired(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Pair the objects of two sets by what they have in common; maps indices of ``before`` to those of ``after``."""
    scores = sorted(
        ((_overlap(one, other), -i, -j) for i, one in enumerate(before) for j, other in enumerate(after)), reverse=True
    )
    result: dict[int, int] = {}
    for _, i, j in scores:
        if -i not in result and -j not in result.values():
            result[-i] = -j
    return result


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    shared = one.keys() & other.keys()
    return len(shared) + 2 * sum(1 for key in shared if one[key] == other[key])


def _quoted(value: Any) -> str:
    return "?" if value is UNKNOWN else json.dumps(str(value), ensure_ascii=False)
