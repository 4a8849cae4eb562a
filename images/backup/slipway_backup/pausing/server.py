"""The pauser: it knows one request, to hold what writes a volume, on a Unix socket that only backups share with it.

``hold NAME`` is answered with a line of JSON once all stand still; ``release``, or the end of the connection, lets them
go on. So nobody who is killed leaves them paused: not who asked (the kernel ends the connection), and not the pauser
(its note says whom it held, and it starts again). Nor does anybody hold them for longer than ``--limit``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import socket
import socketserver
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway_backup.pausing.engine import Engine, EngineError
from slipway_backup.pausing.holding import Holder, RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

DOCKER: Final = "/var/run/docker.sock"
_NOTE: Final = "held.json"
_RELEASE: Final = b"release\n"
_LONGEST_LINE: Final = 200
_PATIENCE_S: Final = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = argparse.ArgumentParser(prog="slipway_backup.pausing", description="Holds what writes a volume.")
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="stay, and hold services when that is asked for")
    serving.add_argument("place", type=Path, help="the socket to answer on")
    serving.add_argument("volumes", nargs="+", metavar="NAME=VOLUME", help="volumes whose writers may be held")
    serving.add_argument("--project", required=True, help="whose services may be held, with --stack")
    serving.add_argument("--stack", required=True)
    serving.add_argument("--limit", type=float, required=True, help="seconds for which they are held at most")
    serving.add_argument("--docker", default=DOCKER, help="Docker's socket")
    commands.add_parser("health", help="exit 0 while Docker answers it").add_argument("place", type=Path)
    asked = parser.parse_args(arguments)
    return _health(asked.place) if asked.command == "health" else _serve(asked)


def _serve(asked: argparse.Namespace) -> int:
    volumes = dict(item.split("=", 1) for item in asked.volumes)
    holder = Holder(Engine(asked.docker, asked.project, asked.stack), volumes, asked.place.with_name(_NOTE))
    try:
        for container in holder.tidy():
            print(f"{container[:12]}: held by one that was killed, goes on", flush=True)
    except EngineError as error:
        print(error, file=sys.stderr, flush=True)
        return 1  # Docker starts it again, later and later
    asked.place.unlink(missing_ok=True)
    server = Server(asked.place, holder, asked.limit)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.ended.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"holding what writes {', '.join(volumes)}, when it is asked for", flush=True)
    server.ended.wait()
    try:
        holder.let_go(for_good=True)
    except EngineError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return int(server.failed)


def _health(place: Path) -> int:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE_S)
            connection.connect(str(place))
            connection.sendall(b"health\n")
            answer = json.loads(connection.makefile().readline())
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    if "error" in answer:
        print(answer["error"], file=sys.stderr)
    return int("error" in answer)


class Server(socketserver.ThreadingUnixStreamServer):
    """Answers on a socket, each connection in a thread of its own.

    Args:
        place: The socket.
        holder: Who holds.
        limit_s: Seconds for which services are held at most.
    """

    daemon_threads = True

    def __init__(self, place: Path, holder: Holder, limit_s: float) -> None:
        self.holder = holder
        self.limit_s = limit_s
        self.ended = threading.Event()
        """Whether this process is to end."""
        self.failed = False
        """Whether it ends because Docker refused: started anew, it sees a socket that was made anew, and lets those go
        on whom it could not let go."""
        super().__init__(str(place), _Handler)
        # Only who has this volume mounted can come here.
        place.chmod(0o666)


class _Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        self.connection.settimeout(_PATIENCE_S)
        try:
            what, _, name = self.rfile.readline(_LONGEST_LINE).decode(errors="replace").strip().partition(" ")
            if what == "health":
                self.server.holder.engine.ping()
                self._say(well=True)
            elif what == "hold":
                self._hold(name)
            else:
                self._say(error="the requests are: health, hold NAME")
        except RefusedError as error:
            self._say(error=str(error))
        except EngineError as error:
            print(error, file=sys.stderr, flush=True)
            self._say(error=str(error))
            self.server.failed = True
            self.server.ended.set()
        except OSError:
            return  # who asked is gone

    def _hold(self, name: str) -> None:
        hold = self.server.holder.hold(name)
        names = sorted(hold.held.values())
        print(f"{name}: {', '.join(names) or 'nothing that runs'} held", flush=True)
        answer: dict[str, Any] | None = None
        try:
            self._say(held=names)
            self.connection.settimeout(self.server.limit_s)
            # One read and no more: by small bites a line could take longer than is allowed.
            if self.connection.recv(len(_RELEASE)) == _RELEASE:
                answer = {"broken": hold.broken()}
        except TimeoutError:
            answer = {"error": f"services were held for {self.server.limit_s:g} s, the longest that is allowed"}
        except OSError:
            pass  # who asked is gone
        finally:
            seconds = hold.end()
            print(f"{name}: they go on after {seconds} s", flush=True)
        if answer is not None:
            self.connection.settimeout(_PATIENCE_S)
            self._say(**answer, seconds=seconds)

    def _say(self, **answer: Any) -> None:
        with contextlib.suppress(OSError):
            self.wfile.write(json.dumps(answer).encode() + b"\n")
