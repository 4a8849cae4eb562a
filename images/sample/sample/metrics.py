"""What the API tells Prometheus."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

CONTENT_TYPE = CONTENT_TYPE_LATEST
_STATES = ("queued", "running", "done", "failed")
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Requests by route and status, their duration, jobs by state, the length of the queue."""

    def __init__(self) -> None:
        """Start with a registry of its own."""
        self._registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter("sample_http_requests", "Requests answered.", labels, registry=self._registry)
        self._seconds = Histogram(
            "sample_http_request_seconds", "Time to answer.", ("route",), buckets=_BUCKETS, registry=self._registry
        )
        self._jobs = Gauge("sample_jobs", "Jobs by state.", ("state",), registry=self._registry)
        self._queue = Gauge("sample_queue_length", "Ids that wait in the queue.", registry=self._registry)

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Count and time the request, under its route and not its path: the number of series must be bounded."""
        started = time.perf_counter()
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "(none)"
        status = 500
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            self._requests.labels(request.method if resource else "any", route, str(status)).inc()
            self._seconds.labels(route).observe(time.perf_counter() - started)

    def observe(self, jobs: Mapping[str, int], queue_length: int) -> None:
        """Take the current numbers."""
        for state in _STATES:
            self._jobs.labels(state).set(jobs.get(state, 0))
        self._queue.set(queue_length)

    def forget(self) -> None:
        """Show no number rather than an old one, where the database or the queue cannot be asked."""
        for state in _STATES:
            self._jobs.labels(state).set(float("nan"))
        self._queue.set(float("nan"))

    def text(self) -> bytes:
        """Return the metrics in Prometheus text format."""
        return generate_latest(self._registry)
