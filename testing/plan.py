"""A graph as text for people: what would be created, under what, from what. Secrets are shown by name only.

Values that a provider makes up are shown by their origin (``<backend-network.id>``), so that a text changes only when
the description or a component does. Scripts in arguments are shown by their hash, and of a replica only what differs
from the first one.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from engine.provider import Unknown
from engine.urn import name_of
from testing.resource import covered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from testing.graph import Graph
    from testing.resource import Resource

_INDENT: Final = "  "
_WIDTH: Final = 110
_SHORTEST: Final = 12
"""Made-up values are longer than this, apart from names; shorter outputs would be found by chance."""
_HIDDEN: Final = "[secret]"
_DIGITS: Final = 7


def plan_text(graph: Graph) -> str:
    """Return the plan: components by name, each with its children, inputs, options and what it waits for."""
    origin = _origins(graph.resources)
    components = sum(not resource.custom for resource in graph)
    kind = "preview of " if graph.preview else ""
    lines = [f"{kind}{graph.project}/{graph.stack}: {len(graph) - components} resources in {components} components"]
    for resource in _by_name(graph.children()):
        lines += ["", *_tree(graph, resource, 0, origin)]
    if graph.exports:
        lines += ["", "exports"]
        lines += _map_lines(graph.exports, graph.secret_exports, 1, origin)
    return "\n".join(lines) + "\n"


def _tree(graph: Graph, resource: Resource, depth: int, origin: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines of a resource's children; a replica is compared with the first of its kind."""
    pad = _INDENT * depth
    yield f"{pad}{_head(resource)}"
    if resource.custom:
        yield from _body(resource, depth, origin)
    first: dict[tuple[str, str], tuple[str, list[str]]] = {}
    for child in _by_name(graph.children(resource)):
        kind = child.type, child.name.rstrip("0123456789")
        if not child.custom or graph.children(child) or kind[1] == child.name:
            yield from _tree(graph, child, depth + 1, origin)
            continue
        body = list(_body(child, depth + 1, origin))
        name, usual = first.setdefault(kind, (child.name, body))
        alike = name != child.name and [_key(line) for line in body] == [_key(line) for line in usual]
        yield f"{pad}{_INDENT}{_head(child)}" + (f"  (as {name}, but)" if alike else "")
        yield from (line for line in body if line not in usual) if alike else body


def _head(resource: Resource) -> str:
    return f"{'=' if resource.read else '+'} {resource.name}  {resource.type}"


def _key(line: str) -> str:
    return line.partition(":")[0]


def _body(resource: Resource, depth: int, origin: Callable[[str], str]) -> Iterator[str]:
    yield from _map_lines(resource.inputs, resource.secret_paths, depth + 2, origin)
    pad = _INDENT * (depth + 2)
    if words := _option_words(resource):
        yield f"{pad}options: {', '.join(words)}"
    if after := sorted(name_of(urn) for urn in resource.dependencies):
        yield from _wrapped(f"{pad}after: ", after)


def _map_lines(
    values: Mapping[str, Any], secrets: frozenset[str], depth: int, origin: Callable[[str], str]
) -> Iterator[str]:
    for key, value in sorted(values.items()):
        yield from _value_lines(f"{key}:", _shown(value, key, secrets, origin), depth)


def _value_lines(key: str, value: Any, depth: int) -> Iterator[str]:
    pad = _INDENT * depth
    inline = _inline(value)
    if isinstance(value, str) and "\n" in value:
        yield f"{pad}{key} |"
        yield from (f"{pad}{_INDENT}{line}".rstrip() for line in value.splitlines())
    elif isinstance(value, dict | list) and value and (len(pad) + len(key) + len(inline) > _WIDTH or "\\n" in inline):
        yield f"{pad}{key}"
        items = value.items() if isinstance(value, dict) else (("-", item) for item in value)
        for name, item in items:
            yield from _value_lines("-" if name == "-" else f"{name}:", item, depth + 1)
    else:
        yield f"{pad}{key} {inline}"


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    return value if isinstance(value, str) and "\n" not in value and value else json.dumps(value, ensure_ascii=False)


def _shown(value: Any, path: str, secrets: frozenset[str], origin: Callable[[str], str]) -> Any:
    """Return a value for people: secrets hidden, made-up texts by origin, Docker's label lists as maps."""
    if covered(path, secrets):
        return _HIDDEN
    if isinstance(value, Unknown):
        return "<unknown>"
    if isinstance(value, str):
        return origin(value)
    if isinstance(value, dict):
        return {key: _shown(item, f"{path}.{key}", secrets, origin) for key, item in sorted(value.items())}
    if isinstance(value, list | tuple):
        return _as_map([_shown(item, f"{path}[{index}]", secrets, origin) for index, item in enumerate(value)])
    return value


def _as_map(items: list[Any]) -> Any:
    if items and all(isinstance(item, dict) and set(item) == {"label", "value"} for item in items):
        return {item["label"]: item["value"] for item in items}
    return [_script(item) if isinstance(item, str) and "\n" in item else item for item in items]


def _script(text: str) -> str:
    return f"<{len(text.splitlines())} lines, {hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}>"


def _option_words(resource: Resource) -> list[str]:
    options = resource.options
    words = [
        *(["protect"] if options.protect else []),
        *(["retain on delete"] if options.retain_on_delete else []),
        *(["delete first"] if options.delete_before_replace else []),
        *(["create first"] if options.delete_before_replace is False else []),
        *([f"import {options.import_id}"] if options.import_id else []),
        *(f"{key} within {value}" for key, value in options.custom_timeouts.items()),
    ]
    for title, names in (
        ("replace on", options.replace_on_changes),
        ("ignore", options.ignore_changes),
        ("secret outputs", options.additional_secret_outputs),
        ("aliases", options.aliases),
    ):
        if names:
            words.append(f"{title} {' '.join(names)}")
    return words


def _wrapped(head: str, words: Iterable[str]) -> Iterator[str]:
    line = head
    pad = " " * len(head)
    for number, word in enumerate(words):
        separator = "" if number == 0 else ", "
        if len(line) + len(separator) + len(word) > _WIDTH and line.strip() != head.strip():
            yield f"{line},"
            line, separator = pad, ""
        line += separator + word
    yield line


def _origins(resources: Iterable[Resource]) -> Callable[[str], str]:
    """Return a function that replaces made-up values in a text by where they come from."""
    known: dict[str, str] = {}
    for resource in resources:
        if not resource.custom:
            continue  # a component's outputs are those of its children
        made_up = {"id": resource.id} | {
            key: value for key, value in resource.outputs.items() if key not in resource.inputs
        }
        for key, value in made_up.items():
            named = key == "name" or len(str(value)) >= _SHORTEST
            if isinstance(value, str) and named and value and key not in resource.secret_outputs:
                known.setdefault(value, f"<{resource.name}.{key}>")
                if key == "name":
                    known[value] = f"<{resource.name}.{key}>"
    if not known:
        return lambda text: text
    pattern = re.compile("|".join(re.escape(value) for value in sorted(known, key=len, reverse=True)))
    return lambda text: pattern.sub(lambda match: known[match[0]], text)


def _by_name(resources: Iterable[Resource]) -> list[Resource]:
    return sorted(resources, key=lambda resource: (resource.name, resource.type))
