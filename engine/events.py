"""The stream of an operation's events, shaped as the engine events that ``pulumi up --json`` prints.

Nothing secret is in them: values that are secrets show as ``[secret]``, and texts are searched for known secret texts.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from engine.state import Entry, write_value
from engine.urn import is_internal
from engine.values import HIDDEN, SECRET_SIGNATURE, SIGNATURE, Secret

if TYPE_CHECKING:
    from engine.provider import PropertyDiff
    from engine.steps import Op, Step

_SHORTEST_HIDDEN: Final = 6
"""Shorter secret texts are not searched for in messages: they would blank out half of ordinary text."""


@dataclass(frozen=True)
class StepRecord:
    """A step as it was at the moment of the event."""

    op: Op
    step: Step
    old: Entry | None
    new: Entry | None
    status: int = 0

    def metadata(self) -> dict[str, Any]:
        """The event's ``metadata``."""
        step = self.step
        data: dict[str, Any] = {
            "op": str(self.op),
            "urn": step.urn,
            "type": step.entry.type,
            "old": self.old and _state(self.old),
            "new": self.new and _state(self.new),
        }
        if step.keys:
            data["keys"] = list(step.keys)
        if step.diffs:
            data["diffs"] = list(step.diffs)
        data["detailedDiff"] = detailed(step.detailed, "diffKind")
        if step.logical:
            data["logical"] = True
        data["provider"] = step.entry.provider
        return data


@dataclass(frozen=True)
class Event:
    """One engine event; ``kind`` is its key in Pulumi's JSON."""

    sequence: int
    timestamp: int
    kind: str
    body: Mapping[str, Any]
    record: StepRecord | None = None

    def to_dict(self) -> dict[str, Any]:
        """The line that ``pulumi up --json`` would print."""
        body = dict(self.body)
        if self.record is not None:
            body = {"metadata": self.record.metadata(), **body}
        return {"sequence": self.sequence, "timestamp": self.timestamp, self.kind: body}


EventSink = Callable[[Event], None]
"""Takes each event in order; called from several threads, but one at a time."""


def detailed(diff: Mapping[str, PropertyDiff] | None, kind: str) -> dict[str, Any] | None:
    """A detailed diff as JSON-like data."""
    if diff is None:
        return None
    return {path: {kind: item.kind, "inputDiff": item.input_diff} for path, item in sorted(diff.items())}


def _hidden(_value: Secret, _place: tuple[str, ...]) -> Any:
    return {SIGNATURE: SECRET_SIGNATURE, "ciphertext": HIDDEN}


def _state(entry: Entry) -> dict[str, Any]:
    data: dict[str, Any] = {"type": entry.type, "urn": entry.urn}
    flags = {"custom": entry.custom, "delete": entry.delete}
    data.update({key: True for key, value in flags.items() if value})
    data.update({"id": entry.id, "parent": entry.parent})
    flags = {"protect": entry.protect, "retainOnDelete": entry.retain_on_delete}
    data.update({key: True for key, value in flags.items() if value})
    data["inputs"] = write_value(entry.inputs, _hidden, ())
    data["outputs"] = write_value(entry.outputs, _hidden, ())
    data["provider"] = entry.provider
    if entry.init_errors:
        data["initErrors"] = entry.init_errors
    return data


class EventStream:
    """Numbers events and hands them on; remembers diagnostics and counts for the result."""

    def __init__(self, sinks: list[EventSink], *, planning: bool) -> None:
        self._sinks = list(sinks)
        self._planning = {"planning": True} if planning else {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._secret_texts: set[str] = set()
        self.diagnostics: list[dict[str, Any]] = []
        self.counts: dict[str, int] = {}

    def hide_text(self, *texts: str) -> None:
        """Blank out these texts in all messages from now on."""
        lines = itertools.chain.from_iterable((text, *text.splitlines()) for text in texts)
        with self._lock:
            self._secret_texts.update(line for line in lines if len(line.strip()) >= _SHORTEST_HIDDEN)

    def hide_values(self, value: Any) -> None:
        """Blank out the texts that are marked secret in a property value."""
        if isinstance(value, Secret):
            if isinstance(value.value, str):
                self.hide_text(value.value)
        elif isinstance(value, dict):
            for item in value.values():
                self.hide_values(item)
        elif isinstance(value, list):
            for item in value:
                self.hide_values(item)

    def clean(self, message: str) -> str:
        """The message without any known secret text."""
        with self._lock:
            texts = sorted(self._secret_texts, key=len, reverse=True)
        for text in texts:
            message = message.replace(text, HIDDEN)
        return message

    def prelude(self, config: Mapping[str, str]) -> None:
        """The operation begins, with this configuration (secrets hidden already)."""
        self._emit("preludeEvent", {"config": dict(config)})

    def step(self, kind: str, step: Step, *, op: Op | None = None, **body: Any) -> None:
        """``resourcePreEvent``, ``resOutputsEvent`` or ``resOpFailedEvent`` of a step; default providers have none."""
        if is_internal(step.urn):
            return
        old, new = step.old and step.old.copy(), step.new and step.new.copy()
        planning = {} if kind == "resOpFailedEvent" else self._planning
        self._emit(kind, {**planning, **body}, StepRecord(op or step.op, step, old, new))

    def count(self, step: Step, op: Op | None = None) -> None:
        """Count a finished step in the summary."""
        if not is_internal(step.urn):
            with self._lock:
                name = str(op or step.op)
                self.counts[name] = self.counts.get(name, 0) + 1

    def diagnostic(self, severity: str, message: str, urn: str = "", *, ephemeral: bool = False) -> None:
        """A message to the user: ``info``, ``info#err``, ``warning`` or ``error``."""
        message = self.clean(message)
        prefix = "" if severity.startswith("info") else f"{severity}: "
        body: dict[str, Any] = {
            "urn": urn,
            "prefix": prefix,
            "message": message,
            "color": "never",
            "severity": severity,
        }
        if ephemeral:
            body["ephemeral"] = True
        else:
            record = {"urn": urn, "message": f"{prefix}{message}", "severity": severity}
            with self._lock:
                self.diagnostics.append({key: value for key, value in record.items() if value})
        self._emit("diagnosticEvent", {key: value for key, value in body.items() if value or key == "message"})

    def summary(self, result: str, seconds: float, *, damaged: bool) -> None:
        """The operation has ended."""
        body = {
            "maybeCorrupt": damaged,
            "durationSeconds": int(seconds),
            "resourceChanges": dict(sorted(self.counts.items())),
            "PolicyPacks": {},
            "isPreview": bool(self._planning),
            "result": result,
        }
        self._emit("summaryEvent", body)

    def end(self) -> None:
        """The last event of all."""
        self._emit("cancelEvent", {})

    def _emit(self, kind: str, body: Mapping[str, Any], record: StepRecord | None = None) -> None:
        with self._lock:
            event = Event(next(self._numbers), int(time.time()), kind, body, record)
            for sink in list(self._sinks):
                try:
                    sink(event)
                except Exception:  # noqa: BLE001 - a display that fails (a closed pipe) must not stop a deployment
                    self._sinks.remove(sink)
