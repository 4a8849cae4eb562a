"""Moments that databases can be restored to: what there is, what is refused, and what ``slipway status`` says of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from operate.backups import exposures
from operate.moments import WrongMoment, covering, exposed, read_moment, spans, told
from operate.restore_source import RestoreRefused, of_moment
from operate.status import Status

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def _window(since: float, until: float, store: str = "main", *, verified: bool = True) -> dict[str, Any]:
    moments = (f"{NOON + timedelta(hours=hours):%Y%m%dT%H%M%S.%fZ}" for hours in (since, until))
    return {
        "store": store,
        "verified": "then" if verified else None,
        **dict(zip(("since", "until"), moments, strict=True)),
    }


def test_a_moment_is_read_in_its_time_zone() -> None:
    for text in ("2026-11-30 13:00:00+01", "2026-11-30T12:00:00Z", " 2026-11-30 12:00:00.000+00:00 "):
        assert read_moment(text, NOON) == NOON


def test_chains_that_overlap_are_one_span() -> None:
    """A new base backup is there before the log of the old one ends; where it is not, something was lost in between."""
    found = spans([_window(0, 5), _window(4, 9), _window(10, 12), _window(0, 1, "other")])
    hours = [[(span - NOON) / timedelta(hours=1) for span in pair] for pair in found["main"]]
    assert hours == [[0, 9], [10, 12]]
    assert len(found["other"]) == 1


def test_the_newest_chain_that_reaches_a_moment_is_taken() -> None:
    """It has the least log to replay."""
    windows = [_window(0, 5), _window(4, 9)]
    assert covering(windows, "main", NOON + timedelta(hours=4.5)) == windows[1]
    assert covering(windows, "main", NOON + timedelta(hours=1)) == windows[0]


@pytest.mark.parametrize("hours", [-0.1, 9.5, 13])
def test_a_moment_that_was_not_kept_is_refused_with_those_that_were(hours: float) -> None:
    """In seconds that can be given as they are said: the first second is not whole."""
    with pytest.raises(WrongMoment) as caught:
        covering([_window(0, 9), _window(10, 12)], "main", NOON + timedelta(hours=hours))
    first = "2026-11-30 12:00:01 UTC to 2026-11-30 21:00:00 UTC"
    second = "2026-11-30 22:00:01 UTC to 2026-12-01 00:00:00 UTC"
    assert f"allowed: {first}, {second}" in str(caught.value)


class TestSource:
    DATABASES: ClassVar[dict[str, str]] = {"main": "main", "other": "other"}

    def test_every_database_whose_moments_are_kept_is_restored(self) -> None:
        """Each from its own chain; one that was not proved is said."""
        windows = [_window(0, 5), _window(0, 5, "other", verified=False)]
        found = of_moment(windows, self.DATABASES, NOON + timedelta(hours=1), ())
        assert (set(found.stores), found.verified, found.set_id) == ({"main", "other"}, False, None)
        assert found.moment == "2026-11-30T13:00:00+00:00"
        assert of_moment(windows, self.DATABASES, NOON + timedelta(hours=1), ("main",)).verified is True

    def test_what_has_no_moments_is_refused(self) -> None:
        with pytest.raises(RestoreRefused, match="no moments are kept of uploads"):
            of_moment([_window(0, 5)], self.DATABASES, NOON, ("uploads",))
        with pytest.raises(RestoreRefused, match="point_in_time: true"):
            of_moment([], self.DATABASES, NOON, ())


class TestStatus:
    KNOWN: ClassVar[dict[str, Any]] = {
        "exposure_s": 11.6,
        "since": "2026-11-24T02:00:11+00:00",
        "verified": "then",
        "error": None,
    }

    def test_it_says_how_far_back_and_how_near(self) -> None:
        assert told("main", self.KNOWN) == "point in time of main: up to 12 s ago, since 2026-11-24 02:00:11 UTC"
        assert "not proved yet" in told("main", {**self.KNOWN, "verified": None})
        assert (
            told("main", {"exposure_s": 3.0, "since": None, "error": "no space"}) == "point in time of main: no space"
        )

    def test_it_is_a_trouble_when_much_would_be_lost(self) -> None:
        assert exposed("main", self.KNOWN, 600) is None
        late = {**self.KNOWN, "exposure_s": 700.0, "error": "destination far does not answer"}
        said = "the last 700 seconds of writes to main are not stored away: destination far does not answer"
        backups = {"point_in_time": {"alert_after_s": 600, "databases": {"main": late}}, "schedule": None}
        assert exposures(backups) == [said]
        assert Status("p", "s", backups=backups).troubles == [said]
        assert exposures({"point_in_time": None}) == []
