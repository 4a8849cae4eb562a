"""Stands for a program whose image can't be had here: answers every path of its ports, and says that it is one.

``STAND_IN_NAME`` is the part that it stands for, ``STAND_IN_PORTS`` are the ports to listen on: without any it works
until it is asked to stop; with ``STAND_IN_JOB`` it ends at once. Its answers hold what arrived.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = os.environ.get("STAND_IN_NAME", "")


class Handler(BaseHTTPRequestHandler):
    """Answers with what arrived."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Read the body, and tell."""
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size).decode(errors="replace")
        told = {
            "stand_in": NAME,
            "status": "healthy",
            "port": self.server.server_port,  # type: ignore[attr-defined] # it is a ThreadingHTTPServer
            "method": self.command,
            "path": self.path,
            "headers": {key.lower(): value for key, value in self.headers.items()},
            "body": body,
        }
        data = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Write no line for each probe."""


def main() -> None:
    """Listen until a signal comes."""
    print(f"stand-in for {NAME}", *sys.argv[1:], flush=True)  # noqa: T201 - its log
    if os.environ.get("STAND_IN_JOB"):
        return
    for port in filter(None, os.environ.get("STAND_IN_PORTS", "").split(",")):
        server = ThreadingHTTPServer(("0.0.0.0", int(port)), Handler)  # noqa: S104 - in its container
        threading.Thread(target=server.serve_forever, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.pause()


if __name__ == "__main__":
    main()
