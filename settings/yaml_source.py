"""Reads YAML so that every value knows its line, and nothing is read otherwise than it looks.

Differences from PyYAML's own loader, each a trap in files of this kind: a key written twice is refused; ``no`` and
``on`` are words (``restart: no``), ``22:22`` is text and not a number of base 60, a date is text; a number remembers
how it was written, so that ``1.10`` in an environment is not ``1.1``. Anchors and merge keys (``<<``) work.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from settings.problems import Problem, SettingsError
from settings.tree import Layer, Node, Origin

if TYPE_CHECKING:
    from pathlib import Path as FilePath

_MOST_NODES: Final = 50_000  # a file of a few hundred bytes can expand to billions through aliases
_NULL: Final = re.compile(r"(?:~|null|Null|NULL)?")
_BOOL: Final = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT: Final = re.compile(r"[-+]?\d+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?")
_MERGE: Final = "tag:yaml.org,2002:merge"
_STR: Final = "tag:yaml.org,2002:str"
_TAGS: Final = {
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge")
}


class WrittenInt(int):
    """A whole number whose ``str`` is the way it was written."""

    written: str

    def __str__(self) -> str:
        return self.written


class WrittenFloat(float):
    """A number whose ``str`` is the way it was written."""

    written: str

    def __str__(self) -> str:
        return self.written


def as_record(node: Node) -> Any:
    """Return plain JSON values that read back as what was written: ``43e255`` in an ``env`` is a text, not a number."""
    if isinstance(node.value, dict):
        return {key: as_record(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [as_record(item) for item in node.value]
    if isinstance(node.value, WrittenInt):
        return int(node.value) if str(node.value) == int.__repr__(node.value) else str(node.value)
    if isinstance(node.value, WrittenFloat):
        return float(node.value) if str(node.value) == float.__repr__(node.value) else str(node.value)
    return node.value


def read_yaml(root: FilePath, file: str, layer: Layer) -> Node:
    """Read a file below the root as a tree; an empty file is an empty map.

    Raises:
        SettingsError: It is no YAML, is not UTF-8, says a key twice, or is not a map at its top.
        FileNotFoundError: There is no such file.
    """
    try:
        text = (root / file).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError([Problem("", file, None, f"is not UTF-8 text: byte {error.start} can't be read")]) from None
    return _parse(text, file, layer)


@functools.lru_cache(maxsize=32)  # one command reads the catalogue and a stack's file several times; trees never change
def _parse(text: str, file: str, layer: Layer) -> Node:
    try:
        root_node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise SettingsError([Problem("", file, line, f"is not valid YAML: {what}")]) from None
    except RecursionError:
        raise SettingsError([Problem("", file, None, "is nested too deeply")]) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow: the text has no quotation of the file
        reason = getattr(error, "reason", "a character that YAML does not allow")
        raise SettingsError([Problem("", file, None, f"is not valid YAML: {reason}")]) from None
    origin = Origin(file, 1, layer)
    if root_node is None:
        return Node({}, origin)
    reader = _Reader(file, layer)
    tree = reader.node(root_node)
    if not tree.is_map:
        reader.problems.append(Problem("", file, 1, "must be a map of names to values at its top"))
    if reader.problems:
        raise SettingsError(reader.problems)
    return tree


class _Reader:
    """Turns PyYAML's nodes into ours and gathers what is wrong with them."""

    def __init__(self, file: str, layer: Layer) -> None:
        self.file = file
        self.layer: Layer = layer
        self.problems: list[Problem] = []
        self._count = 0
        self._open: set[int] = set()

    def node(self, node: yaml.Node) -> Node:
        """Convert one node and what it holds."""
        self._count += 1
        if self._count > _MOST_NODES:
            raise SettingsError(
                [self._problem(node, f"holds more than {_MOST_NODES:,} values once aliases are expanded")]
            )
        if id(node) in self._open:
            raise SettingsError([self._problem(node, "an alias can't stand inside what it names")])
        origin = Origin(self.file, node.start_mark.line + 1, self.layer)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return Node(self._map(node), origin)
            if isinstance(node, yaml.SequenceNode):
                return Node([self.node(item) for item in node.value], origin)
            return Node(self._scalar(node) if isinstance(node, yaml.ScalarNode) else None, origin)
        finally:
            self._open.discard(id(node))

    def _map(self, node: yaml.MappingNode) -> dict[str, Node]:
        merged: dict[str, Node] = {}
        own: dict[str, Node] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE or (key_node.value == "<<" and not key_node.style):
                for name, item in self._merged(value_node).items():
                    merged.setdefault(name, item)
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(self._problem(key_node, "a key must be a plain name"))
                continue
            key = str(key_node.value)
            if key in lines:
                self.problems.append(
                    self._problem(key_node, f"the key '{key}' stands here twice (first on line {lines[key]})")
                )
                continue
            lines[key] = key_node.start_mark.line + 1
            value = self.node(value_node)
            # The key's line is where people look: a map's own first line is the one below it.
            own[key] = Node(value.value, Origin(self.file, lines[key], self.layer))
        return merged | own

    def _merged(self, node: yaml.Node) -> dict[str, Node]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Node] = {}
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                self.problems.append(self._problem(source, "'<<' takes a map, or a list of maps"))
                continue
            for key, item in self.node(source).value.items():
                merged.setdefault(key, item)
        return merged

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text = str(node.value)
        if _tagged(node) and node.tag not in _TAGS:
            self.problems.append(self._problem(node, f"the tag {node.tag} is not known here"))
        if node.style or (node.tag == _STR and _tagged(node)):
            return text
        if _NULL.fullmatch(text):
            return None
        if _BOOL.fullmatch(text):
            return text.lower() == "true"
        if _INT.fullmatch(text):
            whole = WrittenInt(int(text, 0 if text[:2] in {"0o", "0x"} else 10))
            whole.written = text
            return whole
        if _FLOAT.fullmatch(text):
            number = WrittenFloat(text)
            number.written = text
            return number
        return text

    def _problem(self, node: yaml.Node, message: str) -> Problem:
        return Problem("", self.file, node.start_mark.line + 1, message)


def _tagged(node: yaml.ScalarNode) -> bool:
    """Whether a tag such as ``!!str`` (or an anchor) stands before the value: its node then starts before its text."""
    return bool(node.tag not in _TAGS or node.end_mark.index - node.start_mark.index > len(node.value))
