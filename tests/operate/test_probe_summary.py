"""What records come to: phases by marks, percentiles, gaps."""

from __future__ import annotations

import json

from operate.probe import Mark, Record, Summary, summarize
from operate.probe.summary import gaps, percentile


def record(due: float, took: float = 0.01, *, kind: str = "get", error: str = "") -> Record:
    """Return a request."""
    return Record(kind, due, due, due + took, status=0 if error else 200, error=error)


def test_percentiles_are_values_that_were_seen() -> None:
    """The nearest rank: no mean of two."""
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.99, 1.0)] == [50.0, 99.0, 100.0]
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([], 0.99) is None


def test_times_of_one_name_are_taken_together() -> None:
    """By when a request was due, not by when it was answered."""
    marks = [Mark("quiet", 0), Mark("release", 10), Mark("quiet", 20), Mark("release", 30)]
    records = [record(1), record(9.9, took=5), record(11, error="status 502"), record(21), record(31)]
    summary = summarize(records, marks, 40)
    assert {name: (item.sent, item.failed, item.seconds) for name, item in summary.phases.items()} == {
        "quiet": (3, 0, 20.0),
        "release": (2, 1, 20.0),
    }
    assert summary.phases["quiet"].kinds["get"].slowest_ms == 5000.0
    assert summary.phases["release"].kinds["get"].p99_ms == 10.0
    assert summary.errors == {"get: status 502": 1}
    assert not summary.good


def test_a_time_without_a_good_answer_is_a_gap() -> None:
    """Also at the beginning and at the end; a failure is no good answer, and a stream is none to wait for."""
    steady = [record(at / 10) for at in range(10)]
    down = [record(1 + at / 10, error="refused") for at in range(30)]
    again = [record(4 + at / 10) for at in range(10)]
    assert gaps([*steady, *down, *again]) == [3.1]
    assert gaps([*down, *again]) == [3.0]
    assert gaps([*steady, *down]) == [3.0]
    assert gaps([*steady, *again[5:]]) == [3.6]
    assert gaps(steady) == []
    assert gaps([record(0, 10, kind="stream")]) == []


def test_latency_runs_from_when_a_request_was_due() -> None:
    """Not from when a late prober sent it; how late is told."""
    summary = summarize([Record("get", 1.0, 1.2, 1.3, 200)], [Mark("before", 0)], 2)
    figures = summary.kinds["get"]
    assert (figures.p99_ms, figures.late_p99_ms) == (300.0, 200.0)


def test_it_survives_json() -> None:
    """As it goes from the prober's process to whoever asked."""
    summary = summarize([record(1), record(2, kind="post", error="x")], [Mark("before", 0)], 3, duplicates=1)
    assert Summary.from_dict(json.loads(summary.to_json())) == summary
