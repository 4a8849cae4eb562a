"""Requests at a constant rate, each counted: what a user of the platform notices of a change.

Open-loop: a request is sent when its time comes, whether or not earlier ones were answered, so that a pause is seen as
slow or failed requests and not as fewer of them.
"""

from __future__ import annotations

import http.client
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_TIMEOUT_S = 10.0
_THREADS = 24


@dataclass
class Answers:
    """What came back."""

    good: int = 0
    """Requests answered with 200."""
    failures: list[str] = field(default_factory=list)
    """What went wrong with each of the others."""
    slowest_s: float = 0.0
    """The longest that an answer took."""
    releases: dict[str, int] = field(default_factory=dict)
    """How many answers each release of the sample gave."""

    def assert_none_failed(self, at_least: int = 20) -> None:
        """Assert that no request failed, and that there were enough of them to say so."""
        assert self.good + len(self.failures) >= at_least, f"only {self.good} requests were made"
        assert not self.failures, (
            f"{len(self.failures)} of {self.good + len(self.failures)} failed: {self.failures[:5]}"
        )


class Prober:
    """Sends ``GET path`` to ``127.0.0.1:port``, a new connection each, until its context ends.

    Args:
        port: The gateway's port.
        path: What to get.
        rate: Requests a second.
        ask: What is done instead, such as a request over HTTPS: returns the status and the release that answered.
    """

    def __init__(
        self,
        port: int,
        path: str = "/health",
        rate: float = 25.0,
        ask: Callable[[], tuple[int, str]] | None = None,
    ) -> None:
        self._ask = ask or (lambda: get_release(port, path))
        self._period = 1 / rate
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._clock = threading.Thread(target=self._send_all, daemon=True)
        self.answers = Answers()

    def __enter__(self) -> Self:
        """Start."""
        self._clock.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop and wait for the answers that are due."""
        self._stop.set()
        self._clock.join()

    def _send_all(self) -> None:
        due = time.monotonic()
        with ThreadPoolExecutor(_THREADS) as pool:
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                pool.submit(self._send)
                due += self._period

    def _send(self) -> None:
        started = time.monotonic()
        release, problem = "", ""
        try:
            status, release = self._ask()
            if status != http.client.OK:
                problem = f"status {status}"
        except (OSError, http.client.HTTPException) as error:
            problem = f"{type(error).__name__}: {error}"
        with self._lock:
            self.answers.slowest_s = max(self.answers.slowest_s, time.monotonic() - started)
            if problem:
                self.answers.failures.append(problem)
            else:
                self.answers.good += 1
                self.answers.releases[release] = self.answers.releases.get(release, 0) + 1


def get_release(port: int, path: str = "/health") -> tuple[int, str]:
    """Return the status of one request, and the release of the sample that answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status, response.headers.get("X-Release", "")
    finally:
        connection.close()
