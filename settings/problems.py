"""What is wrong with a description, told so that it can be mended without reading code.

Never part of a problem: the value of a secret, or a rejected value that could be one.
"""

from __future__ import annotations

import difflib
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from settings.paths import Path
    from settings.tree import Origin

_WIDTH = 110
_LONGEST = 1200  # characters of one text, so that a problem stays within a screen


@dataclass(frozen=True)
class Problem:
    """One thing to mend."""

    path: str
    """Where in the description: ``services.api.env.DATABASE_URL``, ``gateway.routes[1].to``."""
    file: str | None
    """The file that says so, relative to the project's root; ``command line``; or ``None`` if nobody wrote it."""
    line: int | None
    """Line in that file, counted from 1."""
    message: str
    """What is wrong."""
    allowed: str | None = None
    """What would be right."""
    nearest: str | None = None
    """The right name that comes nearest to the one given."""
    fix: str | None = None
    """The edit or command that mends it."""

    @property
    def where(self) -> str:
        """``blueprints/starter.yaml:12``, or what is known of it."""
        if self.file is None:
            return ""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def __str__(self) -> str:
        """Render it on a few lines: place, message, then what helps."""
        head = "  ".join(part for part in (self.path, f"({self.where})" if self.where else "") if part)
        texts = [self.message]
        if self.nearest:
            texts.append(f"nearest: {self.nearest}")
        if self.allowed:
            texts.append(f"allowed: {self.allowed}")
        if self.fix:
            texts.append(f"fix: {self.fix}")
        return "\n".join([head, *(_indent(text) for text in texts)]) if head else "\n".join(texts)


class SettingsError(Exception):
    """The description can't be used; carries every problem found, not only the first.

    Attributes:
        problems: All of them, grouped by file and in the order of their lines.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(problems, key=_order))
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Render all problems, numbered."""
        count = len(self.problems)
        head = "1 problem in the description" if count == 1 else f"{count} problems in the description"
        blocks = [textwrap.indent(str(problem), "   ").strip() for problem in self.problems]
        return "\n\n".join([f"{head}:", *(f"{number:>2}. {text}" for number, text in enumerate(blocks, 1))])


@dataclass(frozen=True)
class Finding:
    """What a check finds; the loader adds file and line and makes it a :class:`Problem`."""

    path: Path
    message: str
    allowed: str | None = None
    nearest: str | None = None
    fix: str | None = None
    about: tuple[Path, ...] = ()
    """Other places that it rests on. If one of them, or something in it, is itself in error, this finding may be a mere
    consequence and is left out until that one is mended."""
    at: Origin | None = None
    """Where it stands, if that can't be told from the path (a value that the merge has removed)."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that was most likely meant, or ``None``."""
    found = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.6)
    return found[0] if found else None


def listing(names: Iterable[str], none: str = "none is declared") -> str:
    """Write names as a sorted list for ``allowed``."""
    return ", ".join(sorted(names)) or none


def _order(problem: Problem) -> tuple[str, int, str]:
    return (problem.file or "", problem.line or 0, problem.path)


def _indent(text: str) -> str:
    if len(text) > _LONGEST:
        text = text[:_LONGEST].rstrip() + " …"
    lines = (
        [
            wrapped
            for line in text.splitlines()
            for wrapped in (textwrap.wrap(line, _WIDTH, break_on_hyphens=False, break_long_words=False) or [""])
        ]
        if "\n" not in text
        else text.splitlines()
    )
    return textwrap.indent("\n".join(lines), "   ")
