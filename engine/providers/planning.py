"""What Terraform's SDK would plan for a resource: its next state, and whether it has to be replaced.

The real Docker provider is a Terraform provider behind a bridge, and many of its habits (an unset computed field keeps
its value, a removed ``user`` is no change, a block set whose parts do not force replacement is updated) come from that
SDK's ``schemaMap.Diff``. This module is the same walk over plain values: the old state as the SDK rereads it, the new
configuration with defaults, and for each field either the old value or a planned one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.provider import UNKNOWN
from engine.providers.schema import Block, Field, Kind, ResourceSchema
from engine.providers.states import equivalent, normalise, with_unknowns
from engine.providers.values import (
    as_items,
    from_items,
    identity,
    number_text,
    ordered,
    rebuilt,
    wholly_known,
    zero,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Path = tuple[str | int, ...]
_UNKNOWN_TEXT = "\0unknown"
_ABSENT: Any = object()
"""Stands for the old value of a field whose object did not exist; a block that existed without content is empty."""


@dataclass(frozen=True)
class _Way:
    """How a field is compared."""

    every: bool = False
    """It is part of a set's element, of which the SDK writes all fields anew."""
    gone: bool = False
    """Its element is not configured any more, so that no default applies."""

    def without_default(self) -> _Way:
        return _Way(every=self.every, gone=True)


@dataclass(frozen=True)
class Plan:
    """The planned state, and what reaching it takes."""

    state: dict[str, Any]
    changes: bool
    replace: bool


def plan(
    schema: ResourceSchema,
    prior: Mapping[str, Any] | None,
    config: Mapping[str, Any],
    ignored: Collection[Path] = (),
) -> Plan:
    """Plan a resource.

    Args:
        schema: Its type.
        prior: Its stored state; None for one that is to be created.
        config: What the program wants, without defaults.
        ignored: Paths whose differences do not count.
    """
    block = schema.block
    proposed = _proposed(block, prior, config)
    walk = _Walk(create=prior is None, ignored=frozenset(ignored))
    old = {} if prior is None else rebuilt(block, prior)
    state = {
        name: walk.field(spec, (name,), old.get(name, _ABSENT), proposed[name], _Way())
        for name, spec in block.fields.items()
    }
    if prior is None:
        return Plan(ordered(block, with_unknowns(block, normalise(block, state, proposed, applied=False))), True, False)
    if walk.changed:
        state = ordered(block, normalise(block, state, proposed, applied=False))
        if not equivalent(block, prior, state):
            return Plan(state, changes=True, replace=walk.replace)
    return Plan(ordered(block, prior), changes=False, replace=False)


def _proposed(block: Block, prior: Mapping[str, Any] | None, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with the old values of computed fields that it leaves open."""
    result = {}
    for name, spec in block.fields.items():
        old, new = (prior or {}).get(name), config.get(name)
        if spec.is_block and spec.kind is Kind.LIST and new is not UNKNOWN and isinstance(spec.element, Block):
            olds, news = as_items(spec, old), as_items(spec, new)
            olds = [] if olds is UNKNOWN else olds
            items = [
                _proposed(spec.element, olds[i], item) if i < len(olds) and item is not UNKNOWN else item
                for i, item in enumerate(news)
            ]
            result[name] = from_items(spec, items)
        else:
            result[name] = old if spec.computed and not spec.is_block and new is None else new
    return result


class _Walk:
    """One comparison of old and new; remembers whether anything differed and whether that forces replacement."""

    def __init__(self, *, create: bool, ignored: frozenset[Path]) -> None:
        self.create = create
        self.ignored = ignored
        self.changed = False
        self.replace = False

    def field(self, spec: Field, path: Path, old: Any, new: Any, way: _Way) -> Any:
        """Return the planned value of a field."""
        if path in self.ignored:
            return None if old is _ABSENT else old
        olds = None if old is _ABSENT else as_items(spec, old) if spec.kind in {Kind.LIST, Kind.SET} else old
        if spec.kind is Kind.LIST:
            return from_items(spec, self._list(spec, path, olds, as_items(spec, new), way))
        if spec.kind is Kind.SET:
            return from_items(spec, self._set(spec, path, olds, as_items(spec, new), way))
        if spec.kind is Kind.MAP:
            return self._map(spec, olds, new, way)
        return self._scalar(spec, olds, new, way)

    def _record(self, *, replace: bool) -> None:
        self.changed = True
        self.replace = self.replace or replace

    def _scalar(self, spec: Field, old: Any, new: Any, way: _Way) -> Any:  # noqa: C901, PLR0911 - the SDK's cases
        unknown = new is UNKNOWN
        if new is None and not way.gone:
            new = spec.default
        if spec.on_state is not None and new is not None and not unknown:
            new = spec.on_state(new)
        removed = old is not None and new is None
        before = _text(old)
        after = _UNKNOWN_TEXT if unknown else _text(zero(spec) if removed else new)
        if before == after and not way.every and (before != "" or not self.create or not spec.computed):
            return old
        if removed and spec.computed:
            return old
        if spec.computed and not removed and before != "" and after == "":
            return old
        if spec.suppress is not None and spec.suppress(before, after):
            if not way.every:
                return old
            after, new, unknown, removed = before, old, False, old is None
        computed = unknown or (spec.computed and not removed and after == "")
        self._record(replace=spec.force_new and (before != after or computed))
        if removed:
            return None
        if computed:
            return UNKNOWN
        if before == after == "":
            return "" if spec.kind is Kind.STRING else None
        return new

    def _list(self, spec: Field, path: Path, old: Any, new: Any, way: _Way) -> Any:
        unknown = new is UNKNOWN
        if spec.is_block and new == []:
            new = None
        if old is not None and new is None and spec.computed:
            return old
        if unknown:
            self._record(replace=spec.force_new)
            return UNKNOWN
        olds, news = old or [], new or []
        if new is not None and not way.every and olds == news:
            return old
        nested = _Walk(create=self.create, ignored=self.ignored)
        result = nested._elements(spec, path, olds, news, way)
        resized, unset = len(olds) != len(news), not olds and not news and spec.computed
        if resized or unset or way.every:
            nested._record(replace=spec.force_new and (resized or unset))
        if not nested.changed:
            return old
        if spec.suppress is not None and wholly_known(news) and spec.suppress(olds, self._configured(spec, news)):
            return old
        self._record(replace=nested.replace)
        return UNKNOWN if unset else result

    def _elements(self, spec: Field, path: Path, olds: Any, news: Any, way: _Way) -> list[Any]:
        result = []
        for index in range(max(len(olds), len(news))):
            old = olds[index] if index < len(olds) else None
            new = news[index] if index < len(news) else None
            if isinstance(spec.element, Block):
                here = (*path, index) if not spec.single else path
                value = self._object(spec.element, here, old, new, way)
            else:
                value = self.field(
                    spec.item, (*path, index), old, new, way if new is not None else way.without_default()
                )
            if index < len(news):
                result.append(value)
        return result

    def _object(self, block: Block, path: Path, old: Any, new: Any, way: _Way) -> Any:
        if new is UNKNOWN:
            new = dict.fromkeys(block.fields, UNKNOWN)
        old, new = old or {}, new or {}
        return {
            name: self.field(spec, (*path, name), old.get(name, _ABSENT), new.get(name), way)
            for name, spec in block.fields.items()
        }

    def _map(self, spec: Field, old: Any, new: Any, way: _Way) -> Any:
        unknown = not wholly_known(new)
        olds = old or {}
        news = {} if unknown else {key: value for key, value in (new or {}).items() if value is not None}
        unset = not olds and not news and spec.computed and old is None
        if unset or unknown:
            self._record(replace=spec.force_new)
            return UNKNOWN
        if new is None and spec.computed:
            return old
        differs = {key for key in olds.keys() | news.keys() if olds.get(key) != news.get(key)}
        if not differs and not (way.every and news):
            return old
        resized = len(olds) != len(news)
        self._record(replace=spec.force_new and (resized or any(olds.get(k) != news.get(k, "") for k in differs)))
        return news

    def _set(self, spec: Field, path: Path, old: Any, new: Any, way: _Way) -> Any:
        unknown = new is UNKNOWN
        if spec.is_block and new == []:
            new = None
        if old is not None and new is None and spec.computed:
            return old
        if unknown or (spec.computed and new is None):
            if spec.computed and old:
                return old
            self._record(replace=spec.force_new)
            return UNKNOWN
        news = self._configured(spec, new or [])
        olds_by_key = {identity(spec, item): item for item in old or []}
        news_by_key = {identity(spec, item): item for item in news}
        raw_by_key = {identity(spec, full): raw for full, raw in zip(news, new or [], strict=True)}
        same = olds_by_key.keys() == news_by_key.keys() and wholly_known(news)
        if same and not way.every and (new is not None or not olds_by_key):
            return old
        resized = len(olds_by_key) != len(news_by_key)
        if resized or way.every:
            self._record(replace=spec.force_new and resized)
        for key in olds_by_key.keys() - news_by_key.keys():
            self._member(spec, path, olds_by_key[key], None, gone=True)
        return [self._member(spec, path, olds_by_key.get(k), raw, gone=False) for k, raw in raw_by_key.items()]

    def _member(self, spec: Field, path: Path, old: Any, new: Any, *, gone: bool) -> Any:
        if isinstance(spec.element, Block):
            return self._object(spec.element, (*path, "*"), old, new, _Way(every=True, gone=gone))
        return self.field(spec.item, (*path, "*"), old, new, _Way(every=True, gone=gone))

    def _configured(self, spec: Field, items: list[Any]) -> list[Any]:
        """Return configured elements as the SDK reads them: with defaults, and zero values for the rest."""
        if not isinstance(spec.element, Block):
            return items
        return [item if item is UNKNOWN else _with_defaults(spec.element, item) for item in items]


def _with_defaults(block: Block, item: Mapping[str, Any]) -> dict[str, Any]:
    result = {}
    for name, spec in block.fields.items():
        value = item.get(name)
        if value is None:
            value = zero(spec) if spec.default is None else spec.default
        elif isinstance(spec.element, Block) and value is not UNKNOWN:
            inner = spec.element
            parts = [part if part is UNKNOWN else _with_defaults(inner, part) for part in as_items(spec, value)]
            value = from_items(spec, parts)
        result[name] = value
    return result


def _text(value: Any) -> str:
    return "" if value is None else number_text(value)
