"""Who holds a stack's lock in a file backend, and removing the lock of an operation that has certainly ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
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


def break_locks(holders: Iterable[Holder]) -> None:
    """Remove locks, as ``pulumi cancel`` does. An operation that still runs would go on without protection."""
    for holder in holders:
        holder.file.unlink(missing_ok=True)
        holder.file.with_name(f"{holder.file.name}.attrs").unlink(missing_ok=True)


def _text(path: Path) -> str:
    try:
        record: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        record = None
    if not isinstance(record, dict):
        return f"unreadable lock {path.name}"
    who, where = record.get("username", "?"), record.get("hostname", "?")
    return f"{who}@{where}, process {record.get('pid', '?')}, since {record.get('timestamp', '?')}"
