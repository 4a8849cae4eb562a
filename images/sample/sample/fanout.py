"""The websocket fan-out: streams the progress of one job to whoever asks, the current state first."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import TYPE_CHECKING

from aiohttp import WSCloseCode, web

from sample import queueing, store
from sample.jobs import FINAL_STATES, Event
from sample.logs import log
from sample.serving import Draining, serve, stop_on_signals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sample.config import Config

PING_EVERY_SECONDS = 20.0
REREAD_EVERY_SECONDS = 3.0
"""News over Redis may be lost; the database is asked this often, so that a stream always reaches its end."""


class Hub:
    """One subscription for all jobs, handed out to the sockets that watch them."""

    def __init__(self) -> None:
        """Start with nobody watching."""
        self._watchers: dict[str, set[asyncio.Queue[Event]]] = {}

    @contextlib.contextmanager
    def watch(self, job_id: str) -> Iterator[asyncio.Queue[Event]]:
        """Give a queue that receives the job's events while the context lasts."""
        queue: asyncio.Queue[Event] = asyncio.Queue(maxsize=100)
        watchers = self._watchers.setdefault(job_id, set())
        watchers.add(queue)
        try:
            yield queue
        finally:
            watchers.discard(queue)
            if not watchers:
                self._watchers.pop(job_id, None)

    def hand_out(self, event: Event) -> None:
        """Give an event to each watcher; one that cannot keep up loses its oldest, which a newer one makes stale."""
        for queue in self._watchers.get(event.job, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    async def listen(self, url: str) -> None:
        """Receive events until cancelled, connecting again whenever Redis goes away."""
        while True:
            client = queueing.connect(url)
            try:
                async with client.pubsub() as subscription:
                    await subscription.psubscribe(f"{queueing.CHANNEL}*")
                    while True:
                        message = await subscription.get_message(ignore_subscribe_messages=True, timeout=1.0)
                        if message is not None:
                            self._take(message["data"])
            except queueing.UNAVAILABLE as error:
                log.warning("queue unavailable", extra={"reason": f"{type(error).__name__}: {error}"})
                await asyncio.sleep(0.5)
            finally:
                with contextlib.suppress(*queueing.UNAVAILABLE):
                    await client.close()

    def _take(self, data: str) -> None:
        try:
            self.hand_out(Event.from_json(data))
        except (ValueError, TypeError):
            # Another release may write events that this one does not know.
            log.debug("ignored an event")


class Fanout:
    """The routes."""

    def __init__(self, config: Config, jobs: store.Store, hub: Hub) -> None:
        """Use what is given; `run_fanout` opens and closes it."""
        self._config = config
        self._jobs = jobs
        self._hub = hub
        self._sockets: set[web.WebSocketResponse] = set()
        self._stopping = False

    def application(self, draining: Draining) -> web.Application:
        """Return the application with its routes; a websocket is no request in hand, it is closed on a stop."""
        application = web.Application()
        application.on_shutdown.append(self._close_all)
        application.on_response_prepare.append(draining.sign)
        stream = [web.get(path, self.stream) for path in ("/ws", "/ws/")]
        application.add_routes([web.get("/health", self.health), *stream])
        return application

    async def health(self, _request: web.Request) -> web.Response:
        """Say that this process serves."""
        body = {"status": "ok", "sockets": len(self._sockets), "release": self._config.release}
        return web.json_response({**body, "replica": self._config.replica})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Stream `?job=ID`: its state now, then each change, until it is done; then close with 1000."""
        try:
            job_id = str(uuid.UUID(request.query.get("job", "")))
        except ValueError:
            return web.json_response({"error": "name a job: /ws?job=ID"}, status=400)
        with self._hub.watch(job_id) as events:
            # Watching comes before reading: no change can fall between the two.
            try:
                current = await self._jobs.event(job_id)
            except store.UNAVAILABLE:
                return web.json_response({"error": "the database does not answer"}, status=503)
            if current is None:
                return web.json_response({"error": "no such job"}, status=404)
            socket = web.WebSocketResponse(heartbeat=PING_EVERY_SECONDS)
            await socket.prepare(request)
            self._sockets.add(socket)
            sending = asyncio.ensure_future(self._send(socket, current, events))
            try:
                async for _message in socket:
                    pass  # Nothing is expected from the client; reading notices that it left.
                if self._stopping:  # whoever closes first decides the word, and aiohttp's own would be 1000
                    await _restarting(socket)
            finally:
                self._sockets.discard(socket)
                sending.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                    await sending
            return socket

    async def _send(self, socket: web.WebSocketResponse, current: Event, events: asyncio.Queue[Event]) -> None:
        await socket.send_str(current.to_json())
        while current.state not in FINAL_STATES:
            event = await self._next(current.job, events)
            if event is not None and event.newer_than(current):
                current = event
                await socket.send_str(current.to_json())
        await socket.close(code=WSCloseCode.OK, message=b"the job is over")

    async def _next(self, job_id: str, events: asyncio.Queue[Event]) -> Event | None:
        """Return the next event, or after a while the state from the database; None where that does not answer."""
        try:
            async with asyncio.timeout(REREAD_EVERY_SECONDS):
                return await events.get()
        except TimeoutError:
            pass
        try:
            return await self._jobs.event(job_id)
        except store.UNAVAILABLE:
            return None

    async def _close_all(self, _application: web.Application) -> None:
        """Tell every client to come back: the next replica continues from the state in the database."""
        self._stopping = True
        sockets = list(self._sockets)
        log.info("closing sockets", extra={"sockets": len(sockets)})
        await asyncio.gather(*map(_restarting, sockets), return_exceptions=True)


async def _restarting(socket: web.WebSocketResponse) -> None:
    await socket.close(code=WSCloseCode.SERVICE_RESTART, message=b"service restart")


async def run_fanout(config: Config) -> int:
    """Serve until a stop signal; return 0."""
    stop = stop_on_signals()
    jobs = await store.Store.open(config.database_url, size=5, name=f"sample-fanout-{config.replica}"[:63])
    hub, draining = Hub(), Draining(config)
    listening = asyncio.ensure_future(hub.listen(config.redis_url))
    try:
        await serve(Fanout(config, jobs, hub).application(draining), draining, config, stop)
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening
        await jobs.close()
    return 0
