"""The words that consequences are made of: our own sentences with foreign names in them, kept apart for escaping."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_NAMES: Final = 6

CONTAINER: Final = "docker:index/container:Container"
SERVICE: Final = "docker:index/service:Service"
VOLUME: Final = "docker:index/volume:Volume"
NETWORK: Final = "docker:index/network:Network"
SECRET: Final = "docker:index/secret:Secret"  # noqa: S105 - a type


class Severity(StrEnum):
    """How grave a notice is, the gravest first."""

    BLOCKED = "blocked"
    """The deployment will be refused or fail."""
    DANGER = "danger"
    """Data or a credential is lost."""
    CAUTION = "caution"
    """Something is interrupted, opened or left behind."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """Text that is not ours: a name or value from the plan."""

    text: str


Text = tuple[str | Quoted, ...]
"""A sentence: literal pieces are safe to print as they are, :class:`Quoted` ones are not."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to know before the deployment."""

    severity: Severity
    text: Text


def listed(names: Iterable[str], most: int = _MOST_NAMES) -> Text:
    """Return names as a list in words, the first few of many."""
    unique = list(dict.fromkeys(names))
    pieces: list[str | Quoted] = []
    for index, name in enumerate(unique[:most]):
        if index:
            pieces.append(" and " if index == len(unique) - 1 else ", ")
        pieces.append(Quoted(name))
    if len(unique) > most:
        pieces.append(f" and {len(unique) - most} more")
    return tuple(pieces)
