"""What a check of this machine comes to. The checks themselves: ``operate.doctor_*``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    """What."""
    level: Level
    """How bad it is."""
    text: str
    """What was found."""
    fix: str = ""
    """The command or edit that mends it; empty if nothing is wrong."""

    def to_dict(self) -> dict[str, str]:
        """Return it as JSON-like data."""
        return {key: str(value) for key, value in asdict(self).items()}


def ok(name: str, text: str) -> Check:
    """Return a check that found nothing wrong."""
    return Check(name, Level.OK, text)


def warn(name: str, text: str, fix: str) -> Check:
    """Return a check that found something that may hurt later."""
    return Check(name, Level.WARN, text, fix)


def fail(name: str, text: str, fix: str) -> Check:
    """Return a check that found what keeps a deployment from working."""
    return Check(name, Level.FAIL, text, fix)
