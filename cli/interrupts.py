"""Ctrl-C during an operation: the first asks the engine to stop after the steps under way, the second stops at once."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli.console import error
from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from cli.engines import Engine

_SOFT, _HARD = 1, 2


@contextmanager
def interruptible(engine: Engine) -> Iterator[None]:
    """Pass SIGINT and SIGTERM on to the engine while an operation runs. A third one ends this process."""
    count = 0

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal count
        count += 1
        if count == _SOFT:
            error("stopping: the steps under way finish and are recorded. Once more stops at once")
            engine.interrupt(hard=False)
        elif count == _HARD:
            error("stopping at once")
            engine.interrupt(hard=True)
        else:
            os._exit(ExitCode.CANCELLED)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
