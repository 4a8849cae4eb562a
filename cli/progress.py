"""Showing an operation's events as they come: JSON lines, plain lines, or a live view on a terminal."""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

import click

from operate.outcome import UNCHANGED
from operate.stack_view import is_component, logical_name, short_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from cli.console import Console
    from operate.outcome import Event

_STACK: Final = "pulumi:pulumi:Stack"
_MARKS: Final = {
    "create": ("+", "created", "green"),
    "create-replacement": ("+", "created, to replace", "green"),
    "update": ("~", "updated", "yellow"),
    "delete": ("-", "deleted", "red"),
    "delete-replaced": ("-", "deleted, replaced", "red"),
    "import": ("=", "imported", "green"),
}
_DOING: Final = {
    "create": "creating",
    "create-replacement": "creating",
    "update": "changing",
    "delete": "deleting",
    "delete-replaced": "deleting",
    "refresh": "reading",
    "read": "reading",
}
_STDERR: Final = "info#err"
_TICK_S: Final = 0.1
_SHOWN: Final = 6


class Display(Protocol):
    """Takes events and shows them."""

    def __call__(self, event: Event) -> None:
        """Take one event."""

    def close(self) -> None:
        """The operation has ended."""


@contextmanager
def display(console: Console) -> Iterator[Display]:
    """Choose the display for where the output goes, and close it at the end."""
    chosen: Display
    if console.json_mode:
        chosen = JsonLines()
    elif console.stream.isatty():
        chosen = Live(Lines(console))
    else:
        chosen = Lines(console)
    try:
        yield chosen
    finally:
        chosen.close()


class JsonLines:
    """Each event as a line of JSON on stdout, as ``pulumi up --json`` prints them."""

    def __call__(self, event: Event) -> None:
        """Write one line."""
        sys.stdout.write(json.dumps(event, separators=(",", ":")) + "\n")
        sys.stdout.flush()

    def close(self) -> None:
        """Nothing is left to do."""


class Lines:
    """A line for each finished change, with the seconds that it took."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._told: set[str] = set()
        self.running: dict[tuple[str, str], float] = {}
        """Operation and URN of the steps under way, with the time at which each began."""
        self.finished = 0
        """How many resources are done, unchanged ones included."""
        self._stopping = False
        self._host_died = False

    def __call__(self, event: Event) -> None:
        """Take one event and write what it brings."""
        if line := self.take(event):
            self._console.say(line)

    def close(self) -> None:
        """Nothing is left to do."""

    def take(self, event: Event) -> str:
        """Take one event and return the line to write for it, if any."""
        for kind, finish in (("resourcePreEvent", None), ("resOutputsEvent", True), ("resOpFailedEvent", False)):
            if (body := event.get(kind)) is not None:
                if body.get("planning"):  # a preview tells its plan at the end
                    return ""
                return self._step(body["metadata"], finish)
        if (body := event.get("diagnosticEvent")) is not None:
            return self._message(body)
        return ""

    def _step(self, step: Mapping[str, Any], finish: bool | None) -> str:
        op, urn = step["op"], step["urn"]
        if step["type"] == _STACK or is_component(urn):
            return ""
        if finish is None:
            self.running[op, urn] = self._clock()
            return ""
        now = self._clock()
        seconds = now - self.running.pop((op, urn), now)
        self.finished += 1
        what = f"{short_type(urn)} {logical_name(urn)}"
        if not finish:
            self._stopping = True
            return click.style(f"  ! {what} failed ({seconds:.1f} s)", fg="red")
        if op in UNCHANGED or op not in _MARKS:
            return ""
        mark, word, color = _MARKS[op]
        if op.startswith("delete") and (step.get("old") or {}).get("retainOnDelete"):
            word = "left on the host"
        return f"  {click.style(mark, fg=color)} {what} {word} ({seconds:.1f} s)"

    def _message(self, body: Mapping[str, Any]) -> str:
        message = str(body.get("message", "")).strip()
        if body.get("severity") == "error":
            self._stopping = True
            return ""  # errors are told at the end, each once
        if body.get("ephemeral") or not message or message in self._told or self._dying(body, message):
            return ""
        self._told.add(message)
        if body.get("severity") == "warning":
            return click.style(f"  warning: {message}", fg="yellow")
        return "\n".join(f"  {line}" for line in message.splitlines())

    def _dying(self, body: Mapping[str, Any], message: str) -> bool:
        """Whether this is the trace of Pulumi's language host, which the CLI interrupts after a failure or a Ctrl-C.

        Errors of the program itself come as errors, not as lines of its stderr.
        """
        if body.get("severity") != _STDERR:
            return False
        self._host_died |= self._stopping and message.startswith("Traceback (most recent call last)")
        return self._host_died


class Live:
    """The lines, and below them what is under way, redrawn in place on a terminal."""

    def __init__(self, lines: Lines, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console as RichConsole  # noqa: PLC0415 - rich takes a while to import
        from rich.live import Live as RichLive  # noqa: PLC0415 - as above

        self._lines = lines
        self._clock = clock
        self._began = clock()
        self._guard = threading.Lock()
        self._live = RichLive(
            console=RichConsole(file=sys.stdout, highlight=False),
            get_renderable=self._picture,
            refresh_per_second=1 / _TICK_S,
            transient=True,
        )
        self._live.start()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        with self._guard:
            line = self._lines.take(event)
        if line:
            from rich.text import Text  # noqa: PLC0415 - as above

            self._live.console.print(Text.from_ansi(line))

    def close(self) -> None:
        """Take the picture away."""
        self._live.stop()

    def _picture(self) -> str:
        with self._guard:
            running = sorted(self._lines.running.items(), key=lambda item: item[1])
            finished = self._lines.finished
        now = self._clock()
        rows = [
            rf"  \[{now - began:5.1f} s] {_DOING.get(op, op)} {short_type(urn)} {logical_name(urn)}"
            for (op, urn), began in running
            if op in _DOING
        ]
        more = [f"  … and {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else []
        head = f"{now - self._began:5.1f} s, {finished} done, {len(running)} under way"
        return "\n".join([*rows[:_SHOWN], *more, head])


@contextmanager
def waiting(console: Console, what: str) -> Iterator[None]:
    """Show on a terminal that something takes its time, with the seconds so far."""
    if console.json_mode or not console.stream.isatty():
        yield
        return
    from rich.console import Console as RichConsole  # noqa: PLC0415 - rich takes a while to import
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as above

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=RichConsole(file=sys.stdout), transient=True) as progress:
        progress.add_task(what, total=None)
        yield
