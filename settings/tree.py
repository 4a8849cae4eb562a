"""A description whose every value knows where it was written, and the rules by which one layer goes over another.

Maps merge deeply, everything else replaces, ``null`` removes. Merging is associative, so that the order in which layers
are folded never matters; the price is one flag (``Node.fresh``) and that ``null`` stays until :func:`prune`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from settings.paths import Path, dotted

Layer: TypeAlias = Literal["default", "machine", "blueprint", "environment", "stack", "release"]
"""Who said it, lowest first; a recorded release stands alone."""


@dataclass(frozen=True)
class Origin:
    """Where a value was written."""

    file: str | None
    """File relative to the project's root, or ``command line``; ``None`` for a default."""
    line: int | None
    """Line in that file, counted from 1."""
    layer: Layer
    """The layer that won."""

    def __str__(self) -> str:
        """Return ``blueprints/starter.yaml:12``, ``command line`` or ``default``."""
        if self.file is None:
            return self.layer
        return self.file if self.line is None else f"{self.file}:{self.line}"


DEFAULT = Origin(file=None, line=None, layer="default")
"""The origin of what nobody wrote."""


@dataclass(frozen=True)
class Node:
    """A value of the description with its origin."""

    value: Any
    """A scalar, a ``dict`` of nodes by name, or a ``list`` of nodes."""
    origin: Origin
    fresh: bool = False
    """Whether a map replaces what lies below it, because in between something removed or replaced that."""

    @property
    def is_map(self) -> bool:
        """Whether it is a map."""
        return isinstance(self.value, dict)


def from_plain(value: object, origin: Origin) -> Node:
    """Give every value of a plain structure the same origin."""
    if isinstance(value, Mapping):
        return Node({str(key): from_plain(item, origin) for key, item in value.items()}, origin)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return Node([from_plain(item, origin) for item in value], origin)
    return Node(value, origin)


def to_plain(node: Node) -> Any:
    """Drop the origins again."""
    if isinstance(node.value, dict):
        return {key: to_plain(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [to_plain(item) for item in node.value]
    return node.value


def merge(lower: Node, upper: Node) -> Node:
    """Lay one layer over another.

    A map that meets a map keeps the lower one's origin, since that is where the part was introduced.
    """
    if not (lower.is_map and upper.is_map) or upper.fresh:
        return replace(upper, fresh=True) if upper.is_map else upper
    merged: dict[str, Node] = dict(lower.value)
    for key, item in upper.value.items():
        merged[key] = merge(merged[key], item) if key in merged else item
    return replace(lower, value=merged)


def prune(node: Node) -> Node:
    """Carry out the removals: drop every key of a map whose value is ``null``."""
    if isinstance(node.value, dict):
        return replace(node, value={key: prune(item) for key, item in node.value.items() if item.value is not None})
    if isinstance(node.value, list):
        return replace(node, value=[prune(item) for item in node.value])
    return node


def idle_nulls(lower: Node | None, upper: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Find each ``null`` of a layer that removes nothing from the layers below: most often a forgotten ``{}``."""
    if not isinstance(upper.value, dict):
        return
    below: Mapping[str, Node] = lower.value if lower is not None and lower.is_map else {}
    for key, item in upper.value.items():
        under = below.get(key)
        if item.value is None and (under is None or under.value is None):
            yield (*path, key), item
        else:
            yield from idle_nulls(under, item, (*path, key))


def find(node: Node, path: Path) -> Node | None:
    """Return the node at a path, or ``None``."""
    for step in path:
        in_map = isinstance(node.value, dict) and step in node.value
        in_list = isinstance(node.value, list) and isinstance(step, int) and step < len(node.value)
        if not in_map and not in_list:
            return None
        node = node.value[step]
    return node


def origin_at(node: Node, path: Path) -> Origin:
    """Return the origin of the value at a path, or of the nearest thing around it that was written."""
    for length in range(len(path), 0, -1):
        if (found := find(node, path[:length])) is not None:
            return found.origin
    return node.origin


def walk(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Yield every node with its path, a map or list before what it holds."""
    yield path, node
    if isinstance(node.value, dict):
        for key, item in node.value.items():
            yield from walk(item, (*path, key))
    elif isinstance(node.value, list):
        for index, item in enumerate(node.value):
            yield from walk(item, (*path, index))


def origins(node: Node) -> dict[str, Origin]:
    """Return the origin of every value by its dotted path."""
    return {dotted(path): item.origin for path, item in walk(node) if path}
