"""An HTTP server with two pages: ``/metrics``, made anew for each request, and ``/health``."""

from __future__ import annotations

import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from exporter.text import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable


def serve(port: int, metrics: Callable[[], str]) -> ThreadingHTTPServer:
    """Return a server that waits for ``serve_forever``."""
    guard = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        """Answers GET."""

        def do_GET(self) -> None:
            """Answer the two pages."""
            path = self.path.partition("?")[0]
            if path == "/health":
                self._answer(HTTPStatus.OK, "ok\n")
            elif path == "/metrics":
                try:
                    with guard:
                        text = metrics()
                except OSError as error:
                    print(f"exporter: {error}", file=sys.stderr)
                    self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, f"{error}\n")
                else:
                    self._answer(HTTPStatus.OK, text)
            else:
                self._answer(HTTPStatus.NOT_FOUND, "there are /metrics and /health\n")

        def log_message(self, *_: object) -> None:
            """Say nothing of each request: nobody asks but Prometheus."""

        def _answer(self, status: HTTPStatus, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return ThreadingHTTPServer(("", port), Handler)
