"""A websocket that is held open: enough of RFC 6455 to know whether it is alive, and with which word it was closed."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import struct
from typing import TYPE_CHECKING, Final

from operate.probe.client import SWITCHING, Told, read_head

if TYPE_CHECKING:
    from operate.probe.client import Client, Streams

TOLD: Final = frozenset({1000, 1001, 1012, 1013})
"""Codes by which a client knows what to do: done, going away, restarting, try again later."""
_CLOSE, _PING, _PONG = 8, 9, 10
_BEAT_S: Final = 1.0
_SHORT: Final = 126
_LONG: Final = 127


async def hold(client: Client, path: str, stop: asyncio.Event) -> int:
    """Hold a websocket until ``stop`` or until the server closes it, and return the code that it was closed with.

    Raises:
        Told: It was refused, went silent, was cut off, or closed with an error.
    """
    try:
        async with asyncio.timeout(client.timeout_s):
            reader, writer = await _open(client, path)
    except TimeoutError:
        raise Told(f"no answer within {client.timeout_s:g} s") from None
    except (OSError, asyncio.IncompleteReadError) as error:
        raise Told(f"not opened: {error}") from None
    beating = asyncio.ensure_future(_beat(writer, stop))
    try:
        code = await _read(reader, writer, client.timeout_s)
    except TimeoutError:
        raise Told(f"silent for {client.timeout_s:g} s") from None
    except (OSError, asyncio.IncompleteReadError):
        raise Told("cut off without a word") from None
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await beating
        client.end(writer)
    if code not in TOLD:
        raise Told(f"closed with {code}")
    return code


async def _open(client: Client, path: str) -> Streams:
    reader, writer = await client.open()
    try:
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        writer.write(client.head("GET", path, {**upgrade, "Sec-WebSocket-Key": key}))
        await writer.drain()
        status, _ = await read_head(reader)
    except BaseException:
        client.end(writer)
        raise
    if status != SWITCHING:
        client.end(writer)
        raise Told(f"status {status}")
    return reader, writer


async def _beat(writer: asyncio.StreamWriter, stop: asyncio.Event) -> None:
    """Ping every second, so that silence means something; at the end, say good-bye, which the server answers."""
    while not stop.is_set():
        writer.write(_frame(_PING, b"slipway"))
        await writer.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BEAT_S):
                await stop.wait()
    writer.write(_frame(_CLOSE, struct.pack("!H", 1000)))
    await writer.drain()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, longest_s: float) -> int:
    """Read frames until one closes the socket, and return its code."""
    while True:
        async with asyncio.timeout(longest_s):
            first, second = await reader.readexactly(2)
            length = second & 0x7F  # what a server sends is never masked
            if length == _SHORT:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
            elif length == _LONG:
                (length,) = struct.unpack("!Q", await reader.readexactly(8))
            payload = await reader.readexactly(length)
        if first & 0x0F == _CLOSE:
            with contextlib.suppress(OSError):
                writer.write(_frame(_CLOSE, payload[:2]))
                await writer.drain()
            return struct.unpack("!H", payload[:2])[0] if len(payload) > 1 else 1005
        if first & 0x0F == _PING:
            writer.write(_frame(_PONG, payload))


def _frame(kind: int, payload: bytes) -> bytes:
    """Return a short frame, masked as a client's must be."""
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return struct.pack("!BB", 0x80 | kind, 0x80 | len(payload)) + mask + masked
