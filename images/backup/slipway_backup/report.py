"""Says what is going on: a line of text, or a JSON object a line for whoever asked through ``docker exec``."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final

_EVERY_S: Final = 0.5


@dataclass
class Report:
    """Takes events; writes each at once."""

    as_json: bool = False
    quiet: bool = False
    _last: float = field(default=0.0, repr=False)

    def emit(self, event: str, **content: Any) -> None:
        """Write one event."""
        if self.quiet:
            return
        if self.as_json:
            print(json.dumps({"event": event, **content}), flush=True)
            return
        words = " ".join(f"{key}={value}" for key, value in content.items() if value is not None)
        print(f"{event}: {words}", file=sys.stderr if event in {"error", "warning"} else sys.stdout, flush=True)

    def phase(self, phase: str, *, store: str | None = None, destination: str | None = None) -> None:
        """Say that something begins."""
        where = {"store": store, "destination": destination}
        self.emit("phase", phase=phase, **{key: value for key, value in where.items() if value is not None})

    def progress(self, phase: str, done: int, total: int, **where: str) -> None:
        """Say how far it is, at most twice a second; only for those who read JSON."""
        now = time.monotonic()
        if self.as_json and now - self._last >= _EVERY_S:
            self._last = now
            self.emit("progress", phase=phase, **where, bytes=done, total=total)

    def warning(self, message: str) -> None:
        """Say what somebody should know."""
        self.emit("warning", message=message)

    def error(self, message: str, code: int) -> None:
        """Say why it ends."""
        self.emit("error", message=message, code=code)
