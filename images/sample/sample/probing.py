"""What `slipway probe` asks: POSTs that are counted, a stream with an end, a socket that stays, a large body."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
from typing import TYPE_CHECKING

from aiohttp import WSCloseCode, web

if TYPE_CHECKING:
    from sample import queueing

_NAME = re.compile(r"[0-9a-f]{8,64}")
_KEPT_SECONDS = 3600
_TICK_SECONDS = 0.25
_LONGEST_SECONDS = 60.0
_DEFAULT_SECONDS = 10.0


class Probing:
    """The routes below /probe."""

    def __init__(self, queue: queueing.Queue) -> None:
        """Count in `queue`, which replicas and releases share."""
        self._queue = queue
        self._sockets: set[web.WebSocketResponse] = set()
        self._stopping = False

    def add_to(self, application: web.Application) -> None:
        """Add the routes, and close the sockets with a word when the server stops."""
        application.add_routes(
            [
                web.post("/probe/received", self.receive),
                web.get("/probe/received", self.received),
                web.get("/probe/stream", self.stream),
                web.get("/probe/socket", self.socket),
                web.post("/probe/upload", self.upload),
            ]
        )
        application.on_shutdown.append(self._close_all)

    async def receive(self, request: web.Request) -> web.Response:
        """Count a body by its id, and say what arrived of it."""
        body = await request.read()
        try:
            asked = json.loads(body)
            run, name = str(asked["run"]), str(asked["id"])
        except (ValueError, KeyError, TypeError):
            run = name = ""
        if not (_NAME.fullmatch(run) and _NAME.fullmatch(name)):
            return web.json_response({"error": 'send {"run": HEX, "id": HEX}'}, status=400)
        await self._queue.count(f"sample:probe:{run}", name, _KEPT_SECONDS)
        return web.json_response({"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()})

    async def received(self, request: web.Request) -> web.Response:
        """Say how often each body of a run arrived."""
        run = request.query.get("run", "")
        if not _NAME.fullmatch(run):
            return web.json_response({"error": "name a run: ?run=HEX"}, status=400)
        return web.json_response({"arrived": await self._queue.counts(f"sample:probe:{run}")})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Send events for `?seconds=10`, the last of which says that it is the last."""
        try:
            seconds = float(request.query.get("seconds", _DEFAULT_SECONDS))
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= _LONGEST_SECONDS:
            return web.json_response({"error": f"seconds must be from 0 to {_LONGEST_SECONDS:g}"}, status=400)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        for number in range(int(seconds / _TICK_SECONDS)):
            await response.write(f"event: tick\ndata: {number}\n\n".encode())
            await asyncio.sleep(_TICK_SECONDS)
        await response.write(b"event: end\ndata: -\n\n")
        await response.write_eof()
        return response

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """Hold a websocket that only listens, until the client or this server leaves."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            async for _message in socket:
                pass
            if self._stopping:  # the end of this handler would otherwise close it first, as if all were done
                await self._say_good_bye(socket)
        finally:
            self._sockets.discard(socket)
        return socket

    async def upload(self, request: web.Request) -> web.Response:
        """Read a body of any size without keeping it, and say what arrived."""
        digest, size = hashlib.sha256(), 0
        async for piece in request.content.iter_any():
            digest.update(piece)
            size += len(piece)
        return web.json_response({"bytes": size, "sha256": digest.hexdigest()})

    async def _close_all(self, _application: web.Application) -> None:
        """Tell every client to come back."""
        self._stopping = True
        for socket in set(self._sockets):
            await self._say_good_bye(socket)

    @staticmethod
    async def _say_good_bye(socket: web.WebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"this replica stops; connect again")
