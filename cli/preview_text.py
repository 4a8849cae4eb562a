"""A preview's document as a short list for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from operate.outcome import UNCHANGED
from operate.stack_view import is_component, logical_name, short_type

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARKS: Final = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "replace": ("±", "magenta"),
    "delete": ("-", "red"),
    "import": ("=", "green"),
}
_STACK: Final = "pulumi:pulumi:Stack"
_SHOWN: Final = 6


def changes_text(digest: Mapping[str, Any]) -> str:
    """Return a line for each resource that would change, with the properties that differ."""
    return "\n".join(line for step in digest.get("steps") or () if (line := _line(step)))


def _line(step: Mapping[str, Any]) -> str:
    op, urn = step["op"], step["urn"]
    if op in UNCHANGED or op not in _MARKS or is_component(urn) or f"::{_STACK}::" in urn:
        return ""
    mark, color = _MARKS[op]
    differing = step.get("replaceReasons") or step.get("diffReasons") or ()
    why = f"  [{', '.join(differing[:_SHOWN])}{', …' if len(differing) > _SHOWN else ''}]" if differing else ""
    return f"  {click.style(mark, fg=color)} {op:<8} {short_type(urn)} {logical_name(urn)}{why}"
