"""The embedded engine: runs a Pulumi Python program in this process and keeps Pulumi's own file-backend state.

What it does not do it refuses by name (:class:`UnsupportedFeature`); the Pulumi CLI then carries on from that state.
"""

from engine.errors import (
    Cancelled,
    EngineError,
    InvalidProject,
    LockHeld,
    OperationFailed,
    ProgramError,
    StackNotFound,
    StateDamaged,
    UnsupportedFeature,
    WrongPassphrase,
)
from engine.events import Event, EventSink
from engine.history import HistoryEntry
from engine.stack import EmbeddedStack, Result

__all__ = [
    "Cancelled",
    "EmbeddedStack",
    "EngineError",
    "Event",
    "EventSink",
    "HistoryEntry",
    "InvalidProject",
    "LockHeld",
    "OperationFailed",
    "ProgramError",
    "Result",
    "StackNotFound",
    "StateDamaged",
    "UnsupportedFeature",
    "WrongPassphrase",
]
