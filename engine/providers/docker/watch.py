"""Waiting until containers are healthy or have ended, for any number of them at little cost.

One stream of the daemon's events wakes whoever waits for the container that an event names; a waiter then looks at its
container itself. Without the stream (it broke, or the daemon is slow) waiters look every half second.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from engine.provider import ProviderError
from engine.providers.docker.daemon import Daemon, segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.providers.handler import Limit

T = TypeVar("T")

_KINDS = ("health_status", "die", "destroy", "oom", "stop", "start")
_STREAM_S = 2
"""How long one stream lasts; the thread ends at most so long after its last waiter."""
_WITH_EVENTS_S = 2.0
_WITHOUT_EVENTS_S = 0.5
_FIRST_LOOK_S = 0.1


class Watch:
    """Wakes waiters when something happens to their container."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._lock = threading.Lock()
        self._waiters: dict[str, threading.Event] = {}
        self._listening = False

    def until(
        self,
        container: str,
        limit: Limit,
        judge: Callable[[dict[str, Any]], T | None],
        *,
        longest_s: float = _WITH_EVENTS_S,
    ) -> T | None:
        """Inspect a container until ``judge`` gives a value, at least every ``longest_s``; None when the time is over.

        Raises what ``judge`` raises, ProviderError on cancellation, and DaemonError when the container vanishes.
        """
        with self._waiting(container) as woken:
            pause = _FIRST_LOOK_S
            while True:
                woken.clear()
                verdict = judge(self._daemon.get(f"/containers/{segment(container)}/json"))
                if verdict is not None:
                    return verdict
                remaining = limit.remaining()
                if remaining <= 0:
                    return None
                longest = longest_s if self._listening else _WITHOUT_EVENTS_S
                self._sleep(woken, min(pause, longest, remaining), limit)
                pause *= 2

    @staticmethod
    def _sleep(woken: threading.Event, seconds: float, limit: Limit) -> None:
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0 and not woken.wait(min(rest, _WITHOUT_EVENTS_S)):
            limit.remaining()  # notices a cancellation

    @contextmanager
    def _waiting(self, container: str) -> Iterator[threading.Event]:
        event = threading.Event()
        with self._lock:
            self._waiters[container] = event
            if not self._listening:
                self._listening = True
                threading.Thread(target=self._listen, name="docker-events", daemon=True).start()
        try:
            yield event
        finally:
            with self._lock:
                self._waiters.pop(container, None)

    def _listen(self) -> None:
        since = time.time() - 1
        try:
            while self._busy():
                until = time.time() + _STREAM_S
                self._pass_on(since, until)
                since = until - 1
                if time.time() < until - _WITHOUT_EVENTS_S:  # a daemon that ends the stream early is not pressed
                    time.sleep(_WITHOUT_EVENTS_S)
        except ProviderError:
            with self._lock:
                self._listening = False  # waiters look by themselves until the next one starts a new stream
        finally:
            self._daemon.close()

    def _busy(self) -> bool:
        with self._lock:
            if not self._waiters:
                self._listening = False  # under the lock: the next waiter starts a new stream
            return self._listening

    def _pass_on(self, since: float, until: float) -> None:
        query = {
            "since": f"{since:.3f}",
            "until": f"{until:.3f}",
            "filters": {"type": ["container"], "event": [*_KINDS]},
        }
        for event in self._daemon.stream("GET", "/events", query=query, timeout_s=_STREAM_S + 60):
            container = str(event.get("Actor", {}).get("ID") or event.get("id", ""))
            with self._lock:
                waiter = self._waiters.get(container)
            if waiter is not None:
                waiter.set()
