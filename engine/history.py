"""The stack's past operations, as the Pulumi CLI records them."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.backend import Backend


@dataclass(frozen=True)
class HistoryEntry:
    """One finished operation."""

    kind: str
    """``update``, ``refresh``, ``destroy``, ``import`` or ``rename``."""
    start_time: int
    """Unix seconds."""
    end_time: int
    """Unix seconds."""
    message: str
    result: str
    """``succeeded`` or ``failed``."""
    resource_changes: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    """As in the settings file: secrets encrypted."""


def record(backend: Backend, entry: HistoryEntry) -> None:
    """Add an operation to the history, with the checkpoint that it left, and back that up. Raises EngineError."""
    stamp = time.time_ns()
    data = {
        "kind": entry.kind,
        "startTime": entry.start_time,
        "message": entry.message,
        "environment": dict(entry.environment),
        "config": dict(entry.config),
        "version": 0,
        "result": entry.result,
        "endTime": entry.end_time,
        "resourceChanges": dict(entry.resource_changes),
    }
    state = backend.checkpoint.read_bytes()
    prefix = backend.history / f"{backend.stack}-{stamp}"
    backend.write(prefix.with_name(f"{prefix.name}.history.json"), f"{json.dumps(data)}\n".encode())
    backend.write(prefix.with_name(f"{prefix.name}.checkpoint.json"), state)
    if os.environ.get("PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS", "").lower() not in {"1", "true"}:
        backend.write(backend.backups / f"{backend.stack}.{stamp}.json", state)


def read(backend: Backend) -> list[HistoryEntry]:
    """All operations, the newest first."""
    files = sorted(backend.history.glob("*.history.json"), key=lambda path: path.name, reverse=True)
    entries = []
    for path in files:
        try:
            data = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise EngineError(f"{path} can't be read: {error}") from error
        entries.append(
            HistoryEntry(
                kind=data["kind"],
                start_time=data["startTime"],
                end_time=data["endTime"],
                message=data.get("message", ""),
                result=data.get("result", ""),
                resource_changes=data.get("resourceChanges") or {},
                environment=data.get("environment") or {},
                config=data.get("config") or {},
            )
        )
    return entries
