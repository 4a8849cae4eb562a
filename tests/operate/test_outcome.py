"""What an operation came to, from the events of either engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from operate.outcome import Outcome

RECORDINGS = Path(__file__).resolve().parent.parent / "engine" / "recordings" / "containers"


def replay(name: str) -> Outcome:
    """Return the outcome of a recorded operation of the real CLI."""
    outcome = Outcome()
    for line in (RECORDINGS / f"{name}.events.jsonl").read_text().splitlines():
        if line.startswith("{"):
            outcome(json.loads(line))
    return outcome


def test_the_recorded_first_deployment() -> None:
    """Everything is created."""
    outcome = replay("00-create")
    assert outcome.changed
    assert outcome.changes["create"] > 5
    assert outcome.failures == []
    assert {op for op, _ in outcome.steps} == {"create"}


def test_the_recorded_unchanged_deployment() -> None:
    """Nothing changes, and nothing is said to."""
    outcome = replay("01-unchanged")
    assert not outcome.changed
    assert outcome.steps == []
    assert outcome.summary.endswith("unchanged")


def test_the_recorded_replacement_is_counted_once() -> None:
    """A person counts one replacement, not a creation and a deletion."""
    outcome = replay("02-env-replace-delete-first")
    assert outcome.changes["replace"] >= 1
    assert "create" not in outcome.changes


def event(
    kind: str, urn: str, op: str = "create", type_: str = "docker:index/container:Container"
) -> dict[str, object]:
    """Return an event of a step."""
    return {kind: {"metadata": {"op": op, "urn": urn, "type": type_}}}


API = "urn:pulumi:dev::shop::slipway:index:Service$docker:index/container:Container::api-0"


def test_failures_are_told_once_resources_first() -> None:
    """The program's own failure is mostly the consequence."""
    outcome = Outcome()
    program = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
    outcome({"diagnosticEvent": {"severity": "error", "urn": program, "message": "the program exited with 1\n"}})
    outcome(event("resOpFailedEvent", API))
    outcome(event("resOpFailedEvent", API))
    outcome({"diagnosticEvent": {"severity": "error", "urn": API, "message": "not healthy"}})
    outcome({"diagnosticEvent": {"severity": "error", "urn": API, "message": "not healthy"}})
    assert [(failure.what, failure.message) for failure in outcome.failures] == [
        ("docker:Container api-0", "not healthy"),
        ("the program", "the program exited with 1"),
    ]


def test_a_failure_without_words() -> None:
    """Its name is still told."""
    outcome = Outcome()
    outcome(event("resOpFailedEvent", API))
    assert [(failure.what, failure.message) for failure in outcome.failures] == [("docker:Container api-0", "failed")]


def test_messages_once_and_without_the_passing_ones() -> None:
    """Progress texts are not worth repeating."""
    outcome = Outcome()
    for body in (
        {"severity": "warning", "message": "old"},
        {"severity": "warning", "message": "old"},
        {"severity": "info", "message": "hello "},
        {"severity": "info#err", "message": "waiting", "ephemeral": True},
    ):
        outcome({"diagnosticEvent": body})
    assert (outcome.warnings, outcome.infos) == (["old"], ["hello"])


@pytest.mark.parametrize(
    ("changes", "changed", "summary"),
    [
        ({}, False, "nothing"),
        ({"same": 3, "read": 1}, False, "3 unchanged, 1 read"),
        ({"same": 3, "delete": 1, "create": 2, "replace": 4}, True, "2 created, 4 replaced, 1 deleted, 3 unchanged"),
        ({"create": 0, "same": 1}, False, "1 unchanged"),
    ],
)
def test_summaries(changes: dict[str, int], changed: bool, summary: str) -> None:
    """Counts in words, in a fixed order."""
    outcome = Outcome()
    outcome({"summaryEvent": {"resourceChanges": changes}})
    assert (outcome.changed, outcome.summary) == (changed, summary)
