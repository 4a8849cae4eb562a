"""Shows a platform as it is after all merging, with the place that each value came from."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from settings.paths import dotted
from settings.rendering import as_written
from settings.tree import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.load import Loaded
    from settings.paths import Path

_COLUMN: Final = 64
_PLAIN: Final = re.compile(r"[A-Za-z/][\w./@+-]*(?::[\w./@+-]+)*|\d+[KMGT]iB|(?:\d+[dhms])+|\d+ms")
_NOT_TEXT: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def explain(loaded: Loaded, *, defaults: bool = True) -> str:
    """Return the merged description as YAML, each value with a comment that names its origin.

    Args:
        loaded: The platform.
        defaults: Whether values that nobody wrote are shown too.
    """
    environment = f", environment {loaded.environment}" if loaded.environment else ""
    lines = [f"# {loaded.platform.name}: stack {loaded.stack} of project {loaded.project}{environment}"]
    for text, origin in _map(as_written(loaded.platform), (), 0, loaded):
        if origin is None:
            lines.append(text)
        elif defaults or origin != str(DEFAULT):
            lines.append(f"{text:<{_COLUMN}} # {origin}")
    return "\n".join(_without_empty(lines) if not defaults else lines) + "\n"


def explain_json(loaded: Loaded) -> dict[str, Any]:
    """Return the same as data: the platform in the author's notation, and the origin of each value by its path."""
    return {
        "stack": loaded.stack,
        "project": loaded.project,
        "environment": loaded.environment,
        "platform": as_written(loaded.platform),
        "origins": {
            path: {"file": origin.file, "line": origin.line, "layer": origin.layer}
            for path, origin in loaded.origins.items()
        },
    }


def _map(values: dict[str, Any], path: Path, depth: int, loaded: Loaded) -> Iterator[tuple[str, str | None]]:
    for key, value in values.items():
        yield from _entry(f"{'  ' * depth}{_scalar(key)}:", value, (*path, key), depth, loaded)


def _entry(head: str, value: Any, path: Path, depth: int, loaded: Loaded) -> Iterator[tuple[str, str | None]]:
    if isinstance(value, dict) and value:
        yield head, None
        yield from _map(value, path, depth + 1, loaded)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        yield head, None
        for index, item in enumerate(value):
            lines = list(_map(item, (*path, index), depth + 2, loaded))
            for number, (text, origin) in enumerate(lines):
                dash = "  " * depth + "  - "
                yield (dash + text[len(dash) :] if number == 0 else text), origin
    else:
        text = f"[{', '.join(_scalar(item) for item in value)}]" if isinstance(value, list) else _scalar(value)
        yield f"{head} {text}", str(loaded.origins.get(dotted(path), DEFAULT))


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT:
        return value
    return json.dumps(value, ensure_ascii=False)


def _without_empty(lines: list[str]) -> list[str]:
    """Drop the heads of maps of which nothing is shown."""
    kept: list[str] = []
    for line in reversed(lines):
        is_head = line.endswith(":")
        indent = len(line) - len(line.lstrip())
        following = len(kept[-1]) - len(kept[-1].lstrip()) if kept else -1
        if not is_head or following > indent:
            kept.append(line)
    return kept[::-1]
