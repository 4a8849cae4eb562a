"""What the records come to: how many failed, how long the others took, in each time that was given a name."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from operate.probe.model import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from operate.probe.model import Mark, Record

GAP_S: Final = 1.0
"""A time without any good answer that is longer than this is a gap."""
_QUICK: Final = frozenset({Kind.GET, Kind.POST})
_ERRORS: Final = 10


@dataclass(frozen=True)
class Figures:
    """Requests of one kind."""

    sent: int
    failed: int
    retried: int
    """Sent again on a new connection, since a kept one turned out to be closed."""
    p50_ms: float | None
    """Half of the good answers came within this time, from when they were due; None where there was none."""
    p99_ms: float | None
    """99 of 100 did."""
    slowest_ms: float | None
    late_p99_ms: float | None
    """How late the prober itself sent them, for 99 of 100: what of the times above is its own."""


@dataclass(frozen=True)
class Phase:
    """All times of one name."""

    seconds: float
    kinds: Mapping[str, Figures]

    @property
    def sent(self) -> int:
        """Requests that were due then."""
        return sum(item.sent for item in self.kinds.values())

    @property
    def failed(self) -> int:
        """Those that failed."""
        return sum(item.failed for item in self.kinds.values())


@dataclass(frozen=True)
class Summary:
    """What became of a run."""

    seconds: float
    sent: int
    failed: int
    duplicates: int
    """POSTs that arrived more than once."""
    lost: int
    """POSTs that were answered and never arrived."""
    told: int
    """Websockets that were closed with a word: going away, restarting."""
    gaps: Sequence[float]
    """Seconds of each time longer than :data:`GAP_S` without a good answer to a GET or POST."""
    kinds: Mapping[str, Figures]
    phases: Mapping[str, Phase]
    """By name, in order of their first mark."""
    errors: Mapping[str, int]
    """How often what went wrong, the most frequent first."""
    releases: Mapping[str, int] = field(default_factory=dict)
    """How many answers came from each release, where the application names it in ``X-Release``."""
    unsaid: str = ""
    """Why it is not known whether POSTs arrived once; empty if it is."""

    @property
    def good(self) -> bool:
        """Whether nothing failed, nothing arrived twice or never, and that is known."""
        return not (self.failed or self.duplicates or self.lost or self.unsaid)

    def to_json(self) -> str:
        """Return it as a line of JSON."""
        return json.dumps({**asdict(self), "good": self.good})

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Summary:
        """Read what :meth:`to_json` wrote."""
        phases = {
            name: Phase(item["seconds"], {kind: Figures(**each) for kind, each in item["kinds"].items()})
            for name, item in data["phases"].items()
        }
        kinds = {kind: Figures(**each) for kind, each in data["kinds"].items()}
        rest = {name: value for name, value in data.items() if name != "good"}
        return Summary(**{**rest, "phases": phases, "kinds": kinds})


def summarize(
    records: Sequence[Record],
    marks: Sequence[Mark],
    ended: float,
    *,
    duplicates: int = 0,
    lost: int = 0,
    unsaid: str = "",
) -> Summary:
    """Return what the records come to.

    Args:
        records: In any order.
        marks: In order of time; the first one is the beginning. Times of the same name are taken together.
        ended: When the run ended.
        duplicates: POSTs that arrived more than once.
        lost: POSTs that were answered and never arrived.
        unsaid: Why that is not known.
    """
    spans: dict[str, list[tuple[float, float]]] = {}
    for index, mark in enumerate(marks):
        end = marks[index + 1].at if index + 1 < len(marks) else math.inf
        spans.setdefault(mark.name, []).append((mark.at if index else -math.inf, end))
    phases = {}
    for name, times in spans.items():
        seconds = sum(min(end, ended) - max(start, marks[0].at) for start, end in times)
        inside = [item for item in records if any(start <= item.due < end for start, end in times)]
        phases[name] = Phase(round(seconds, 1), _by_kind(inside))
    errors = Counter(f"{item.kind}: {item.error}" for item in records if item.error)
    return Summary(
        seconds=round(ended - marks[0].at, 1),
        sent=len(records),
        failed=sum(1 for item in records if item.error),
        duplicates=duplicates,
        lost=lost,
        told=sum(1 for item in records if item.kind == Kind.WEBSOCKET and not item.error and item.status != 1000),  # noqa: PLR2004 - a normal end
        gaps=gaps(records),
        kinds=_by_kind(records),
        phases=phases,
        errors=dict(errors.most_common(_ERRORS)),
        releases=dict(Counter(item.by for item in records if item.by and not item.error)),
        unsaid=unsaid,
    )


def gaps(records: Sequence[Record]) -> list[float]:
    """Return the times without a good answer, between the first request and the last answer."""
    quick = [item for item in records if item.kind in _QUICK]
    if not quick:
        return []
    moments = [min(item.due for item in quick), *sorted(item.done for item in quick if not item.error)]
    moments.append(max(item.due for item in quick))
    return [round(later - earlier, 1) for earlier, later in pairwise(moments) if later - earlier > GAP_S]


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value that ``share`` of the values do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _by_kind(records: Sequence[Record]) -> dict[str, Figures]:
    kinds = sorted({str(item.kind) for item in records}, key=list(Kind).index)  # type: ignore[arg-type]
    return {kind: _figures([item for item in records if item.kind == kind]) for kind in kinds}


def _figures(records: Sequence[Record]) -> Figures:
    good = sorted(item.seconds * 1000 for item in records if not item.error)
    late = sorted((item.sent - item.due) * 1000 for item in records)
    found = (percentile(good, 0.5), percentile(good, 0.99), percentile(good, 1.0), percentile(late, 0.99))
    p50, p99, slowest, late_p99 = (None if value is None else round(value, 2) for value in found)
    failed = len(records) - len(good)
    return Figures(len(records), failed, sum(item.retried for item in records), p50, p99, slowest, late_p99)
