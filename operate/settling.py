"""Waiting until a status says what it will say, rather than what it says in passing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from operate.status import Status

_LOOK_S: Final = 0.1


def settled_status(read: Callable[[], Status], longest_s: float) -> Status:
    """Read a status until no container's health is still ``starting``, for ``longest_s`` seconds at most."""
    end = time.monotonic() + longest_s
    while True:
        status = read()
        starting = any(replica.health == "starting" for part in status.parts for replica in part.replicas)
        if not starting or time.monotonic() >= end:
            return status
        time.sleep(_LOOK_S)
