"""Moments that databases can be restored to: how a person writes one, and which there are."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from operate.errors import OperateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_STAMP: Final = "%Y%m%dT%H%M%S.%fZ"
EXAMPLE: Final = "2026-11-30 15:04:05+00"


class WrongMoment(OperateError):  # noqa: N818 - named as what it reports
    """What was given is no moment that can be restored; nothing was touched."""


class UnreadableMoment(WrongMoment):
    """It can't be read."""

    exit_code = 2


def read_moment(text: str, now: datetime) -> datetime:
    """Read a moment in the past, with its offset from UTC.

    Args:
        text: As ISO 8601 writes it, with a space or a ``T``; ``Z`` or an offset at its end.
        now: This moment.

    Raises:
        WrongMoment: It is in the future.
        UnreadableMoment: It is none, or does not say in which time zone.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UnreadableMoment(
            f"--to: '{text}' is no moment\n  allowed: a date and a time with its offset from UTC\n"
            f"  fix: write it as '{EXAMPLE}'"
        ) from None
    if found.tzinfo is None:
        raise UnreadableMoment(
            f"--to: '{text}' does not say in which time zone it is, and an hour may be all that matters\n"
            f"  fix: write '{text}Z' for UTC, or its offset: '{text}+01:00'"
        )
    if found > now:
        raise WrongMoment(f"--to: {written(found)} is in the future\n  allowed: until now, {written(now)}")
    return found.astimezone(UTC)


def written(moment: datetime) -> str:
    """Write a moment as people read it: to the second, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def of_stamp(text: str) -> datetime:
    """Read a moment as the backup's container writes it in the name of a chain."""
    return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)


def spans(windows: Iterable[Mapping[str, Any]]) -> dict[str, list[tuple[datetime, datetime]]]:
    """Return what can be restored of each database: spans without a gap, the oldest first.

    Args:
        windows: What ``slipway-backup moments`` says.
    """
    found: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for window in sorted(windows, key=lambda item: (item["store"], item["since"])):
        since, until = of_stamp(window["since"]), of_stamp(window["until"])
        own = found[window["store"]]
        if own and since <= own[-1][1]:
            own[-1] = own[-1][0], max(own[-1][1], until)
        else:
            own.append((since, until))
    return dict(found)


def covering(windows: Sequence[Mapping[str, Any]], store: str, moment: datetime) -> Mapping[str, Any]:
    """Return the chain from which a database is restored to a moment: the newest that reaches it.

    Raises:
        WrongMoment: None does; with what there is.
    """
    own = [item for item in windows if item["store"] == store]
    fitting = [item for item in own if of_stamp(item["since"]) <= moment <= of_stamp(item["until"])]
    if fitting:
        return max(fitting, key=lambda item: str(item["since"]))
    there = ", ".join(
        # Inwards, so that what is said can be given.
        f"{written(since + timedelta(seconds=1))} to {written(until)}"
        for since, until in spans(own).get(store, [])
    )
    raise WrongMoment(
        f"--to: {store} can't be restored to {written(moment)}\n  allowed: {there or 'no moment yet'}\n"
        "  fix: take one of these, or a backup: slipway backup list"
    )


def exposed(name: str, known: Mapping[str, Any], alert_after_s: float) -> str | None:
    """Return in words what is wrong with a database's log, from what ``slipway-backup status`` says; or nothing."""
    seconds, reason = known.get("exposure_s"), known.get("error")
    if seconds is None or seconds <= alert_after_s:
        return None
    why = f": {reason}" if reason else ""
    return f"the last {seconds:.0f} seconds of writes to {name} are not stored away{why}"


def told(name: str, known: Mapping[str, Any]) -> str:
    """Return in words to which moments a database can be restored."""
    if known.get("exposure_s") is None or known.get("since") is None:
        return f"point in time of {name}: {known.get('error') or 'not yet'}"
    since = written(datetime.fromisoformat(known["since"]))
    proved = "" if known.get("verified") else ", not proved yet"
    return f"point in time of {name}: up to {known['exposure_s']:.0f} s ago, since {since}{proved}"
