"""Who holds a stack's lock in a file backend, and removing the lock of an operation that has certainly ended."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_PROC: Final = Path("/proc")
_START_FIELD: Final = 19  # of /proc/<pid>/stat, counted behind the name in parentheses
_SLACK_S: Final = 2.0
"""How far the kernel's and the holder's clocks may be apart."""


@dataclass(frozen=True)
class Holder:
    """An operation that holds a lock."""

    file: Path
    """The lock's file."""
    text: str
    """Who, where and since when."""
    dead: bool = False
    """Whether it has certainly ended: on this machine, and its process is gone or a younger one has its number."""


def lock_holders(folder: Path, project: str, stack: str) -> list[Holder]:
    """Return every holder; none if the stack is free."""
    locks = folder / ".pulumi" / "locks" / "organization" / project / stack
    if not locks.is_dir():
        return []
    files = sorted(path for path in locks.iterdir() if path.suffix != ".attrs")  # side files of the CLI's store
    return [_holder(path) for path in files]


def break_locks(holders: Iterable[Holder]) -> None:
    """Remove locks, as ``pulumi cancel`` does. An operation that still runs would go on without protection."""
    for holder in holders:
        holder.file.unlink(missing_ok=True)
        holder.file.with_name(f"{holder.file.name}.attrs").unlink(missing_ok=True)


def is_dead(record: Any, proc: Path = _PROC) -> bool:
    """Whether the holder that wrote a lock has certainly ended; without proof it lives.

    The Pulumi CLI writes no more than its process number, host name and time. A process of that number is another one
    if it began after the lock was written.
    """
    try:
        pid, host, since = int(record["pid"]), record["hostname"], datetime.fromisoformat(record["timestamp"])
        if host != socket.gethostname() or since.tzinfo is None:
            return False
        if not (proc / "self" / "stat").exists():
            return False
        began = _began(pid, proc)
    except (KeyError, TypeError, ValueError, OSError, StopIteration):
        return False
    return began is None or began > since.timestamp() + _SLACK_S


def _began(pid: int, proc: Path) -> float | None:
    """When a process began, in Unix seconds; ``None`` if there is none."""
    try:
        fields = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] in {"Z", "X"}:
        return None
    lines = (proc / "stat").read_text(encoding="ascii").splitlines()
    boot = next(float(line.split()[1]) for line in lines if line.startswith("btime "))
    return boot + int(fields[_START_FIELD]) / os.sysconf("SC_CLK_TCK")


def _holder(path: Path) -> Holder:
    try:
        record: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        record = None
    if not isinstance(record, dict):
        return Holder(path, f"unreadable lock {path.name}")
    who, where = record.get("username", "?"), record.get("hostname", "?")
    text = f"{who}@{where}, process {record.get('pid', '?')}, since {record.get('timestamp', '?')}"
    return Holder(path, text, is_dead(record))
