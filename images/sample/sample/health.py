"""Health checks that cost little: a request to the own port, or the age of the worker's heartbeat."""

from __future__ import annotations

import http.client
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLES = {"api": 8000, "fanout": 8001, "worker": 0}
"""The roles that run for ever, and the port that each answers on by default (0: none)."""

HEARTBEAT = Path("/tmp/sample-heartbeat")  # noqa: S108  (the container's own tmpfs; the root is read-only)
HEARTBEAT_EVERY_SECONDS = 2.0
HEARTBEAT_STALE_SECONDS = 15.0
_ROLE = Path("/tmp/sample-role")  # noqa: S108


def remember_role(role: str) -> None:
    """Note which role runs in this container, for a health check that is not told. Best effort: /tmp may be missing."""
    try:
        _ROLE.write_text(role, encoding="utf-8")
    except OSError as error:
        print(f"sample: cannot write {_ROLE} ({error.strerror}); health checks must name the role", file=sys.stderr)


def beat() -> None:
    """Say that the worker's loop is alive."""
    HEARTBEAT.touch()


def check(role: str | None, environment: Mapping[str, str]) -> int:
    """Return 0 when the role in this container is healthy, 1 when it is not, 2 when the role is unknown."""
    if role is None:
        try:
            role = _ROLE.read_text(encoding="utf-8")
        except OSError:
            role = "(none has started yet)"
    if role not in ROLES:
        print(f"sample healthcheck: unknown role {role}; one of {', '.join(ROLES)}", file=sys.stderr)
        return 2
    problem = _worker_problem() if role == "worker" else _http_problem(int(environment.get("PORT") or ROLES[role]))
    if problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _worker_problem() -> str | None:
    try:
        age = time.time() - HEARTBEAT.stat().st_mtime
    except OSError:
        return "no heartbeat yet: the worker has not reached its database and queue"
    return f"the last heartbeat is {age:.0f} s old" if age > HEARTBEAT_STALE_SECONDS else None


def _http_problem(port: int) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", "/health")
        status = connection.getresponse().status
    except OSError as error:
        return f"no answer on port {port}: {error}"
    finally:
        connection.close()
    return None if status == http.client.OK else f"GET /health answered {status}"
