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
_AT_THE_TOP: Final = ("@@ -0", "@@ -1,", "@@ -1 ")
_MOST_COMPARED: Final = 2000
"""Longer texts are not compared: the time grows with the square."""


def difference_lines(changes: Iterable[PropertyChange], *, width: int) -> list[str]:
    """Return the lines of a diff; labels and values are cut to ``width`` characters each."""
    return [line for change in changes for line in _lines(change, width)]


def _lines(change: PropertyChange, width: int) -> Iterator[str]:
    label = visible(change.label, width)
    if change.secret:
        yield f"! {label}: {'changes' if change.old and change.new else 'is set' if change.new else 'goes'} (secret)"
        return
    old, new = (change.old or "").splitlines(), (change.new or "").splitlines()
    if max(len(old), len(new)) > _MOST_COMPARED:
        yield f"! {label}: {len(old)} lines before, {len(new)} lines after"
        return
    if max(len(old), len(new)) > 1:
        yield f"  {label}:"
        yield from _text_lines(old, new, width)
        return
    for sign, value in (("-", change.old), ("+", change.new)):
        if value is not None:
            yield f"{sign} {label}: {visible(value.rstrip(chr(10)), width)}"


def _text_lines(old: list[str], new: list[str], width: int) -> Iterator[str]:
    """Compare two texts line by line, as ``diff -u`` does."""
    found = difflib.unified_diff(old, new, n=_CONTEXT, lineterm="")
    for index, line in enumerate(found):
        if index < _HEADER_LINES:
            continue
        if line.startswith("@@"):
            if not line.startswith(_AT_THE_TOP):
                yield "    …"
        else:
            yield f"{line[0]}   {visible(line[1:], width)}"
