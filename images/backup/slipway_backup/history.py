"""What became of each run, a line of JSON each: what the metrics, the schedule and ``slipway status`` stand on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from slipway_backup import files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slipway_backup.config import Config

_FILE: Final = "history.jsonl"
_RUNNING: Final = "running.json"
_MOST: Final = 2000
RUN: Final = "run"
READ_ALL: Final = "read-all"
LOG: Final = "point-in-time"


def now() -> datetime:
    """Return this moment, in UTC and without fractions of a second."""
    return datetime.now(UTC).replace(microsecond=0)


def text_of(moment: datetime) -> str:
    """Write a moment as it stands in manifests and here."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of(text: str) -> datetime:
    """Read what :func:`text_of` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def entries(config: Config) -> list[dict[str, Any]]:
    """Return what is known of earlier runs, the oldest first; a line that was cut off is none."""
    try:
        text = (config.work / _FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def begin(config: Config, entry: Mapping[str, Any]) -> None:
    """Note that a run begins; under the lock, so what is noted there already was killed."""
    file = config.work / _RUNNING
    if file.exists():
        killed = json.loads(file.read_text(encoding="utf-8"))
        add(config, {**killed, "result": "failed", "message": "it was interrupted before its end"})
    files.write(file, json.dumps(dict(entry)))


def end(config: Config, entry: Mapping[str, Any]) -> None:
    """Note how a run ended."""
    add(config, entry)
    (config.work / _RUNNING).unlink(missing_ok=True)


def add(config: Config, entry: Mapping[str, Any]) -> None:
    """Add a line, and keep the file short."""
    file = config.work / _FILE
    files.append(file, json.dumps({"ended": text_of(now()), **entry}))
    lines = file.read_text(encoding="utf-8").splitlines()
    if len(lines) > 2 * _MOST:
        files.write(file, "\n".join(lines[-_MOST:]) + "\n")


def last(found: list[dict[str, Any]], what: str, *results: str) -> dict[str, Any] | None:
    """Return the newest entry of a kind with one of these results."""
    return next((item for item in reversed(found) if item.get("what") == what and item.get("result") in results), None)
