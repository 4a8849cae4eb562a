"""Reading the recordings of the real CLI: steps, entries with their secrets opened, and what a preview reported."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from engine.crypto import Crypter
from engine.provider import UNKNOWN

FOLDER = Path(__file__).parents[1] / "recordings"
_PASSPHRASE = "x"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@dataclass(frozen=True)
class Entry:
    """One custom resource of a recorded state."""

    urn: str
    type: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    ignore_changes: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.urn.split("::")[-1]


def steps(world: str) -> list[str]:
    """Return the names of a world's steps that have a preview, in order."""
    return sorted(path.name.removesuffix(".preview.json") for path in (FOLDER / world).glob("*.preview.json"))


@cache
def state(world: str, step: str) -> dict[str, Entry]:
    """Return the custom resources after a step, by URN, secrets in plain text."""
    latest = json.loads((FOLDER / world / f"{step}.checkpoint.json").read_text())["checkpoint"]["latest"]
    crypter = Crypter(_PASSPHRASE, latest["secrets_providers"]["state"]["salt"])
    return {
        entry["urn"]: Entry(
            entry["urn"],
            entry["type"],
            entry.get("id", ""),
            _opened(entry.get("inputs", {}), crypter),
            _opened(entry.get("outputs", {}), crypter),
            tuple(entry.get("ignoreChanges", ())),
        )
        for entry in latest.get("resources", [])
        if entry["custom"] and not entry["type"].startswith("pulumi:")
    }


def previewed(world: str, step: str) -> dict[str, dict[str, Any]]:
    """Return the steps of the preview before a step, by URN."""
    return {item["urn"]: item for item in json.loads((FOLDER / world / f"{step}.preview.json").read_text())["steps"]}


def _opened(value: Any, crypter: Crypter) -> Any:
    if isinstance(value, dict):
        if _SIGNATURE in value:
            return json.loads(crypter.decrypt(value["ciphertext"]))
        return {key: _opened(part, crypter) for key, part in value.items()}
    return [_opened(part, crypter) for part in value] if isinstance(value, list) else value


def unknowns(value: Any, known: Any) -> Any:
    """Return a previewed value with UNKNOWN for the CLI's placeholder, and ``known`` where it shows a secret."""
    if value == _UNKNOWN_TEXT:
        return UNKNOWN
    if value == "[secret]":
        return known
    if isinstance(value, dict):
        return {k: unknowns(part, known.get(k) if isinstance(known, dict) else None) for k, part in value.items()}
    if isinstance(value, list):
        others = known if isinstance(known, list) else []
        return [unknowns(part, others[i] if i < len(others) else None) for i, part in enumerate(value)]
    return value


def as_written(value: Any) -> Any:
    """Return checked inputs as the program gave them: without what a default filled in."""
    if isinstance(value, dict):
        added = set(value.get("__defaults", ())) | {"__defaults"}
        return {key: as_written(part) for key, part in value.items() if key not in added}
    return [as_written(part) for part in value] if isinstance(value, list) else value
