"""Text from anywhere, made safe to stand in a GitHub comment.

In a pull request from a fork every name and value was chosen by a stranger. Nothing of theirs may become markup, a
mention, a link, a second marker or an invisible character. So a value stands only in a code span, in a fenced block or
in ``<code>``, and only after :func:`visible`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

ELLIPSIS: Final = "…"
_SHORT_ESCAPES: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_NOT_IN_MARKER: Final = re.compile(r"[^A-Za-z0-9_./-]")
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9 \u00a1-\uffff-]")
_TICKS: Final = re.compile(r"`+")
_SHORTEST_FENCE: Final = 3


def visible(text: str, limit: int) -> str:
    """Return one line in which every character can be seen, at most ``limit`` characters long.

    Line ends, control, direction, zero-width and strange space characters are written as escapes.
    """
    shown = text[: limit + 1]
    if not shown.isprintable():
        shown = "".join(_visible_character(character) for character in shown)
    return shown if len(shown) <= limit else shown[: max(0, limit - 1)] + ELLIPSIS


def _visible_character(character: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"


def code(text: str, limit: int = 200) -> str:
    """Return a code span; outside of tables and HTML."""
    shown = visible(text, limit)
    if not shown.strip():
        return "*(empty)*"
    fence = "`" * (1 + max((len(run) for run in _TICKS.findall(shown)), default=0))
    # Padding keeps a tick at the edge out of the fence; Markdown takes one space off each side again.
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def html_code(text: str, limit: int = 200) -> str:
    """Return ``<code>`` in which every special character is an entity, for table cells and ``<summary>``.

    A code span would not do there: GitHub splits table cells before it looks for spans.
    """
    encoded = _NOT_PLAIN.sub(lambda found: f"&#{ord(found[0])};", visible(text, limit))
    return f"<code>{encoded or '(empty)'}</code>"


def fenced(lines: Iterable[str], info: str = "") -> str:
    """Return a fenced block of lines that went through :func:`visible`."""
    content = list(lines)
    longest = max((len(run) for line in content for run in _TICKS.findall(line)), default=0)
    fence = "`" * max(_SHORTEST_FENCE, longest + 1)
    return "\n".join([f"{fence}{info}", *content, fence])


def marker(stack: str) -> str:
    """Return the hidden first line by which a stack's comment is found again."""
    # Pulumi's own names hold nothing else; without ">" nothing can end the HTML comment.
    return f"<!-- slipway-preview:{_NOT_IN_MARKER.sub('_', stack)} -->"


def length(text: str) -> int:
    """Length as GitHub's editor counts it: UTF-16 units, never fewer than its characters."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
