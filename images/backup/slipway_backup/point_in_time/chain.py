"""A chain: a base backup, and the write-ahead log from its beginning on without a gap. Pure.

In a repository it is two kinds of snapshots: ``<store>/<chain>`` is a base backup, ``<store>/<chain>/<until>`` all its
log until a moment. A chain is named by the moment from which on it restores. A list of snapshots says what can be had.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from slipway_backup.errors import NotVerifiedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from slipway_backup.restic import Snapshot

BASE: Final = "base"
"""What a snapshot of a base backup has in the place of a trigger."""
LOG: Final = "log"
"""What a snapshot of log has there."""
FACTS: Final = "chain.json"
"""The file that says what a snapshot of log is of."""
SEGMENT: Final = re.compile(r"[0-9A-F]{24}")
"""Name of a finished segment."""
PARTIAL: Final = ".partial"
"""End of the name of the segment that is being written."""
_STAMP: Final = "%Y%m%dT%H%M%S.%fZ"
_PAGE: Final = 8192
_HEADERS: Final = (24, 40)
_LOG_FILE: Final = 1 << 32


def now() -> datetime:
    """Return this moment."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Write a moment, to the microsecond, so that texts are in the order of the moments."""
    return moment.astimezone(UTC).strftime(_STAMP)


def moment_of(text: str) -> datetime:
    """Read what :func:`stamp` wrote."""
    return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)


@dataclass(frozen=True)
class Facts:
    """What a snapshot of log says of itself."""

    store: str
    chain: str
    """Its name: since when it restores."""
    until: str
    """Everything that was acknowledged before this moment is in it, and a commit after this moment too."""
    lsn: str
    """How far it reaches at least."""
    first: str
    """The first segment that recovery needs."""
    system: str
    """Identifier of the cluster."""
    superuser: str
    """Name of the cluster's first role."""
    major: int
    base_bytes: int

    def text(self) -> str:
        """Return it as a file."""
        return json.dumps({"format": 1, **asdict(self)}, indent=1, sort_keys=True) + "\n"


def facts_of(text: str, place: str) -> Facts:
    """Read :meth:`Facts.text`.

    Raises:
        NotVerifiedError: It is none.
    """
    try:
        content = json.loads(text)
        if content.pop("format") != 1:
            raise NotVerifiedError(f"{place} is of a newer version: use its image")
        return Facts(**content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotVerifiedError(f"{place} does not say what it is: {error!r}") from None


@dataclass
class Window:
    """A chain as destinations have it: every moment between two can be restored."""

    store: str
    since: str
    """Name of the chain."""
    until: str = ""
    """Empty: there is no log yet."""
    bases: dict[str, Snapshot] = field(default_factory=dict)
    """By the destination's name."""
    logs: dict[str, Snapshot] = field(default_factory=dict)
    """The newest one of each destination."""

    @property
    def verified(self) -> str | None:
        """When it was restored to prove it, or nothing."""
        return max((item.verified for item in self.bases.values() if item.verified), default=None)

    @property
    def places(self) -> list[str]:
        """Names of the destinations from which it can be restored, those with most of it first."""
        both = [name for name in self.logs if name in self.bases]
        return sorted(both, key=lambda name: (self.logs[name].id, name), reverse=True)

    def covers(self, moment: datetime) -> bool:
        """Whether this moment can be restored."""
        return bool(self.until) and moment_of(self.since) <= moment <= moment_of(self.until)

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "store": self.store,
            "since": self.since,
            "until": self.until,
            "verified": self.verified,
            "destinations": self.places,
        }


def windows(there: Mapping[str, Iterable[Snapshot]]) -> list[Window]:
    """Return the chains that destinations have, by store, the oldest first.

    Args:
        there: Snapshots by the destination's name.
    """
    found: dict[tuple[str, str], Window] = {}
    for place, snapshots in there.items():
        for snapshot in snapshots:
            words = snapshot.id.split("/")
            window = found.setdefault((words[0], words[1]), Window(words[0], words[1]))
            if snapshot.trigger == BASE:
                window.bases[place] = snapshot
            elif place not in window.logs or snapshot.id > window.logs[place].id:
                window.logs[place] = snapshot
    for window in found.values():
        window.until = max((window.logs[place].id.split("/")[2] for place in window.places), default="")
    return [found[key] for key in sorted(found)]


def superfluous(
    there: Sequence[Snapshot], chains: Sequence[Window], oldest: datetime, place: str
) -> tuple[list[Snapshot], list[str]]:
    """Return the snapshots of one destination that nobody needs any more, and the chains that go with them.

    The newest chain stays, the newest that was proved, and whatever reaches beyond ``oldest``; of each the newest log.

    Args:
        there: The destination's snapshots.
        chains: Its chains.
        oldest: The moment from which on everything stays restorable.
        place: The destination's name.
    """
    gone: set[tuple[str, str]] = set()
    for store in {window.store for window in chains}:
        own = [window for window in chains if window.store == store]
        kept = {max((window.since for window in own if window.until), default="")}
        kept |= {max((window.since for window in own if window.verified), default="")}
        newest = max(kept)
        gone |= {
            (store, window.since)
            for window in own
            # One that is younger than the newest is being made.
            if window.since not in kept and window.since < newest and not _reaches(window, oldest)
        }
    newest_logs = {window.logs[place].snapshot for window in chains if place in window.logs}
    found = []
    for snapshot in there:
        store, since = snapshot.id.split("/")[:2]
        if (store, since) in gone or (snapshot.trigger == LOG and snapshot.snapshot not in newest_logs):
            found.append(snapshot)
    return found, sorted(since for _, since in gone)


def _reaches(window: Window, oldest: datetime) -> bool:
    return bool(window.until) and moment_of(window.until) >= oldest


def number_of(segment: str, size: int) -> int:
    """Return where in the log a segment stands, whatever its timeline."""
    return int(segment[8:16], 16) * (_LOG_FILE // size) + int(segment[16:], 16)


def gap(segments: Iterable[str], first: str, size: int) -> str | None:
    """Return in words what is missing of the log from a segment on, or nothing.

    Args:
        segments: Names of finished and partial segments, without what marks these.
        first: The first that is needed.
        size: Bytes of a segment.
    """
    start = number_of(first, size)
    numbers = sorted({number_of(name, size) for name in segments if number_of(name, size) >= start})
    if not numbers or numbers[0] != start:
        return f"segment {first} of the write-ahead log is missing"
    for before, after in pairwise(numbers):
        if after != before + 1:
            return f"{after - before - 1} segments of the write-ahead log are missing"
    return None


def lsn_of(text: str) -> int:
    """Return a place in the log, as ``0/1A2B3C8``, as a number of bytes."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def text_of(lsn: int) -> str:
    """Write a place in the log."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def written(lsn: int) -> int:
    """Return what of the log is written when the next record would stand at a place: a page's head is not there yet."""
    return lsn - lsn % _PAGE if lsn % _PAGE in _HEADERS else lsn
