"""Which sets go. Pure: what is there, the rules, and the moment.

Two things come before every rule: the newest verified set stays, and while there is none nothing goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from slipway_backup.config import Keep


@dataclass(frozen=True)
class Known:
    """A set as far as the rules ask."""

    id: str
    moment: datetime
    verified: bool


def to_forget(sets: Sequence[Known], keep: Keep, now: datetime) -> list[str]:
    """Return the ids of the sets that no rule keeps, the oldest first."""
    newest_first = sorted(sets, key=lambda item: (item.moment, item.id), reverse=True)
    verified = [item for item in newest_first if item.verified]
    if not verified:
        return []
    kept = {verified[0].id}
    # A clock that jumped ahead must not empty the shelf: nothing counts as older than it is beside the newest set.
    today = min(now, newest_first[0].moment + timedelta(days=1))
    kept |= {item.id for item in newest_first if today - item.moment < timedelta(days=keep.days)}
    kept |= {item.id for item in newest_first[: keep.last]}
    kept |= _newest_of_each(newest_first, keep.daily, lambda moment: moment.date())
    kept |= _newest_of_each(newest_first, keep.weekly, lambda moment: moment.isocalendar()[:2])
    kept |= _newest_of_each(newest_first, keep.monthly, lambda moment: (moment.year, moment.month))
    return [item.id for item in reversed(newest_first) if item.id not in kept]


def _newest_of_each(newest_first: Sequence[Known], count: int, period: Callable[[datetime], Any]) -> set[str]:
    """Keep one set of each of the newest periods that have one; a verified one where there is one."""
    chosen: dict[Any, Known] = {}
    for item in newest_first:
        slot = period(item.moment)
        if slot not in chosen:
            if len(chosen) == count:
                break
            chosen[slot] = item
        elif item.verified and not chosen[slot].verified:
            chosen[slot] = item
    return {item.id for item in chosen.values()}
