"""What an operation came to, gathered from its events, whichever engine ran it.

Events are dictionaries of the form that ``pulumi up --json`` prints; both engines give them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from operate.stack_view import logical_name, short_type

Event = Mapping[str, Any]
"""An engine event: ``{"sequence": 1, "timestamp": 0, "resourcePreEvent": {…}}``."""

UNCHANGED: Final = frozenset({"same", "read", "read-replacement", "discard", "discard-replaced"})
"""Operations that change nothing, as ``--expect-no-changes`` sees it."""
_LOGGED: Final = re.compile(r"sdk-v2/provider2\.go:\d+: sdk\.helper_schema: (?P<text>.*): provider=\S+", re.DOTALL)
_LISTED: Final = re.compile(r"^(?:\s*\*? ?(?:\w+ urn:\S+: )?\d+ errors? occurred:\s*)+\*? ?", re.MULTILINE)
_STACK: Final = "pulumi:pulumi:Stack"
_SUMMARY_WORDS: Final = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "import": "imported",
    "same": "unchanged",
}


@dataclass(frozen=True)
class Failure:
    """A resource that could not be done, or the program itself."""

    urn: str
    """The resource; empty for the program or the engine."""
    message: str
    """Why, as the engine says it."""

    @property
    def what(self) -> str:
        """What failed, as people say it: ``docker:Container api-0``."""
        return (
            f"{short_type(self.urn)} {logical_name(self.urn)}" if self.urn and _STACK not in self.urn else "the program"
        )


class Outcome:
    """Collects events; call it with each."""

    def __init__(self) -> None:
        self.changes: dict[str, int] = {}
        """How many resources were created, updated, …; known at the end."""
        self.steps: list[tuple[str, str]] = []
        """Operation and URN of each change that was begun, in order."""
        self.warnings: list[str] = []
        """Warnings, each once."""
        self.infos: list[str] = []
        """What the program said, each once."""
        self._failed: list[str] = []
        self._errors: list[tuple[str, str]] = []

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if (body := event.get("resourcePreEvent")) is not None:
            step = body["metadata"]
            if step["op"] not in UNCHANGED | {"refresh"} and step["type"] != _STACK:
                self.steps.append((step["op"], step["urn"]))
        elif (body := event.get("resOpFailedEvent")) is not None:
            self._failed.append(body["metadata"]["urn"])
        elif (body := event.get("diagnosticEvent")) is not None and not body.get("ephemeral"):
            self._diagnostic(body)
        elif (body := event.get("summaryEvent")) is not None:
            self.changes = dict(body.get("resourceChanges") or {})

    def _diagnostic(self, body: Mapping[str, Any]) -> None:
        message = str(body.get("message", "")).strip()
        severity = body.get("severity")
        if severity == "error":
            self._errors.append((str(body.get("urn", "")), message))
        elif severity == "warning" and message not in self.warnings:
            self.warnings.append(message)
        elif str(severity).startswith("info") and message and message not in self.infos:
            self.infos.append(message)

    @property
    def failures(self) -> list[Failure]:
        """What failed and why, each text once; those of resources first."""
        found = [Failure(urn, message) for urn, message in _best(dict.fromkeys(self._errors))]
        told = {failure.urn for failure in found}
        found += [Failure(urn, "failed") for urn in dict.fromkeys(self._failed) if urn not in told]
        return sorted(found, key=lambda failure: failure.what == "the program")

    @property
    def changed(self) -> bool:
        """Whether anything was, or would be, changed."""
        return any(count for op, count in self.changes.items() if op not in UNCHANGED)

    @property
    def summary(self) -> str:
        """The counts in words: ``3 created, 12 unchanged``."""
        words = [f"{count} {_SUMMARY_WORDS.get(op, op)}" for op, count in _ordered(self.changes) if count]
        return ", ".join(words) or "nothing"


def _best(errors: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Leave out what says again what another error says, and the provider's wrapping around it.

    A bridged provider reports one failure as a line of its log, and again as a list inside a list; the engine then adds
    that the update failed.
    """
    readable = dict.fromkeys((urn, _unwrapped(message)) for urn, message in errors if message)
    of_resources = any(urn and _STACK not in urn for urn, _ in readable)
    for urn, message in readable:
        if message == "update failed" and of_resources:
            continue
        if any(other != message and message in other for place, other in readable if place == urn):
            continue
        yield urn, message


def _unwrapped(message: str) -> str:
    if match := _LOGGED.fullmatch(message):
        return match["text"]
    return _LISTED.sub("", message).strip()


def _ordered(changes: Mapping[str, int]) -> list[tuple[str, int]]:
    order = list(_SUMMARY_WORDS)
    return sorted(changes.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order) - 1)
