"""Ends a restic that gets nowhere, and says why: by itself it tries for long, and a store that is full stays full."""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

_LOOK_S: Final = 0.5
_LEAVES_S: Final = 10.0
_BETWEEN_TRIES_S: Final = 60.0
"""Restic waits for up to a minute."""
_RETRYING: Final = "retrying after"
FULL: Final = (
    "XMinioStorageFull",
    "minimum free drive threshold",
    "QuotaExceeded",
    "quota exceeded",
    "InsufficientStorage",
    "Insufficient Storage",
)
"""What stores that speak S3 answer when they are full; it is not worth another try."""
DISK_FULL: Final = ("no space left on device", "disk quota exceeded")


@dataclass(frozen=True)
class Patience:
    """How long restic may try."""

    all_s: float
    """Altogether."""
    silent_s: float = 300.0
    """Without a byte that it reads or writes."""
    erring_s: float = 120.0
    """With errors alone."""


@dataclass(frozen=True)
class _Errors:
    """Failed tries since it last got any further."""

    done: int = 0
    tries: int = 0
    since: float = 0.0
    newest: float = 0.0


@dataclass
class Watch:
    """Looks after one process.

    Args:
        process: Restic.
        messages: The file that its error output goes to.
        patience: How long it may try.
    """

    process: subprocess.Popen[Any]
    messages: Path
    patience: Patience
    reason: str | None = None
    """Why it was ended, unless it ended by itself."""
    done: int = 0
    """How far it is, in whatever counts upward; set by who knows."""
    _over: threading.Event = field(default_factory=threading.Event, repr=False)
    _moved: tuple[int | None, float] = field(default=(None, 0.0), repr=False)
    _errors: _Errors = field(default_factory=_Errors, repr=False)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread = threading.Thread(target=self._look_after, args=(time.monotonic(),), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, with the process."""
        if error is not None:
            self.process.kill()
        self.process.wait()
        self._over.set()
        self._thread.join()

    def _look_after(self, started: float) -> None:
        while not self._over.wait(_LOOK_S) and self.process.poll() is None:
            now = time.monotonic()
            self.reason = self._why(now, now - started)
            if self.reason is not None:
                self.process.terminate()
                try:
                    self.process.wait(_LEAVES_S)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                return

    def _why(self, now: float, ran_s: float) -> str | None:
        said = self.messages.read_text(encoding="utf-8", errors="replace")
        if store_is_full(said):
            return "the store is full"
        if ran_s > self.patience.all_s:
            return f"it took over {self.patience.all_s:g} s"
        moved = _bytes_moved(self.process.pid)
        if moved is None or moved != self._moved[0]:
            self._moved = (moved, now)
        elif now - self._moved[1] > self.patience.silent_s:
            return f"nothing came or went for {self.patience.silent_s:g} s"
        return self._only_errors(said.count(_RETRYING), now)

    def _only_errors(self, tries: int, now: float) -> str | None:
        """Return a reason if tries have failed for long, one after the other, and nothing got any further."""
        if self.done != self._errors.done:
            self._errors = _Errors(self.done, tries)
        elif tries > self._errors.tries:
            self._errors = _Errors(self.done, tries, self._errors.since or now, now)
        since, newest = self._errors.since, self._errors.newest
        if since and now - since > self.patience.erring_s and now - newest < _BETWEEN_TRIES_S:
            return f"every try failed for {self.patience.erring_s:g} s"
        return None


def store_is_full(said: str) -> bool:
    """Return whether a store's answer says that it takes no more."""
    return any(words in said for words in FULL)


def disk_is_full(said: str) -> bool:
    """Return whether a disk of this machine takes no more."""
    return any(words in said.lower() for words in DISK_FULL)


def _bytes_moved(process: int) -> int | None:
    """Return what a process has read and written, over the network too; nothing where that is not to be known."""
    try:
        lines = Path(f"/proc/{process}/io").read_text(encoding="ascii").splitlines()
    except OSError:  # it has ended
        return None
    return sum(int(line.split()[1]) for line in lines if line.startswith(("rchar", "wchar")))
