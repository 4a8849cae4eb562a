"""Properties that differ, as the lines of a fenced ``diff`` block."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from review.escaping import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from review.properties import PropertyChange

_CONTEXT: Final = 2
_HEADER_LINES: Final = 2


def difference_lines(changes: Iterable[PropertyChange], *, width: int, most: int) -> list[str]:
    """Return the lines of a diff, cut to ``most`` of them, each at most about ``width`` characters long."""
    lines = [line for change in changes for line in _lines(change, width)]
    if len(lines) <= most:
        return lines
    return [*lines[:most], f"  … {len(lines) - most} more lines"]


def _lines(change: PropertyChange, width: int) -> Iterator[str]:
    label = visible(change.label, width)
    if change.secret:
        yield f"! {label}: {'changes' if change.old and change.new else 'is set' if change.new else 'goes'} (secret)"
        return
    if "\n" in (change.old or "").strip("\n") or "\n" in (change.new or "").strip("\n"):
        yield f"  {label}:"
        yield from _text_lines(change.old or "", change.new or "", width)
        return
    for sign, value in (("-", change.old), ("+", change.new)):
        if value is not None:
            yield f"{sign} {label}: {visible(value.rstrip(chr(10)), width)}"


def _text_lines(old: str, new: str, width: int) -> Iterator[str]:
    """Compare two texts line by line, as ``diff -u`` does."""
    found = difflib.unified_diff(old.splitlines(), new.splitlines(), n=_CONTEXT, lineterm="")
    for index, line in enumerate(found):
        if index < _HEADER_LINES:
            continue
        if line.startswith("@@"):
            yield "    …"
        else:
            yield f"{line[0]}   {visible(line[1:], width)}"
