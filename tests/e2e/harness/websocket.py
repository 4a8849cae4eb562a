"""A websocket client that only listens: enough of RFC 6455 to hear a job's progress without another library."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXT: Final = 1
_CLOSE: Final = 8
_LIMIT_S: Final = 30.0


def messages(port: int, path: str) -> Iterator[Any]:
    """Connect to ``ws://127.0.0.1:port/path`` and give each text message, parsed as JSON, until the server closes.

    Raises:
        AssertionError: The server does not take the connection.
    """
    with socket.create_connection(("127.0.0.1", port), _LIMIT_S) as connection, connection.makefile("rb") as stream:
        key = base64.b64encode(os.urandom(16)).decode()
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        connection.sendall(f"{request}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        status = stream.readline().decode()
        assert " 101 " in status, f"no websocket: {status}"
        while stream.readline().strip():
            pass
        while True:
            first, second = struct.unpack("!BB", stream.read(2))
            length = second & 0x7F  # what a server sends is never masked
            if length == 126:
                (length,) = struct.unpack("!H", stream.read(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", stream.read(8))
            payload = stream.read(length)
            if first & 0x0F == _TEXT:
                yield json.loads(payload)
            elif first & 0x0F == _CLOSE:
                return
