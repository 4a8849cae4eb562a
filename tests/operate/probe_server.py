"""A server for the prober's tests, on a free port of 127.0.0.1: each path does what the test says, well or badly."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import struct
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

Write = Callable[[bytes], None]


@dataclass(frozen=True)
class Asked:
    """A request that arrived, whole."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    number: int
    """Which request of this path it is, from 1."""
    writer: asyncio.StreamWriter
    reader: asyncio.StreamReader


Handler = Callable[[Asked], Awaitable[bytes]]
"""Returns the bytes to answer with; the connection is closed after them if they are empty."""


def answer(body: bytes = b"", status: int = 200, **headers: str) -> bytes:
    """Return a whole answer."""
    lines = [f"HTTP/1.1 {status} Told", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def chunked(*pieces: bytes, whole: bool = True) -> bytes:
    """Return an answer in pieces, with or without its end."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return head + body + (b"0\r\n\r\n" if whole else b"")


def receipt(body: bytes) -> bytes:
    """Return what must be answered to a body that arrived."""
    told = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    return answer(json.dumps(told).encode())


def upgraded(asked: Asked) -> bytes:
    """Return the answer that turns a connection into a websocket."""
    text = asked.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()  # noqa: S324 - the protocol's own
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
    ).encode()


def farewell(code: int) -> bytes:
    """Return the frame that closes a websocket."""
    return b"\x88\x02" + struct.pack("!H", code)


class Server:
    """Serves until its ``with`` block ends.

    Args:
        handlers: What each path does, its query left out.
    """

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers
        self.counts: Counter[str] = Counter()
        self.connections = 0
        self.port = 0

    def __enter__(self) -> Self:
        """Start."""
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def serve() -> None:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1000)
            self.port = server.sockets[0].getsockname()[1]
            self._stop = asyncio.Event()
            ready.set()
            await self._stop.wait()
            server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(serve()))
        self._thread.start()
        ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    def url(self, path: str = "/") -> str:
        """Return where a path is."""
        return f"http://127.0.0.1:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, target, _ = first.split(" ")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                path = target.partition("?")[0]
                self.counts[path] += 1
                asked = Asked(method, target, headers, body, self.counts[path], writer, reader)
                said = await self._handlers[path](asked)
                writer.write(said)
                await writer.drain()
                if not said or headers.get("connection") == "close":
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()
