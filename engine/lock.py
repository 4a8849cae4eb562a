"""The stack's lock, as the Pulumi CLI writes and honours it.

Any file in the lock folder means that somebody works on the stack. The CLI never looks whether that somebody still
lives; a lock of this engine records enough to prove that its holder is dead (same machine; the process is gone or its
number belongs to a younger one; or the machine has rebooted since), and only then is it taken over.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import uuid
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import LockHeld

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from engine.backend import Backend


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _process_start(pid: int | str) -> str:
    """When a process began, in ticks since boot; empty when there is none (a zombie counts as none)."""
    # The name, in parentheses, may hold anything; the state is the first field after it, the start the twentieth.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    state, start = (fields[0], fields[19:20]) if fields else ("X", [])
    return "" if state in {"Z", "X"} or not start else start[0]


def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def holder_record() -> dict[str, Any]:
    """What our lock says: the CLI's four keys, and the proof of life."""
    return {
        "pid": os.getpid(),
        "username": _user(),
        "hostname": socket.gethostname(),
        "timestamp": datetime.now().astimezone().isoformat(timespec="microseconds"),
        "machineId": _read("/etc/machine-id"),
        "bootId": _read("/proc/sys/kernel/random/boot_id"),
        "pidNamespace": _pid_namespace(),
        "pidStart": _process_start("self"),
    }


def is_dead(record: Mapping[str, Any]) -> bool:
    """Whether the holder that wrote this record certainly lives no more; without proof it lives."""
    mine = holder_record()
    if not record.get("bootId") or record.get("hostname") != mine["hostname"]:
        return False
    if record["bootId"] != mine["bootId"]:
        return bool(mine["machineId"]) and record.get("machineId") == mine["machineId"]
    if not record.get("pidNamespace") or record["pidNamespace"] != mine["pidNamespace"]:
        return False
    return bool(record.get("pidStart")) and _process_start(record["pid"]) != record["pidStart"]


def _others(backend: Backend, own: Path) -> list[Path]:
    if not backend.locks.is_dir():
        return []
    return sorted(path for path in backend.locks.iterdir() if path != own and path.suffix != ".attrs")


def _load(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _describe(path: Path) -> str:
    record = _load(path)
    if not record:
        return f"{path}: unreadable"
    return (
        f"{record.get('username', '?')}@{record.get('hostname', '?')} (pid {record.get('pid', '?')})"
        f" since {record.get('timestamp', '?')}"
    )


def _refuse(backend: Backend, holders: list[Path]) -> LockHeld:
    who = "; ".join(_describe(path) for path in holders)
    files = " ".join(str(path) for path in holders)
    return LockHeld(
        f"the stack {backend.stack} is locked by {who}. Wait until that operation has ended. If it certainly has:"
        f" `pulumi cancel --stack {backend.stack}`, or remove {files}",
        who,
    )


@contextlib.contextmanager
def hold(backend: Backend, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the stack's lock. Raises LockHeld; ``tell`` gets a message when a dead holder's lock is taken over."""
    own = backend.locks / f"{uuid.uuid4()}.json"
    for other in _others(backend, own):
        if is_dead(_load(other)):
            tell(f"took over the lock of an operation that died: {_describe(other)}")
            other.unlink(missing_ok=True)
    if holders := _others(backend, own):
        raise _refuse(backend, holders)
    backend.write(own, json.dumps(holder_record()).encode())
    try:
        # Whoever came at the same moment sees ours now, and we theirs; then both give way, as the CLI does.
        if holders := _others(backend, own):
            raise _refuse(backend, holders)
        backend.sweep()
        yield
    finally:
        own.unlink(missing_ok=True)
