"""The last guard before a problem is shown: no value of a known secret, and nothing that looks like a key."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from settings.source import SECRET_PRESENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from settings.problems import Problem

SHORTEST_SECRET: Final = 8
"""A shorter value would be found by chance, and no real secret is that short."""
TOKEN: Final = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|AKIA[A-Z0-9]{16}|xox[abprs]-[\w-]{20,}|"
    r"glpat-[\w-]{18,}|hf_[A-Za-z0-9]{30,})|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"
)
"""What can only be a key of a well-known service."""
_MASK: Final = "[secret]"


def known_values(names: Iterable[str], look_up: Callable[[str], str | None]) -> dict[str, str]:
    """Return the values of those secrets that can be read here and are long enough to be told from other text."""
    values = {name: look_up(name) for name in names}
    return {
        name: value
        for name, value in values.items()
        if value is not None and value != SECRET_PRESENT and len(value) >= SHORTEST_SECRET
    }


def redact(problem: Problem, values: Iterable[str]) -> Problem:
    """Return a problem with every secret in its texts masked."""
    longest_first = sorted(values, key=len, reverse=True)  # else a part of a longer one would be left standing

    def mask(text: str | None) -> str | None:
        if text is None:
            return None
        for value in longest_first:
            text = text.replace(value, _MASK)
        return TOKEN.sub(_MASK, text)

    return dataclasses.replace(
        problem,
        path=mask(problem.path) or "",
        message=mask(problem.message) or "",
        allowed=mask(problem.allowed),
        nearest=mask(problem.nearest),
        fix=mask(problem.fix),
    )
