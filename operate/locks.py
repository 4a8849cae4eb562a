"""Who holds a stack's lock in a file backend. Not here: taking or breaking it, which the engines do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Holder:
    """An operation that holds a lock."""

    file: Path
    """The lock's file."""
    text: str
    """Who, where and since when."""


def lock_holders(folder: Path, project: str, stack: str) -> list[Holder]:
    """Return every holder; none if the stack is free."""
    locks = folder / ".pulumi" / "locks" / "organization" / project / stack
    if not locks.is_dir():
        return []
    files = sorted(path for path in locks.iterdir() if path.suffix != ".attrs")  # side files of the CLI's store
    return [Holder(path, _text(path)) for path in files]


def _text(path: Path) -> str:
    try:
        record: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        record = None
    if not isinstance(record, dict):
        return f"unreadable lock {path.name}"
    who, where = record.get("username", "?"), record.get("hostname", "?")
    return f"{who}@{where}, process {record.get('pid', '?')}, since {record.get('timestamp', '?')}"
