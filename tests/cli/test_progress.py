"""What is shown while an operation runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import pytest

from cli.console import Console
from cli.progress import JsonLines, Lines, Live, display, waiting
from tests.cli.conftest import API, step

if TYPE_CHECKING:
    from collections.abc import Callable

VOLUME = "urn:pulumi:dev::shop::docker:index/volume:Volume::data"
STACK = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"


class Clock:
    """A clock that goes on by a second with each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        self.now += 1
        return self.now


@pytest.fixture
def take() -> Callable[..., str]:
    """Return a function that gives a display an event and returns the line that it writes."""
    lines = Lines(Console(), Clock())
    return lambda event: click.unstyle(lines.take(event))


@pytest.mark.parametrize(
    ("op", "text"),
    [
        ("create", "  + docker:Container api-0 created (1.0 s)"),
        ("create-replacement", "  + docker:Container api-0 created, to replace (1.0 s)"),
        ("update", "  ~ docker:Container api-0 updated (1.0 s)"),
        ("delete", "  - docker:Container api-0 deleted (1.0 s)"),
        ("delete-replaced", "  - docker:Container api-0 deleted, replaced (1.0 s)"),
        ("same", ""),
        ("replace", ""),
        ("read", ""),
        ("refresh", ""),
    ],
)
def test_a_line_for_each_finished_change(take: Callable[..., str], op: str, text: str) -> None:
    """With its seconds; a replacement shows as what it consists of."""
    assert take(step("resourcePreEvent", op)) == ""
    assert take(step("resOutputsEvent", op)) == text


def test_a_failure(take: Callable[..., str]) -> None:
    """At once; why is told at the end."""
    take(step("resourcePreEvent", "create"))
    assert take(step("resOpFailedEvent", "create")) == "  ! docker:Container api-0 failed (1.0 s)"


def test_data_that_stay_are_not_called_deleted(take: Callable[..., str]) -> None:
    """The engine's word is delete, but nothing is."""
    event = step("resOutputsEvent", "delete", VOLUME, "docker:index/volume:Volume", old={"retainOnDelete": True})
    assert take(event) == "  - docker:Volume data left on the host (0.0 s)"


@pytest.mark.parametrize(
    "event",
    [
        step("resOutputsEvent", "create", STACK, "pulumi:pulumi:Stack"),
        step("resOutputsEvent", "create", "urn:pulumi:dev::shop::slipway:index:Service::api", "slipway:index:Service"),
        {"resOutputsEvent": {**step("x", "create")["x"], "planning": True}},
        {"summaryEvent": {}},
        {"diagnosticEvent": {"severity": "error", "message": "told later"}},
        {"diagnosticEvent": {"severity": "info", "message": "passing", "ephemeral": True}},
        {"diagnosticEvent": {"severity": "info", "message": " "}},
    ],
)
def test_what_is_not_shown(take: Callable[..., str], event: dict[str, Any]) -> None:
    """Components and the stack only group; a preview tells its plan at the end; errors are told at the end."""
    assert take(event) == ""


def test_messages_once(take: Callable[..., str]) -> None:
    """The CLI repeats some."""
    warning = {"diagnosticEvent": {"severity": "warning", "message": "old\n"}}
    assert take(warning) == "  warning: old"
    assert take(warning) == ""
    assert take({"diagnosticEvent": {"severity": "info#out", "message": "a\nb"}}) == "  a\n  b"


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Every event, as it is."""
    with display(Console(json_mode=True)) as shown:
        assert isinstance(shown, JsonLines)
        shown({"a": {"b": 1}})
    assert json.loads(capsys.readouterr().out) == {"a": {"b": 1}}


def test_plain_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """As in a pipeline."""
    with display(Console()) as shown:
        shown(step("resOutputsEvent", "create"))
    assert capsys.readouterr().out == "  + docker:Container api-0 created (0.0 s)\n"


def _said(message: str, severity: str = "info#err") -> dict[str, Any]:
    return {"diagnosticEvent": {"message": f"{message}\n\n", "severity": severity}}


TRACE = ("Traceback (most recent call last):", '  File "pulumi-language-python-exec", line 232, in <module>')


@pytest.mark.parametrize("stop", [_said("update canceled", "error"), step("resOpFailedEvent", "create")])
def test_the_interrupted_language_host_dies_silently(take: Callable[..., str], stop: dict[str, Any]) -> None:
    """The CLI interrupts it after a failure or a Ctrl-C: its trace reads like an error of Slipway's own."""
    take(stop)
    assert [take(_said(line)) for line in (*TRACE, "KeyboardInterrupt")] == ["", "", ""]
    assert take(_said("what a user has to know", "warning")) == "  warning: what a user has to know"


def test_a_trace_is_shown_while_nothing_has_failed(take: Callable[..., str]) -> None:
    """What the program writes to stderr by itself is for the user."""
    assert take(_said(TRACE[0])) == f"  {TRACE[0]}"


def test_a_terminal_shows_what_is_under_way(capsys: pytest.CaptureFixture[str]) -> None:
    """Below the finished lines, longest first, at most six."""
    live = Live(Lines(Console(), clock := Clock()), clock)
    try:
        live(step("resourcePreEvent", "same", VOLUME, "docker:index/volume:Volume"))
        for number in range(8):
            live(step("resourcePreEvent", "create", f"{API}{number}"))
        picture = live._picture().splitlines()
        live(step("resOutputsEvent", "create", f"{API}0"))
    finally:
        live.close()
    assert len(picture) == 8
    assert "creating docker:Container api-00" in picture[0]
    assert picture[6] == "  … and 2 more"
    assert picture[7].endswith(" s, 0 done, 9 under way")
    assert "  + docker:Container api-00 created" in capsys.readouterr().out


def test_waiting_says_nothing_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A spinner is for people."""
    with waiting(Console(), "previewing"):
        pass
    assert capsys.readouterr().out == ""
