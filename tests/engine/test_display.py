"""What people and programs see of an operation."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from engine.display import JsonLines, LiveLines, PlainLines, for_stream

if TYPE_CHECKING:
    from tests.engine.conftest import Harness

PROGRAM = 'a = Thing("a", {"value": 1})\nThing("b", {"link": a.computed})'


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def shown(harness: Harness, operation: str, display_type: Any = PlainLines, **options: Any) -> list[str]:
    """The lines of a display of an operation, times made equal."""
    stream = io.StringIO()
    with display_type(stream) as display:
        getattr(harness.stack, operation)(on_event=display, **options)
    return re.sub(r"\d+\.\ds", "0.0s", stream.getvalue()).splitlines()


class TestPlainLines:
    def test_a_preview(self, harness: Harness) -> None:
        harness.write(PROGRAM)
        assert shown(harness, "preview") == [
            "+  fake:index:Thing a create",
            "+  fake:index:Thing b create",
            "3 to create (succeeded, 0s)",
        ]

    def test_an_update(self, harness: Harness) -> None:
        harness.write(PROGRAM)
        assert shown(harness, "up") == [
            "+  fake:index:Thing a creating",
            "+  fake:index:Thing a created (0.0s)",
            "+  fake:index:Thing b creating",
            "+  fake:index:Thing b created (0.0s)",
            "3 created (succeeded, 0s)",
        ]
        assert shown(harness, "up") == ["3 unchanged (succeeded, 0s)"]

    def test_a_replacement_shows_its_reasons_in_the_plan_and_its_halves_in_the_deed(self, harness: Harness) -> None:
        harness.up('Thing("a", {"kind": "x"})')
        harness.write('Thing("a", {"kind": "y"})')
        assert shown(harness, "preview")[0] == "+- fake:index:Thing a replace [kind]"
        assert shown(harness, "up")[:2] == [
            "++ fake:index:Thing a creating replacement",
            "++ fake:index:Thing a created replacement (0.0s)",
        ]

    def test_a_failure(self, harness: Harness) -> None:
        harness.write(PROGRAM)
        harness.world.failing["create a"] = "no\nspace"
        lines = shown(harness, "up")
        assert lines[1:] == [
            "error: create of fake:index:Thing 'a' failed: no [a]",
            "space",
            "+  fake:index:Thing a failed (0.0s)",
            "1 created (failed, 0s)",
        ]

    def test_a_refresh(self, harness: Harness) -> None:
        harness.up(PROGRAM)
        with harness.world.things() as things:
            del things[harness.entry("b")["id"]]
        assert "~  fake:index:Thing b gone (0.0s)" in shown(harness, "refresh")


class TestLiveLines:
    def test_what_is_done_scrolls_and_the_terminal_is_given_back(self, harness: Harness) -> None:
        harness.write(PROGRAM)
        stream = Terminal()
        with LiveLines(stream) as display:
            harness.stack.up(on_event=display)
        assert "fake:index:Thing b created" in stream.getvalue()
        assert "3 created" in stream.getvalue()


class TestJsonLines:
    def test_each_event_is_an_object_of_pulumi_s_shape(self, harness: Harness) -> None:
        harness.write(PROGRAM)
        events = [json.loads(line) for line in shown(harness, "up", JsonLines)]
        kinds = [next(key for key in event if key not in {"sequence", "timestamp"}) for event in events]
        assert kinds[0] == "preludeEvent"
        assert kinds[-2:] == ["summaryEvent", "cancelEvent"]
        assert [event["sequence"] for event in events] == sorted(event["sequence"] for event in events)
        created = next(
            event
            for event in events
            if event.get("resOutputsEvent", {}).get("metadata", {}).get("type") == "fake:index:Thing"
        )
        metadata = created["resOutputsEvent"]["metadata"]
        assert list(metadata) == ["op", "urn", "type", "old", "new", "detailedDiff", "logical", "provider"]
        assert list(metadata["new"]) == ["type", "urn", "custom", "id", "parent", "inputs", "outputs", "provider"]
        assert events[-2]["summaryEvent"] == {
            "maybeCorrupt": False,
            "durationSeconds": 0,
            "resourceChanges": {"create": 3},
            "PolicyPacks": {},
            "isPreview": False,
            "result": "succeeded",
        }


class TestChoice:
    def test_by_stream_and_wish(self) -> None:
        assert isinstance(for_stream(Terminal()), LiveLines)
        assert type(for_stream(io.StringIO())) is PlainLines
        assert isinstance(for_stream(Terminal(), json_lines=True), JsonLines)

    def test_one_that_prints_to_the_programs_stdout(self, harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
        """The program's prints become events, and events get printed: the two must not wait for each other."""
        harness.write('print("from the program")\nThing("a")\nThing("a")')
        result = harness.stack.up(on_event=lambda event: print(event.kind))  # noqa: T201 - it is what is tested
        assert "Duplicate resource URN" in str(result.errors[0])
        shown = capsys.readouterr().out.split()
        assert shown.count("diagnosticEvent") == 2
        assert "program" not in shown

    def test_one_that_fails_does_not_stop_the_deployment(self, harness: Harness) -> None:
        def broken(_event: object) -> None:
            raise BrokenPipeError

        harness.write(PROGRAM)
        result = harness.stack.up(on_event=broken)
        assert not result.failed
