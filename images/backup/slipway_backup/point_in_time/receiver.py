"""``pg_receivewal``, kept running: what the server writes to its log is on this disk, synced, a moment later."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from slipway_backup import files, tools
from slipway_backup.point_in_time.server import SLOT, credentials

if TYPE_CHECKING:
    from pathlib import Path

    from slipway_backup.config import Part

_AGAIN_S: Final = 2.0
_GRACE_S: Final = 10.0


class Receiver:
    """Fetches one server's log.

    Args:
        part: The database.
        folder: Where segments are put, under the names that the server gives them.
    """

    def __init__(self, part: Part, folder: Path) -> None:
        self._part = part
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._stack = ExitStack()
        self._next = 0.0
        self._lock = threading.RLock()

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def keep_running(self) -> None:
        """Start it unless it runs, or has only just ended."""
        with self._lock:
            if not self.running and time.monotonic() >= self._next:
                self._start()

    def _start(self) -> None:
        self.stop()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._next = time.monotonic() + _AGAIN_S
        env = self._stack.enter_context(credentials(self._part))
        said = self._stack.enter_context((self.folder.parent / "receiver.log").open("wb"))
        # Synced at once and told to the server, so that it never keeps more than it must.
        self._process = subprocess.Popen(
            [
                *("pg_receivewal", f"--directory={self.folder}", f"--slot={SLOT}"),
                *("--synchronous", "--no-loop", "--no-password"),
            ],
            env=tools.environment(env),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def stop(self) -> None:
        """End it; what it has fetched stays."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGINT)
                try:
                    self._process.wait(timeout=_GRACE_S)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
            self._process = None
            self._stack.close()

    def forget(self) -> None:
        """End it, and remove what it has fetched: it begins anew where the slot stands."""
        with self._lock:
            self.stop()
            files.remove(self.folder)
            self._next = 0.0

    def said(self) -> str:
        """Return the end of what it said."""
        file = self.folder.parent / "receiver.log"
        return tools.tail(file.read_text(encoding="utf-8", errors="replace")) if file.exists() else ""
