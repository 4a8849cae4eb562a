"""Telling what an interrupted create left behind from what was there before."""

from __future__ import annotations

import re
from datetime import datetime

_CLOCK_SLACK_S = 1.0


def made_since(created: str | None, started: float | None) -> bool:
    """Whether an object with this creation time was made at or after ``started`` (Unix seconds; None proves nothing).

    Docker writes nanoseconds, more digits than Python reads; they are cut. One second is allowed between the clocks of
    this machine and of the daemon.
    """
    if started is None or not created:
        return False
    text = re.sub(r"(\.\d{6})\d+", r"\1", created).replace("Z", "+00:00")
    try:
        return datetime.fromisoformat(text).timestamp() >= started - _CLOCK_SLACK_S
    except ValueError:
        return False
