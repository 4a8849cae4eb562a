"""The detailed difference between a stored and a planned state: paths and kinds, as the Pulumi bridge reports them.

Follows ``pkg/tfbridge/detailed_diff.go`` of pulumi-terraform-bridge. Elements of sets are matched by identity, then
named by their index in the *inputs*, so that a path points at what the user wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.provider import UNKNOWN, PropertyDiff
from engine.providers.schema import Block, Field, Kind, ResourceSchema
from engine.providers.values import RESERVED, identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Path = tuple[str | int, ...]
_PLAIN_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
Diffs = dict[str, PropertyDiff]


@dataclass(frozen=True)
class _Spot:
    """What the schema says about a path: its field, or the nested object that an index leads to."""

    field: Field | None = None
    block: Block | None = None

    @property
    def force_new(self) -> bool:
        return self.field is not None and self.field.force_new


def detailed_diff(
    schema: ResourceSchema,
    prior: Mapping[str, Any],
    planned: Mapping[str, Any],
    inputs: Mapping[str, Any],
    *,
    replace: bool,
) -> Diffs:
    """Compare two states path by path.

    Args:
        schema: The resource's type.
        prior: The stored state.
        planned: The planned state.
        inputs: The checked new inputs, for the numbering of set elements.
        replace: Whether the plan is a replacement, which overrides what the paths say.
    """
    differ = _Differ(schema, inputs)
    result: Diffs = {}
    for name in sorted(prior.keys() | planned.keys()):
        result |= differ.value((name,), prior.get(name), planned.get(name))
    replaces = any(diff.kind.endswith("-replace") for diff in result.values())
    if replace and not replaces:
        return result | {"__meta": PropertyDiff("update-replace")}
    if not replace and replaces:
        return {path: PropertyDiff(diff.kind.removesuffix("-replace")) for path, diff in result.items()}
    return result


def path_text(path: Path) -> str:
    """Write a path as Pulumi does: ``labels[0].value``, ``sysctls["net.core.somaxconn"]``."""
    result = ""
    for step in path:
        if isinstance(step, int):
            result += f"[{step}]"
        elif not _PLAIN_NAME.fullmatch(step):
            quoted = step.replace('"', '\\"')
            result += f'["{quoted}"]'
        else:
            result += f".{step}" if result else step
    return result


def _present(value: Any) -> bool:
    return value is not None and value != []


class _Differ:
    def __init__(self, schema: ResourceSchema, inputs: Mapping[str, Any]) -> None:
        self.schema = schema
        self.inputs = inputs

    def value(self, path: Path, old: Any, new: Any) -> Diffs:  # noqa: PLR0911 - one return a kind of value
        """Compare one value with another."""
        if path[-1] in RESERVED:
            return {}
        old = old if _present(old) else None
        new = new if _present(new) else None
        if old is None and new is None:
            return {}
        if old is None or new is None or new is UNKNOWN:
            return self._one_sided(path, old, new)
        spot = self._spot(path)
        if _is_list(spot) and isinstance(old, list) and isinstance(new, list) and spot.field is not None:
            if spot.field.kind is Kind.SET:
                return self._set(path, spot.field, old, new)
            return self._list(path, spot.field, old, new)
        if isinstance(old, dict) and isinstance(new, dict):
            return self._dict(path, old, new)
        return self._plain(path, old, new)

    def _plain(self, path: Path, old: Any, new: Any) -> Diffs:
        if old == new:
            return {}
        return {path_text(path): _kind("update", replace=self._replaces(path))}

    def _one_sided(self, path: Path, old: Any, new: Any) -> Diffs:
        kind = "add" if old is None else "delete" if new is None else "update"
        replace = self._replaces(path) if new is UNKNOWN else new is not None and self._value_replaces(path, new)
        replace = replace or (old is not None and self._value_replaces(path, old))
        return {path_text(path): _kind(kind, replace=replace)}

    def _dict(self, path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> Diffs:
        result: Diffs = {}
        for key in sorted(old.keys() | new.keys()):
            result |= self.value((*path, key), old.get(key), new.get(key))
        return result

    def _list(self, path: Path, spec: Field, old: Sequence[Any], new: Sequence[Any]) -> Diffs:
        result: Diffs = {}
        if isinstance(spec.element, Block):
            for index in range(max(len(old), len(new))):
                before = old[index] if index < len(old) else None
                after = new[index] if index < len(new) else None
                result |= self.value((*path, index), before, after)
            return result
        for kind, index in _edits(old, new):
            key = path_text((*path, index))
            result[key] = _kind("update" if key in result else kind, replace=spec.force_new)
        return result

    def _set(self, path: Path, spec: Field, old: Sequence[Any], new: Sequence[Any]) -> Diffs:
        olds = {identity(spec, _without_unknown(item)): index for index, item in enumerate(old)}
        news = {identity(spec, _without_unknown(item)): index for index, item in enumerate(new)}
        removed = sorted(index for key, index in olds.items() if key not in news)
        added = sorted(index for key, index in news.items() if key not in olds)
        if not removed and not added:
            return {}
        matched = self._matched(path, spec, added, new)
        if matched is None:
            return {path_text(path): _kind("update", replace=spec.force_new)}
        result: Diffs = {}
        for index in sorted({*removed, *matched}):
            before = old[index] if index in removed else None
            after = new[matched[index]] if index in matched else None
            result |= self.value((*path, index), before, after)
        return result

    def _matched(self, path: Path, spec: Field, added: Iterable[int], planned: Sequence[Any]) -> dict[int, int] | None:
        """Map indices of inputs to the added planned elements that they gave rise to; None if that is unclear."""
        inputs = _at(self.inputs, path)
        inputs = inputs if isinstance(inputs, list) else []
        added = list(added)
        if len(inputs) < len(planned):
            return None
        result: dict[int, int] = {}
        for index in added:
            for number, item in enumerate(inputs):
                if number not in result and _gives(spec, item, planned[index]):
                    result[number] = index
                    break
        return result if len(result) == len(added) else None

    def _spot(self, path: Path) -> _Spot:
        return _lookup(self.schema.block, path)

    def _replaces(self, path: Path) -> bool:
        """Whether a change at the path replaces: its own field forces it, or the collection right above."""
        spot = self._spot(path)
        if spot.force_new:
            return True
        above = self._spot(path[:-1]) if len(path) > 1 else _Spot()
        return above.field is not None and above.field.kind in {Kind.LIST, Kind.SET, Kind.MAP} and above.force_new

    def _value_replaces(self, path: Path, value: Any) -> bool:
        """Whether the value, or anything within it, replaces when it comes or goes."""
        if self._replaces(path):
            return True
        if isinstance(value, dict):
            return any(self._value_replaces((*path, key), part) for key, part in value.items())
        if isinstance(value, list):
            return any(self._value_replaces((*path, index), part) for index, part in enumerate(value))
        return False


def _kind(kind: str, *, replace: bool) -> PropertyDiff:
    return PropertyDiff(f"{kind}-replace" if replace else kind)


def _is_list(spot: _Spot) -> bool:
    return spot.field is not None and spot.field.kind in {Kind.LIST, Kind.SET} and not spot.field.single


def _lookup(block: Block, path: Path) -> _Spot:
    spot = _Spot(block=block)
    for step in path:
        inner = spot.block
        if spot.field is not None and isinstance(spot.field.element, Block) and spot.field.single:
            inner = spot.field.element
        if isinstance(step, str) and inner is not None:
            found = inner.fields.get(step)
            spot = _Spot(field=found)
        elif spot.field is not None and isinstance(step, int):
            element = spot.field.element
            spot = _Spot(block=element) if isinstance(element, Block) else _Spot(field=element)
        else:
            return _Spot()
        if spot.field is None and spot.block is None:
            return spot
    return spot


def _at(value: Any, path: Path) -> Any:
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _without_unknown(item: Any) -> Any:
    if isinstance(item, dict):
        return {key: _without_unknown(value) for key, value in item.items()}
    if isinstance(item, list):
        return [_without_unknown(value) for value in item]
    return None if item is UNKNOWN else item


def _gives(spec: Field | None, given: Any, planned: Any) -> bool:
    """Whether a planned value can come from an input: all differences stem from computed values."""
    if spec is not None and isinstance(spec.element, Block) and isinstance(given, dict) and isinstance(planned, dict):
        fields = spec.element.fields
        names = (given.keys() | planned.keys()) - RESERVED
        return all(_gives_field(fields.get(name), given.get(name), planned.get(name)) for name in names)
    return bool(given == planned) or (given is UNKNOWN and planned is UNKNOWN)


def _gives_field(spec: Field | None, given: Any, planned: Any) -> bool:  # noqa: PLR0911 - the bridge's cases
    if spec is None:
        return False
    if spec.computed and given is None:
        return True
    if spec.kind in {Kind.LIST, Kind.SET, Kind.MAP} and not spec.single:
        if given is None:
            return planned is None or planned in ([], {})
        if planned is None or type(given) is not type(planned):
            return False
        if isinstance(given, dict):
            return given.keys() == planned.keys() and all(given[key] == planned[key] for key in given)
        return len(given) == len(planned) and all(
            _gives(spec, one, other) for one, other in zip(given, planned, strict=True)
        )
    if spec.single:
        return given is None and planned is None  # the bridge takes a set block for a type mismatch here
    return bool(given == planned) or (given is UNKNOWN and planned is UNKNOWN)


def _edits(old: Sequence[Any], new: Sequence[Any]) -> Iterable[tuple[str, int]]:
    """Yield the shortest edit script between two lists of scalars; removal goes first where both are as short."""
    rows, columns = len(old), len(new)
    length = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows, -1, -1):
        for j in range(columns, -1, -1):
            length[i][j] = _step(length, old, new, i, j)[0]
    i = j = 0
    while i < rows or j < columns:
        change = _step(length, old, new, i, j)[1]
        if change == "delete":
            yield change, i
            i += 1
        elif change == "add":
            yield change, j
            j += 1
        else:
            i, j = i + 1, j + 1


def _step(length: Sequence[Sequence[int]], old: Sequence[Any], new: Sequence[Any], i: int, j: int) -> tuple[int, str]:
    if i == len(old):
        return len(new) - j, "add"
    if j == len(new):
        return len(old) - i, "delete"
    best, change = 1 + length[i + 1][j], "delete"
    if 1 + length[i][j + 1] < best:
        best, change = 1 + length[i][j + 1], "add"
    if _same(old[i], new[j]) and length[i + 1][j + 1] < best:
        best, change = length[i + 1][j + 1], "keep"
    return best, change


def _same(one: Any, other: Any) -> bool:
    return one is not UNKNOWN and other is not UNKNOWN and bool(one == other)
