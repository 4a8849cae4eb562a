"""As much of SQL's lexical rules as it takes to know where statements begin in a dump, and what is text or rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TOKEN: Final = re.compile(
    rb"(?P<line>--[^\n]*)|(?P<comment>/\*)|(?P<escaped>(?<![A-Za-z0-9_$])[eE]')|(?P<text>')|(?P<name>\")"
    rb"|(?P<dollar>(?<![A-Za-z0-9_$])\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$)|(?P<end>;)|(?P<meta>\\)|(?P<code>[^\s])"
)
_COPY: Final = re.compile(rb"^COPY .* FROM stdin;\s*$", re.IGNORECASE)
_ENDS: Final = {
    "text": re.compile(rb"'"),
    "name": re.compile(rb'"'),
    "escaped": re.compile(rb"(?:[^\\']|\\.|\\\n)*'", re.DOTALL),
    "comment": re.compile(rb"\*/"),
}
_ROWS_END: Final = b"\\."


@dataclass(frozen=True)
class Line:
    """A line of a dump."""

    number: int
    text: bytes
    starts: bool
    """Whether a statement may begin with it."""
    rows: bool
    """Whether it is a row of a COPY, or the end of its rows."""
    meta: bool
    """Whether it has a command for psql itself."""


class _State:
    """What a line begins within."""

    def __init__(self) -> None:
        self.within: str | None = None
        self.tag = b""
        self.between = True

    def feed(self, text: bytes) -> bool:
        """Take a line; return whether psql would find a command of its own in it."""
        at, meta = 0, False
        while at < len(text):
            if self.within is not None:
                at = self._leave(text, at)
                continue
            found = _TOKEN.search(text, at)
            if found is None:
                break
            at = found.end()
            kind = str(found.lastgroup)
            if kind in {"text", "name", "escaped", "comment", "dollar"}:
                self.within, self.tag = kind, found[0]
            meta = meta or kind == "meta"
            if kind not in {"line", "comment"}:
                self.between = kind == "end"
        return meta

    def _leave(self, text: bytes, at: int) -> int:
        """Return where in the line what it is within ends, its length if it does not."""
        if self.within == "dollar":
            end = text.find(self.tag, at)
            after = end + len(self.tag)
        else:
            found = (_ENDS["escaped"].match if self.within == "escaped" else _ENDS[str(self.within)].search)(text, at)
            end, after = (found.end(), found.end()) if found else (-1, 0)
        if end < 0:
            return len(text)
        self.within = None
        return after


def lines(source: Iterable[bytes]) -> Iterator[Line]:
    """Tell the lines of a dump apart.

    A doubled quote inside a text ends it and begins another, which comes to the same.
    """
    state, rows = _State(), False
    for number, text in enumerate(source, start=1):
        if rows:
            rows = text.rstrip(b"\r\n") != _ROWS_END
            yield Line(number, text, starts=False, rows=True, meta=False)
            continue
        starts = state.between and state.within is None
        meta = state.feed(text)
        yield Line(number, text, starts, rows=False, meta=meta)
        rows = starts and state.between and bool(_COPY.match(text))
