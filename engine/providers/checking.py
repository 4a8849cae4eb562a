"""Checking a program's inputs: types, limits, defaults and the autoname.

Defaults follow the Pulumi bridge: only truthy ones are written into the inputs, their names are listed in
``__defaults`` at every level of nesting, and a value that stood there as a default before is kept. What the schema does
not know is refused by name instead of being passed over.
"""

from __future__ import annotations

import difflib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.provider import UNKNOWN, CheckFailure, CheckResult, Properties
from engine.providers.schema import Block, Field, Kind, ResourceSchema
from engine.providers.values import RESERVED, load_field, paired, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_NAME = 255
"""Docker takes longer names for some objects; the provider never generates one."""

_RANDOM_DIGITS = 7


def autoname(name: str) -> str:
    """Return a fresh physical name for a logical one: seven random hex digits behind a hyphen."""
    return f"{name}-{secrets.token_hex(_RANDOM_DIGITS)[:_RANDOM_DIGITS]}"


def check_inputs(schema: ResourceSchema, name: str, old: Properties | None, new: Properties) -> CheckResult:
    """Check the inputs of one resource and fill in what the program left open.

    Args:
        schema: The resource's type.
        name: Its logical name, the stem of an autoname.
        old: The checked inputs of its last operation; None for a create or a replacement.
        new: What the program gave.
    """
    check = _Check()
    inputs = check.object(schema.block, (), old, new)
    if schema.autoname and "name" not in {key for key, value in new.items() if value is not None}:
        kept = (old or {}).get("name")  # also one that the program chose before and now leaves out
        inputs["name"] = kept if isinstance(kept, str) else autoname(name)
        inputs["__defaults"] = sorted([*inputs["__defaults"], "name"])
        check.failures = [failure for failure in check.failures if failure.property != "name"]
        if len(inputs["name"]) > MAX_NAME:
            check.fail(
                ("name",), f"the generated name is longer than {MAX_NAME} characters; shorten the resource's name"
            )
    return CheckResult(inputs, tuple(check.failures))


def _defaulted(bag: Mapping[str, Any] | None) -> frozenset[str]:
    listed = (bag or {}).get("__defaults")
    return frozenset(listed) if isinstance(listed, list) else frozenset(bag or {})


@dataclass
class _Check:
    failures: list[CheckFailure] = field(default_factory=list)

    def fail(self, path: tuple[str | int, ...], reason: str) -> None:
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
        self.failures.append(CheckFailure(text, reason))

    def object(
        self, block: Block, path: tuple[str | int, ...], old: Mapping[str, Any] | None, new: Mapping[str, Any]
    ) -> Properties:
        """Check a resource or a nested object and apply its defaults."""
        result: Properties = {}
        for name, value in new.items():
            if name in RESERVED or value is None:
                continue
            spec = block.fields.get(name)
            if spec is None or not spec.configurable:
                self._unknown_name(block, path, name)
                continue
            before = old.get(name) if old else None
            result[name] = self._value(spec, (*path, name), before, value)
        self._relations(block, path, result)
        result["__defaults"] = self._defaults(block, old, result)
        return result

    def _unknown_name(self, block: Block, path: tuple[str | int, ...], name: str) -> None:
        known = [key for key, spec in block.fields.items() if spec.configurable]
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        self.fail((*path, name), f"the embedded engine's provider has no input of this name{hint}")

    def _relations(self, block: Block, path: tuple[str | int, ...], given: Mapping[str, Any]) -> None:
        for name, spec in block.fields.items():
            if spec.required and name not in given:
                self.fail((*path, name), "is required")
            if name in given and (other := next((c for c in spec.conflicts if c in given), None)):
                self.fail((*path, name), f"conflicts with {other!r}; give only one of them")
            group = spec.exactly_one_of
            if group and name == group[0] and sum(member in given for member in group) != 1:
                self.fail((*path, name), f"exactly one of {' and '.join(group)} has to be given")

    def _defaults(self, block: Block, old: Mapping[str, Any] | None, given: Properties) -> list[str]:
        added = []
        replayed = _defaulted(old) if old is not None else frozenset()
        for name, spec in block.fields.items():
            if spec.default is None or name in given or any(other in given for other in spec.conflicts):
                continue
            kept = (old or {}).get(name) if name in replayed else None
            if kept is None and not spec.default:
                continue
            given[name] = spec.default if kept is None else kept
            added.append(name)
        return sorted(added)

    def _value(self, spec: Field, path: tuple[str | int, ...], old: Any, value: Any) -> Any:
        if value is UNKNOWN:
            return value
        if spec.kind is Kind.MAP:
            return self._map(spec, path, value)
        if spec.kind in {Kind.LIST, Kind.SET}:
            return self._items(spec, path, old, value)
        return self._scalar(spec, path, value)

    def _scalar(self, spec: Field, path: tuple[str | int, ...], value: Any) -> Any:
        value = scalar(spec, value)
        wanted = {Kind.STRING: (str, "text"), Kind.BOOL: (bool, "true or false"), Kind.INT: (int, "a whole number")}
        type_, words = wanted[spec.kind]
        if not isinstance(value, type_) or (spec.kind is Kind.INT and isinstance(value, bool)):
            self.fail(path, f"must be {words}")
        elif spec.validate is not None and (reason := spec.validate(value)):
            self.fail(path, reason)
        return value

    def _map(self, spec: Field, path: tuple[str | int, ...], value: Any) -> Any:
        if not isinstance(value, dict):
            self.fail(path, "must be a map from text to text")
            return value
        return load_field(spec, value)

    def _items(self, spec: Field, path: tuple[str | int, ...], old: Any, value: Any) -> Any:
        if spec.single:
            return self._item(spec, path, old, value[0] if isinstance(value, list) and len(value) == 1 else value)
        if not isinstance(value, list):
            self.fail(path, "must be a list")
            return value
        olds = old if isinstance(old, list) else []
        order = _matches(spec, value, olds)
        return [self._item(spec, (*path, index), order.get(index), item) for index, item in enumerate(value)]

    def _item(self, spec: Field, path: tuple[str | int, ...], old: Any, item: Any) -> Any:
        if item is UNKNOWN or item is None:
            return item
        if not isinstance(spec.element, Block):
            return self._scalar(spec.item, path, item)
        if not isinstance(item, dict):
            self.fail(path, "must be an object")
            return item
        return self.object(spec.element, path, old if isinstance(old, dict) else None, item)


def _matches(spec: Field, new: list[Any], old: list[Any]) -> dict[int, Any]:
    """Pair new elements with old ones: by content in a set of objects, else by position."""
    if spec.kind is not Kind.SET or not all(isinstance(item, dict) for item in [*new, *old]):
        return dict(enumerate(old))
    return {index: old[other] for index, other in paired(new, old).items()}
