"""Waiting until a status says what it will say, rather than what it says in passing."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from operate.status import PAUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from operate.endings import Ending
    from operate.status import Replica, Status

UP_S: Final = 3.0
"""A container that a deployment made has come to stay when it has run for so long."""
_LOOK_S: Final = 0.1
_OFTEN: Final = 2


@dataclass(frozen=True)
class Fallen:
    """A container that does not stay up."""

    replica: Replica
    """What it is now."""
    times: int
    """How often it ended by itself during the deployment."""
    exit_code: int | None
    """The last exit code that is known."""

    def __str__(self) -> str:
        """Say which and how often."""
        often = f"ended by itself {self.times} times" if self.times > 1 else "ended by itself"
        what = often if self.times else self.replica.trouble
        code = f", with exit code {self.exit_code}" if self.exit_code is not None and self.times else ""
        return f"{self.replica.kind} {self.replica.part}: {self.replica.name} does not stay up: it {what}{code}"


def settled_status(
    read: Callable[[], Status], longest_s: float, fresh: Callable[[], Collection[str]] = frozenset
) -> Status:
    """Read a status until no health is still ``starting`` and what is fresh has come to stay, or has fallen.

    Args:
        read: Reads it.
        longest_s: The longest that it may take, in seconds.
        fresh: Ids (12 digits) of containers that must have run for :data:`UP_S`.
    """
    end = time.monotonic() + longest_s
    while True:
        status, young = read(), fresh()
        if not any(_in_passing(item, young) for item in _all(status)) or time.monotonic() >= end:
            return status
        time.sleep(_LOOK_S)


def fallen(status: Status, fresh: Collection[str], endings: Iterable[Ending]) -> list[Fallen]:
    """Return what does not stay up of what a deployment made, and of what ended by itself while it was made.

    What ended once and runs again, and is healthy, is let pass.
    """
    times: Counter[str] = Counter()
    codes: dict[str, int] = {}
    for ending in endings:
        times[ending.id] += 1
        codes[ending.id] = ending.exit_code
    return [
        Fallen(item, times[item.id], codes.get(item.id, item.exit_code))
        for item in _all(status)
        if times[item.id] >= _OFTEN
        or item.state == "restarting"
        # One that is paused has not fallen: a backup holds it for a moment.
        or (
            (item.id in fresh or times[item.id])
            and not (item.well or item.state == PAUSED or item.health == "starting")
        )
    ]


def _all(status: Status) -> Iterator[Replica]:
    return (replica for part in status.parts for replica in part.replicas)


def _in_passing(replica: Replica, fresh: Collection[str]) -> bool:
    if replica.health == "starting":
        return True
    if replica.id not in fresh:
        return False
    return replica.state in {"restarting", PAUSED} or (replica.state == "running" and _age_s(replica) < UP_S)


def _age_s(replica: Replica) -> float:
    """Return for how long it has run, by this machine's clock; a clock that is off makes it wait, at most."""
    if replica.since is None:
        return UP_S
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(replica.since)).total_seconds())
