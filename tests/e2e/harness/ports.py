"""Free ports of this machine, from the range that the scenarios may use."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO, Final

RANGE: Final = range(18600, 18900)
_CLAIMS: Final = Path(tempfile.gettempdir()) / f"slipway-e2e-{os.getuid()}-ports"
_given: dict[int, IO[bytes]] = {}


def free_port() -> int:
    """Return a port that nobody listens on and that no session was given before that is still there.

    Between being given and being listened on lie seconds, in which another session, or another worker of this one, must
    not be given the same: a lock on a file says so, which ends with the process.
    """
    for port in random.sample(RANGE, len(RANGE)):
        if port not in _given and _is_free(port) and (claim := _claim(port)):
            _given[port] = claim
            return port
    raise RuntimeError(f"no free port in {RANGE}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _claim(port: int) -> IO[bytes] | None:
    _CLAIMS.mkdir(exist_ok=True)
    claim = (_CLAIMS / str(port)).open("wb")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        claim.close()
        return None
    return claim
