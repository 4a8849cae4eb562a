"""HTTP/1.1 on asyncio, as much as a prober needs.

What arrives is whole or an error, and no request is sent twice unless HTTP says that it may be.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from operate.probe.model import Address

_PIECE: Final = 256 * 1024
_HEADER_LIMIT: Final = 64 * 1024
_NO_BODY: Final = frozenset({204, 304})
_CONTINUE: Final = 100
_GOODBYE_S: Final = 2.0
"""How long the other side of a TLS connection may take to say that it has ended, in seconds."""
SWITCHING: Final = 101
"""Status of a connection that turns into a websocket."""
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Told(Exception):  # noqa: N818 - named as what it reports
    """A request that failed; the text says how."""


class _Stale(Exception):  # noqa: N818 - as above
    """A kept connection was closed before anything was answered."""


@dataclass(frozen=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    retried: bool = False


@dataclass
class Client:
    """Sends requests to one server.

    Args:
        address: The server.
        tls: How HTTPS is spoken.
        timeout_s: How long one wait may take.
        reuse: Whether connections are kept for the next request.
    """

    address: Address
    tls: ssl.SSLContext | None
    timeout_s: float
    reuse: bool = False
    _kept: list[Streams] = field(default_factory=list)
    _ending: set[asyncio.Task[None]] = field(default_factory=set)

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, total_s: float = 0.0
    ) -> Answer:
        """Send a request and return its whole answer.

        On a kept connection that the server has closed meanwhile, a GET is sent again on a new one; nothing else is.

        Args:
            method: The method.
            path: Path and query.
            body: Its body.
            headers: Further headers.
            total_s: The longest that all of it may take. Default: the client's ``timeout_s``.

        Raises:
            Told: There was no whole answer.
        """
        try:
            async with asyncio.timeout(total_s or self.timeout_s):
                kept = self._take() if method == "GET" else None
                if kept is not None:
                    try:
                        return await self._exchange(kept, method, path, body, headers or {})
                    except _Stale:
                        again = await self._exchange(await self.open(), method, path, body, headers or {})
                        return Answer(again.status, again.headers, again.body, retried=True)
                return await self._exchange(await self.open(), method, path, body, headers or {})
        except TimeoutError:
            raise Told(f"no answer within {total_s or self.timeout_s:g} s") from None
        except _Stale:
            raise Told("the connection was closed without an answer") from None
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise Told(_words(error)) from None

    async def open(self) -> Streams:
        """Connect."""
        host, port = self.address.connect
        if not self.address.tls:
            return await asyncio.open_connection(host, port, limit=_HEADER_LIMIT)
        return await asyncio.open_connection(
            host,
            port,
            limit=_HEADER_LIMIT,
            ssl=self.tls,
            server_hostname=self.address.host,
            ssl_shutdown_timeout=_GOODBYE_S,
        )

    def end(self, writer: asyncio.StreamWriter) -> None:
        """Close a connection; the good-bye of TLS is waited for at the end of all, in :meth:`close`."""
        writer.close()
        if self.address.tls:
            task = asyncio.ensure_future(_ended(writer))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Close what was kept, and wait until every connection has ended."""
        for _, writer in self._kept:
            self.end(writer)
        self._kept.clear()
        await asyncio.gather(*self._ending)

    def head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        """Return the head of a request."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.address.name}", "User-Agent: slipway-probe"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def _take(self) -> Streams | None:
        while self._kept:
            reader, writer = self._kept.pop()
            if not (reader.at_eof() or writer.is_closing()):
                return reader, writer
            self.end(writer)
        return None

    async def _exchange(
        self, streams: Streams, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        reader, writer = streams
        keep = False
        try:
            more = {**headers, **({"Content-Length": str(len(body))} if body or method == "POST" else {})}
            if not (self.reuse and method == "GET"):
                more["Connection"] = "close"
            status, answered = await self._send(reader, writer, self.head(method, path, more), body)
            content = await _body(reader, status, answered)
            keep = self.reuse and method == "GET" and answered.get("connection", "").lower() != "close"
            return Answer(status, answered, content)
        finally:
            if keep:
                self._kept.append((reader, writer))
            else:
                self.end(writer)

    async def _send(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes, body: bytes
    ) -> tuple[int, dict[str, str]]:
        """Send, and read the head of the answer: also where a server answers before it has read everything."""
        try:
            writer.write(head)
            for start in range(0, len(body), _PIECE):
                writer.write(body[start : start + _PIECE])
                await writer.drain()
            await writer.drain()
        except ConnectionError:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                return await read_head(reader)
            raise _Stale from None
        try:
            return await read_head(reader)
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            raise _Stale from None
        except ConnectionError:
            raise _Stale from None


async def _ended(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Return status and headers, names in small letters."""
    while True:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(first.split(" ", 2)[1])
        if status >= SWITCHING or status < _CONTINUE:
            pairs = (line.partition(":") for line in lines if line)
            return status, {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _body(reader: asyncio.StreamReader, status: int, headers: Mapping[str, str]) -> bytes:
    """Read a body to the end that its framing says; without it, it is not whole."""
    if status in _NO_BODY:
        return b""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        parts = []
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            parts.append((await reader.readexactly(size + 2))[:-2])
        await reader.readuntil(b"\r\n")
        return b"".join(parts)
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    return await reader.read()


def _words(error: Exception) -> str:
    if isinstance(error, asyncio.IncompleteReadError):
        return f"the answer ended after {len(error.partial)} bytes of a piece"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}"
