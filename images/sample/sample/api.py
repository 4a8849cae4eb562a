"""The HTTP API and the page."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from aiohttp import web

from sample import metrics, queueing, store
from sample.jobs import JobRequest, RequestError
from sample.logs import log
from sample.probing import Probing
from sample.serving import Draining, serve, stop_on_signals

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sample.config import Config

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_STATIC = Path(__file__).parent / "static"
_FILES = {
    "/": ("index.html", "text/html"),
    "/app.js": ("app.js", "text/javascript"),
    "/app.css": ("app.css", "text/css"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_MAX_BODY_BYTES = 64 * 1024
_MAX_LISTED = 100


def problem(status: int, text: str, **headers: str) -> web.Response:
    """Return an error as JSON."""
    return web.json_response({"error": text}, status=status, headers=headers)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every failure into JSON; what went wrong inside goes to the log alone."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < web.HTTPBadRequest.status_code:
            raise
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return problem(error.status, error.reason, **headers)
    except store.UNAVAILABLE as error:
        log.warning("database unavailable", extra={"path": request.path, "reason": f"{type(error).__name__}: {error}"})
        return problem(503, "the database does not answer or is not set up yet; try again", **{"Retry-After": "2"})
    except queueing.UNAVAILABLE as error:
        log.warning("queue unavailable", extra={"path": request.path, "reason": f"{type(error).__name__}: {error}"})
        return problem(503, "the queue does not answer; try again", **{"Retry-After": "2"})
    except Exception:  # noqa: BLE001  (the last resort of a server; it is logged with its traceback)
        log.exception("request failed", extra={"method": request.method, "path": request.path})
        return problem(500, "something went wrong here; it is in the log")


class Api:
    """The routes, over one store and one queue."""

    def __init__(self, config: Config, jobs: store.Store, queue: queueing.Queue, draining: Draining) -> None:
        """Use what is given; `run_api` opens and closes it."""
        self._config = config
        self._jobs = jobs
        self._queue = queue
        self._draining = draining
        self._metrics = metrics.Metrics()
        self._probing = Probing(queue)

    def application(self) -> web.Application:
        """Return the application with its routes."""
        middlewares = [self._metrics.middleware, self._draining.middleware, _errors]
        application = web.Application(middlewares=middlewares, client_max_size=_MAX_BODY_BYTES)
        application.add_routes(
            [
                *(web.get(path, _static(name, kind)) for path, (name, kind) in _FILES.items()),
                web.get("/health", self.health),
                web.get("/ready", self.ready),
                web.get("/metrics", self.scrape),
                web.post("/jobs", self.create),
                web.get("/jobs", self.newest),
                web.get("/jobs/{id}", self.get),
            ]
        )
        self._probing.add_to(application)
        return application

    async def health(self, _request: web.Request) -> web.Response:
        """Say that this process serves; cheap, and true while the database is away."""
        return web.json_response({"status": "ok", "release": self._config.release, "replica": self._config.replica})

    async def ready(self, _request: web.Request) -> web.Response:
        """Say whether this replica can do its work now: 200, or 503 with the part that is missing."""
        parts = {"database": self._jobs.ping, "queue": self._queue.ping}
        states = dict(zip(parts, await asyncio.gather(*(_state(ping) for ping in parts.values())), strict=True))
        good = all(state == "ok" for state in states.values()) and not self._draining.stopping
        body = {"status": "ready" if good else "stopping" if self._draining.stopping else "not ready", **states}
        return web.json_response(body, status=200 if good else 503)

    async def create(self, request: web.Request) -> web.Response:
        """Store a job and queue it: 202 with the job, the same one again for the same Idempotency-Key."""
        try:
            wanted = JobRequest.parse(json.loads(await request.text()), request.headers.get("Idempotency-Key"))
        except RequestError as error:
            return problem(400, str(error))
        except ValueError:
            return problem(400, 'the body is not JSON; send an object, such as {"text": "hello"}')
        try:
            created = await self._jobs.create(wanted, self._config.release)
        except store.KeyReusedError:
            return problem(422, "this Idempotency-Key belongs to a request with another body")
        job = created.job
        headers = {"Location": f"/jobs/{job['id']}"}
        if created.replayed:
            headers["Idempotency-Replayed"] = "true"
        else:
            await self._enqueue(job["id"])
        return web.json_response(self._signed(job), status=202, headers=headers)

    async def _enqueue(self, job_id: str) -> None:
        """Queue a job that is stored. A failure costs seconds, not the job: a worker's sweep finds it."""
        try:
            async with asyncio.timeout(2):
                await self._queue.push(job_id)
        except queueing.UNAVAILABLE as error:
            log.warning("could not queue a job; the sweep will", extra={"job": job_id, "reason": type(error).__name__})

    async def get(self, request: web.Request) -> web.Response:
        """Return one job."""
        try:
            job = await self._jobs.get(str(uuid.UUID(request.match_info["id"])))
        except ValueError:
            job = None
        return problem(404, "no such job") if job is None else web.json_response(self._signed(job))

    async def newest(self, request: web.Request) -> web.Response:
        """Return the newest jobs."""
        try:
            limit = int(request.query.get("limit", "20"))
        except ValueError:
            limit = 0
        if not 1 <= limit <= _MAX_LISTED:
            return problem(400, f"limit must be a whole number from 1 to {_MAX_LISTED}")
        return web.json_response(self._signed({"jobs": await self._jobs.newest(limit)}))

    async def scrape(self, _request: web.Request) -> web.Response:
        """Return the metrics in Prometheus text format."""
        try:
            self._metrics.observe(await self._jobs.counts(), await self._queue.length())
        except (*store.UNAVAILABLE, *queueing.UNAVAILABLE):
            self._metrics.forget()
        return web.Response(body=self._metrics.text(), headers={"Content-Type": metrics.CONTENT_TYPE})

    def _signed(self, body: dict[str, object]) -> dict[str, object]:
        return {**body, "answered_by": {"release": self._config.release, "replica": self._config.replica}}


async def _state(ping: Callable[[], Awaitable[None]]) -> str:
    try:
        async with asyncio.timeout(2):
            await ping()
    except (*store.UNAVAILABLE, *queueing.UNAVAILABLE, asyncpg.PostgresError) as error:
        return type(error).__name__
    return "ok"


def _static(name: str, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return a handler that answers with a file, read once at the start."""
    body = (_STATIC / name).read_bytes()

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=_HEADERS)

    return answer


async def run_api(config: Config) -> int:
    """Serve until a stop signal; return 0."""
    stop = stop_on_signals()
    client = queueing.connect(config.redis_url)
    jobs = await store.Store.open(config.database_url, size=8, name=f"sample-api-{config.replica}"[:63])
    draining = Draining(config)
    try:
        await serve(Api(config, jobs, queueing.Queue(client), draining).application(), draining, config, stop)
    finally:
        await jobs.close()
        await client.close()
    return 0
