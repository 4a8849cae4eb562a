"""Changing one value in a stack's settings file (Pulumi.<stack>.yaml) while every other byte stays as it is."""

from __future__ import annotations

from typing import Any

import yaml

from engine.errors import InvalidProject


def with_salt(text: str, salt: str) -> str:
    """The file's text with the encryption salt as its first key."""
    marker = text.index("\n") + 1 if text.startswith("---\n") else 0
    after = f"{text[:marker]}encryptionsalt: {salt}\n{text[marker:]}"
    return _checked(text, after, lambda data: {**data, "encryptionsalt": salt})


def with_value(text: str, key: str, value: Any) -> str:
    """The file's text with a configuration value set; ``value`` is what YAML shall hold."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    config = _child(root, "config")

    def expected(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "config": {**(data.get("config") or {}), key: value}}

    written = f"{key}: {_inline(value)}"
    if config is None:
        body = text if not text or text.endswith("\n") else f"{text}\n"
        return _checked(text, f"{body}config:\n  {written}\n", expected)
    name, mapping = config
    if not isinstance(mapping, yaml.MappingNode) or not mapping.value or mapping.flow_style:
        whole = {**(yaml.safe_load(text).get("config") or {}), key: value}
        lines = "".join(f"\n  {item}: {_inline(content)}" for item, content in whole.items())
        return _checked(text, f"{text[: name.end_mark.index]}:{lines}{text[_end(mapping, text) :]}", expected)
    existing = _child(mapping, key)
    if existing is not None:
        start, end = existing[0].end_mark.index, _end(existing[1], text)
        return _checked(text, f"{text[:start]}: {_inline(value)}{text[end:]}", expected)
    line_end = text.find("\n", _end(mapping, text))
    position = len(text) if line_end < 0 else line_end
    indent = " " * mapping.value[0][0].start_mark.column
    return _checked(text, f"{text[:position]}\n{indent}{written}{text[position:]}", expected)


def _child(node: yaml.Node | None, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return name, value
    return None


def _end(node: yaml.Node, text: str) -> int:
    """Where a node's text really ends: a block's own end mark lies behind the comments that follow it."""
    while isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end = node.end_mark.index
    while end > node.start_mark.index and text[end - 1] in "\r\n":
        end -= 1
    return end


def _inline(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=2**31, allow_unicode=True).strip()
    return text.removesuffix("...").strip()


def _checked(before: str, after: str, expected: Any) -> str:
    """The new text, if it says what it should and nothing else changed."""
    old = yaml.safe_load(before) or {}
    try:
        right = yaml.safe_load(after) == expected(old)
    except yaml.YAMLError:
        right = False
    if not right:
        raise InvalidProject("the settings file is laid out in a way that can't be edited safely; edit it by hand")
    return after
