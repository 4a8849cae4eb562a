"""The document that ``pulumi preview --json`` prints, collected from the events."""

from __future__ import annotations

from typing import Any

from engine.events import Event, StepRecord, detailed
from engine.state import Entry, write_entry
from engine.steps import Op
from engine.urn import STACK_TYPE, type_of
from engine.values import HIDDEN, Secret


class DigestBuilder:
    """An event sink that collects the digest."""

    def __init__(self) -> None:
        self._config: dict[str, str] = {}
        self._steps: list[dict[str, Any]] = []
        self._diagnostics: list[dict[str, Any]] = []
        self._summary: dict[str, int] = {}
        self._damaged = False
        self._refreshed: dict[str, int] = {}

    def __call__(self, event: Event) -> None:
        """Take one event."""
        match event.kind:
            case "preludeEvent":
                self._config = dict(event.body["config"])
            case "resourcePreEvent" if event.record is not None and _shown(event.record):
                if event.record.op is Op.REFRESH:
                    self._refreshed[event.record.step.urn] = len(self._steps)
                self._steps.append(_step(event.record))
            case "resOutputsEvent" if event.record is not None:
                self._replace_refresh(event.record)
            case "diagnosticEvent" if not event.body.get("ephemeral"):
                self._diagnose(event)
            case "summaryEvent":
                self._summary = dict(event.body["resourceChanges"])
                self._damaged = bool(event.body["maybeCorrupt"])

    def _replace_refresh(self, record: StepRecord) -> None:
        place = self._refreshed.get(record.step.urn)
        if place is not None and (
            record.op is Op.DELETE or (record.op is Op.UPDATE and record.step.detailed is not None)
        ):
            self._steps[place] = _step(record)

    def _diagnose(self, event: Event) -> None:
        message = f"{event.body.get('prefix', '')}{event.body['message']}"
        found = {"urn": event.body.get("urn", ""), "message": message, "severity": event.body["severity"]}
        self._diagnostics.append({key: value for key, value in found.items() if value})

    def digest(self, duration_s: float) -> dict[str, Any]:
        """The document."""
        document: dict[str, Any] = {
            "config": self._config,
            "steps": self._steps,
            "diagnostics": self._diagnostics,
            "duration": int(duration_s * 1e9),
            "changeSummary": self._summary,
        }
        if self._damaged:
            document["maybeCorrupt"] = True
        return {key: value for key, value in document.items() if value or key in {"steps", "diagnostics"}}


def _shown(record: StepRecord) -> bool:
    step = record.step
    if type_of(step.urn) == STACK_TYPE:
        return True
    if record.op is Op.SAME:
        return record.old is not None and record.new is not None and record.old.protect != record.new.protect
    return step.logical or record.op in {Op.REFRESH, Op.READ}


def _step(record: StepRecord) -> dict[str, Any]:
    step = record.step
    data: dict[str, Any] = {"op": str(record.op), "urn": step.urn}
    if step.entry.provider:
        data["provider"] = step.entry.provider
    if record.old is not None:
        data["oldState"] = _state(record.old)
    if record.new is not None:
        data["newState"] = _state(record.new)
    if step.diffs:
        data["diffReasons"] = list(step.diffs)
    if step.keys:
        data["replaceReasons"] = list(step.keys)
    data["detailedDiff"] = detailed(step.detailed, "kind")
    return data


def _state(entry: Entry) -> dict[str, Any]:
    return write_entry(entry, _hidden)


def _hidden(_value: Secret, _place: tuple[str, ...]) -> str:
    return HIDDEN
