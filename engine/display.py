"""Showing an operation as it goes: live lines on a terminal, plain lines in a log, JSON lines for a program.

Each display is an event sink and a context manager. Secrets don't reach it: the events hold none.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TextIO

from engine.steps import Op
from engine.urn import name_of, type_of

if TYPE_CHECKING:
    from types import TracebackType

    from engine.events import Event, StepRecord

_MARKS: Final = {
    Op.CREATE: "+ ",
    Op.UPDATE: "~ ",
    Op.DELETE: "- ",
    Op.REPLACE: "+-",
    Op.CREATE_REPLACEMENT: "++",
    Op.DELETE_REPLACED: "--",
    Op.READ: "> ",
    Op.READ_REPLACEMENT: ">>",
    Op.REFRESH: "~ ",
    Op.DISCARD: "< ",
    Op.DISCARD_REPLACED: "<<",
    Op.REMOVE_PENDING_REPLACE: "~ ",
    Op.IMPORT: "= ",
    Op.IMPORT_REPLACEMENT: "=>",
}
_WORDS: Final = {
    Op.CREATE: ("create", "creating", "created"),
    Op.UPDATE: ("update", "updating", "updated"),
    Op.DELETE: ("delete", "deleting", "deleted"),
    Op.REPLACE: ("replace", "replacing", "replaced"),
    Op.CREATE_REPLACEMENT: ("create replacement", "creating replacement", "created replacement"),
    Op.DELETE_REPLACED: ("delete replaced", "deleting replaced", "deleted replaced"),
    Op.READ: ("read", "reading", "read"),
    Op.READ_REPLACEMENT: ("read", "reading", "read"),
    Op.REFRESH: ("refresh", "refreshing", "refreshed"),
    Op.DISCARD: ("forget", "forgetting", "forgotten"),
    Op.DISCARD_REPLACED: ("forget", "forgetting", "forgotten"),
    Op.REMOVE_PENDING_REPLACE: ("forget", "forgetting", "forgotten"),
    Op.IMPORT: ("import", "importing", "imported"),
    Op.IMPORT_REPLACEMENT: ("import", "importing", "imported"),
}
_COLOURS: Final = {"+": "green", "-": "red", "~": "yellow", ">": "cyan", "=": "cyan", "<": "red"}
_SUMMARY: Final = {
    "create": "to create",
    "update": "to update",
    "replace": "to replace",
    "delete": "to delete",
    "import": "to import",
    "read": "read",
    "same": "unchanged",
}
_DONE: Final = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "import": "imported",
}


class Display(Protocol):
    """An event sink that may hold the terminal while it is entered."""

    def __enter__(self) -> Self:
        """Take the terminal."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        ...

    def __call__(self, event: Event) -> None:
        """Show an event."""
        ...


def for_stream(stream: TextIO, *, json_lines: bool = False) -> Display:
    """The right display for a stream: JSON lines if asked for, live lines on a terminal, plain lines anywhere else."""
    if json_lines:
        return JsonLines(stream)
    return LiveLines(stream) if stream.isatty() else PlainLines(stream)


class _Lines:
    """What the displays have in common: a stream that gets lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def _print(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


class JsonLines(_Lines):
    """One JSON object a line, as ``pulumi up --json`` prints them."""

    def __call__(self, event: Event) -> None:
        """Print an event."""
        self._print(json.dumps(event.to_dict(), ensure_ascii=False, separators=(",", ":")))


@dataclass
class _Row:
    """A step under way."""

    label: str
    doing: str
    began: float


class PlainLines(_Lines):
    """A line when a step begins and one when it ends, for logs."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._rows: dict[tuple[str, str], _Row] = {}

    def __call__(self, event: Event) -> None:
        """Print what a person wants to know of an event."""
        planning = bool(event.body.get("planning"))
        match event.kind:
            case "resourcePreEvent" if event.record is not None and _visible(event.record, planning=planning):
                self._begin(event.record, planning=planning)
            case "resOutputsEvent" | "resOpFailedEvent" if event.record is not None:
                self._end(event.record, failed=event.kind == "resOpFailedEvent")
            case "diagnosticEvent":
                self._diagnose(event.body)
            case "summaryEvent":
                self._summarize(event.body)

    def _begin(self, record: StepRecord, *, planning: bool) -> None:
        would, doing, _ = _WORDS[record.op]
        label = f"{_MARKS[record.op]} {_short(type_of(record.step.urn))} {name_of(record.step.urn)}"
        if planning:
            reasons = ", ".join(record.step.keys or record.step.diffs)
            self._show(f"{label} {would}{f' [{reasons}]' if reasons else ''}")
            return
        row = _Row(label, doing, time.monotonic())
        self._rows[record.step.urn, str(record.step.op)] = row
        self._began(row)

    def _end(self, record: StepRecord, *, failed: bool) -> None:
        row = self._rows.pop((record.step.urn, str(record.step.op)), None)
        if row is not None:
            done = "failed" if failed else _WORDS[record.step.op][2]
            if record.step.op is Op.REFRESH and record.op in {Op.DELETE, Op.UPDATE}:
                done = "gone" if record.op is Op.DELETE else "changed outside"
            self._ended(row, f"{row.label} {done} ({time.monotonic() - row.began:.1f}s)")

    def _diagnose(self, body: Any) -> None:
        name = f" [{name_of(body['urn'])}]" if body.get("urn") else ""
        for line in f"{body.get('prefix', '')}{body['message']}".rstrip("\n").split("\n"):
            self._show(f"{line}{name}" if body["severity"] in {"error", "warning"} else line)
            name = ""

    def _summarize(self, body: Any) -> None:
        counts, preview = body["resourceChanges"], body["isPreview"]
        texts = [
            f"{counts[op]} {word if preview else _DONE.get(op, word)}"
            for op, word in _SUMMARY.items()
            if counts.get(op)
        ]
        self._show(f"{', '.join(texts) or 'nothing to do'} ({body['result']}, {body['durationSeconds']}s)")

    def _began(self, row: _Row) -> None:
        self._print(f"{row.label} {row.doing}")

    def _ended(self, _row: _Row, line: str) -> None:
        self._print(line)

    def _show(self, line: str) -> None:
        self._print(line)


class LiveLines(PlainLines):
    """On a terminal: what is under way keeps turning at the bottom, what is done scrolls up."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as above

        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        console = Console(file=stream, highlight=False, markup=False)
        self._progress = Progress(*columns, console=console, transient=True)
        self._tasks: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def _began(self, row: _Row) -> None:
        self._tasks[id(row)] = self._progress.add_task(f"{row.label} {row.doing}", total=None)

    def _ended(self, row: _Row, line: str) -> None:
        task = self._tasks.pop(id(row), None)
        if task is not None:
            self._progress.remove_task(task)
        self._show(line)

    def _show(self, line: str) -> None:
        self._progress.console.print(line, style=_COLOURS.get(line[:1], ""), soft_wrap=True)


def _visible(record: StepRecord, *, planning: bool) -> bool:
    if record.op not in _MARKS or type_of(record.step.urn) == "pulumi:pulumi:Stack":
        return False
    # A replacement is one line in a plan; while it happens its two halves matter, and they are far apart.
    mechanics = {Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED, Op.REFRESH}
    return record.op not in mechanics if planning else record.op is not Op.REPLACE


def _short(type_: str) -> str:
    """``docker:index/container:Container`` as ``docker:index:Container``."""
    package, _, rest = type_.partition(":")
    module, _, name = rest.partition(":")
    return f"{package}:{module.split('/')[0]}:{name}" if name else type_
