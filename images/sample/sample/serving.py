"""An HTTP server that stops without failing a request."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

from aiohttp import web

from sample.logs import log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sample.config import Config

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_LONGEST_FINISH_SECONDS = 20.0


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


class Draining:
    """Counts the requests in hand, and says in each answer when the server is about to go."""

    def __init__(self, config: Config) -> None:
        """Answer as `config.release` and `config.replica`."""
        self._who = {"X-Release": config.release, "X-Replica": config.replica, "Server": "slipway-sample"}
        self.stopping = False
        self._in_hand = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count the request, and finish the connection after it where the server is stopping."""
        self._in_hand += 1
        self._idle.clear()
        try:
            return await handler(request)
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._idle.set()

    async def sign(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Name the release and replica that answered; ask the client to open a new connection when this one ends."""
        response.headers.update(self._who)
        if self.stopping and not isinstance(response, web.WebSocketResponse):
            response.force_close()
            response.headers["Connection"] = "close"

    async def idle(self, longest_seconds: float) -> None:
        """Wait until no request is in hand, at most `longest_seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest_seconds):
                await self._idle.wait()
                return
        log.warning("stopping with requests in hand", extra={"requests": self._in_hand})


async def serve(application: web.Application, draining: Draining, config: Config, stop: asyncio.Event) -> None:
    """Serve until `stop`, then drain.

    On a stop the server goes on accepting for `drain_seconds`, since whoever routes to it may still send and no event
    tells when the last one has learned; every answer meanwhile closes its connection. Then it stops listening, waits
    for the requests in hand, runs the application's shutdown handlers and closes what is idle.
    """
    application.on_response_prepare.append(draining.sign)
    # Longer than the 60 s for which nginx keeps an idle connection to an upstream, so that nginx is the one who closes.
    runner = web.AppRunner(application, keepalive_timeout=75, access_log=None)
    await runner.setup()
    assert runner.server is not None  # noqa: S101  (set by setup)
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(runner.server, "0.0.0.0", config.port, backlog=1024)  # noqa: S104
    log.info("listening", extra={"port": config.port})
    await stop.wait()
    log.info("draining", extra={"drain_s": config.drain_seconds})
    draining.stopping = True
    await asyncio.sleep(config.drain_seconds)
    listener.close()
    await application.shutdown()
    await draining.idle(_LONGEST_FINISH_SECONDS)
    await runner.cleanup()
