"""Somebody who is told: an HTTP server of this machine that keeps what is posted to it."""

from __future__ import annotations

import http.server
import json
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(frozen=True)
class Message:
    """What was posted."""

    path: str
    content_type: str
    body: Any
    """From its JSON."""


class Receiver:
    """Takes messages until its context ends.

    Args:
        host: The address to listen on, one that containers reach; the port is chosen by the system.
    """

    def __init__(self, host: str) -> None:
        self.messages: list[Message] = []
        self.path = f"/hooks/{secrets.token_hex(12)}"
        """As secret as the address of a real one."""
        messages = self.messages

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                messages.append(Message(self.path, self.headers["Content-Type"], json.loads(content)))
                self.send_response(http.HTTPStatus.OK)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named as in the standard library
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer((host, 0), Handler)
        self.address = f"http://{host}:{self._server.server_address[1]}{self.path}"
        """Where to post."""

    def __enter__(self) -> Self:
        """Start."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
