"""Free ports of this machine, from the range that the scenarios may use."""

from __future__ import annotations

import random
import socket
from typing import Final

RANGE: Final = range(18600, 18700)
_given: set[int] = set()


def free_port() -> int:
    """Return a port that nobody listens on and that this session was not given before.

    In random order, so that sessions at the same time seldom meet.
    """
    for port in random.sample(RANGE, len(RANGE)):
        if port in _given:
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
