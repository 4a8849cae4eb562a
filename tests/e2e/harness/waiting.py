"""Waiting for a condition, bounded."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_INTERVAL_S = 0.03


def until(condition: Callable[[], T], what: str, seconds: float = 30.0) -> T:
    """Return the first true answer of ``condition``.

    Raises:
        AssertionError: There was none within ``seconds``; names ``what`` was waited for.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain until {what}"
        time.sleep(_INTERVAL_S)
