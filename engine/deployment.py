"""What the parts of one operation share: options, old state, providers, events, and whether it may go on."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import Cancelled, EngineError, OperationFailed
from engine.graph import DependencyGraph
from engine.urn import stack_urn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from engine.checkpoint import Checkpoint
    from engine.events import EventStream
    from engine.project import ConfigValue
    from engine.registry import Registry
    from engine.snapshot import Snapshot
    from engine.state import Entry


@dataclass(frozen=True)
class Options:
    """How an operation is done."""

    preview: bool
    parallel: int
    replace: frozenset[str] = frozenset()
    """URNs to replace whether they differ or not."""


class Stopped(EngineError):  # noqa: N818 - not an error, but the signal that no further step may begin
    """The operation is over for whoever asks; the reason is recorded elsewhere."""


@dataclass
class Deployment:
    """One operation on one stack."""

    project: str
    stack: str
    directory: Path
    config: Mapping[str, ConfigValue]
    options: Options
    base: Checkpoint
    registry: Registry
    events: EventStream
    snapshot: Snapshot
    lock: threading.RLock = field(default_factory=threading.RLock)
    """Held while steps are planned and entries are changed; never during a provider's work on the world."""
    news: dict[str, Entry] = field(default_factory=dict)
    """What this run has registered so far, by URN."""
    damaged: bool = False
    """Whether an operation failed in a way that leaves its outcome unknown."""

    def __post_init__(self) -> None:
        self.errors: list[EngineError] = []
        self._slots = threading.BoundedSemaphore(self.options.parallel)
        self._stop = threading.Event()
        self.cancelled = False
        self.rebase(self.base)

    def rebase(self, base: Checkpoint) -> None:
        """Take these entries as the old state."""
        self.base = base
        self.olds = base.live()
        self.graph = DependencyGraph(base.resources)
        for entry in base.resources:
            if entry.is_provider:
                self.registry.remember(entry)

    @property
    def root_urn(self) -> str:
        """The stack resource."""
        return stack_urn(self.stack, self.project)

    def check_running(self) -> None:
        """Raise Stopped once a step has failed or the user has cancelled."""
        if self._stop.is_set():
            raise Stopped("the deployment has stopped")

    @contextmanager
    def slot(self) -> Iterator[None]:
        """One of the places for work on the world; raises Stopped when its turn comes too late."""
        self.check_running()
        with self._slots:
            self.check_running()
            yield

    def fail(self, error: EngineError, urn: str = "", *, stop: bool = True) -> None:
        """Record and report a failure; with ``stop`` no further step begins."""
        # A provider's error may quote what it was given.
        error.args = (self.events.clean(str(error)), *error.args[1:])
        with self.lock:
            self.errors.append(error)
        self.events.diagnostic("error", str(error), urn)
        if stop:
            self._stop.set()

    def cancel(self) -> None:
        """The user wants to stop: running steps finish, no further one begins."""
        self.cancelled = True
        self._stop.set()
        self.registry.cancel()

    def outcome(self) -> EngineError | None:
        """What the operation failed with, if it did; the user's own stop goes before what it brought about."""
        if self.cancelled:
            return Cancelled("cancelled: the steps that were running have finished and are recorded")
        if not self.errors:
            return None
        if len(self.errors) == 1:
            return self.errors[0]
        kinds = {type(error) for error in self.errors}
        text = "\n".join(str(error) for error in self.errors)
        first = self.errors[0]
        return OperationFailed(text) if kinds != {type(first)} or kinds == {OperationFailed} else first
