"""Free ports of this machine, from the range that the scenarios may use."""

from __future__ import annotations

import os
import random
import socket
from typing import Final

RANGE: Final = range(18600, 18700)
_given: set[int] = set()


def _worker() -> tuple[int, int]:
    """Return which of how many processes of pytest-xdist this one is."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


def free_port() -> int:
    """Return a port that nobody listens on and that this session was not given before.

    In random order, so that sessions at the same time seldom meet; the workers of one session share the range out.
    """
    number, of = _worker()
    for port in random.sample(RANGE, len(RANGE)):
        if port in _given or port % of != number:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise RuntimeError(f"no free port in {RANGE}")
