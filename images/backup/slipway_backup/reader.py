"""The reader of volumes: runs as the user whose files they are, and hands them out over a Unix socket.

An answer is a row of frames: four bytes of length and as many of content. After an empty frame comes one with JSON
that says what there was; a frame of length 0xFFFFFFFF is followed by one that says what went wrong. So an archive that
was cut off is never taken for one.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import socketserver
import struct
import sys
import threading
from typing import IO, TYPE_CHECKING, Any, Final

from slipway_backup import archive
from slipway_backup.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LENGTH: Final = struct.Struct(">I")
_FAILED: Final = 0xFFFFFFFF
_CHUNK: Final = 1 << 18
_PATIENCE_S: Final = 120.0


def serve(data: Path, sockets: Path) -> int:
    """Answer for each folder below ``data`` on a socket of its name, until a signal comes."""
    servers = []
    for folder in sorted(path for path in data.iterdir() if path.is_dir()):
        place = sockets / f"{folder.name}.sock"
        place.unlink(missing_ok=True)
        server = _Server(folder, str(place))
        # Whoever shares this volume may ask: the backup's container and the other readers.
        place.chmod(0o666)
        threading.Thread(target=server.serve_forever, name=folder.name, daemon=True).start()
        servers.append(server)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    print(f"reading {', '.join(server.folder.name for server in servers) or 'nothing'}", flush=True)
    ended.wait()
    return 0


def ask(place: Path, what: str, out: IO[bytes] | None = None, progress: Callable[[int], None] = lambda _: None) -> Any:
    """Ask a reader.

    Args:
        place: Its socket.
        what: ``estimate`` or ``tar``.
        out: Takes the archive.
        progress: Told how many bytes came.

    Returns:
        What it says there was.

    Raises:
        BackupError: It does not answer, or could not read everything.
    """
    done = 0
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE_S)
            connection.connect(str(place))
            connection.sendall(what.encode() + b"\n")
            stream = connection.makefile("rb")
            while True:
                (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
                if length in {0, _FAILED}:
                    break
                data = _exactly(stream, length)
                done += length
                if out is not None:
                    out.write(data)
                progress(done)
            (last,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
            answer = json.loads(_exactly(stream, last))
    except (OSError, EOFError, ValueError) as error:
        raise BackupError(f"the reader at {place} gave no whole answer: {error}") from None
    if length == _FAILED:
        raise BackupError(f"volume {place.stem}: {answer['error']}")
    return answer


def _exactly(stream: IO[bytes], length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError("it ended early")
    return data


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, folder: Path, place: str) -> None:
        self.folder = folder
        super().__init__(place, _Handler)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        folder, what = self.server.folder, self.rfile.readline(20).decode().strip()
        try:
            if what == "estimate":
                answer: dict[str, Any] = {"bytes": archive.size_of(folder)}
            elif what == "tar":
                found = archive.write(folder, _Frames(self.wfile))  # type: ignore[arg-type]  # it writes
                answer = {"entries": found.entries, "digest": found.digest(), "changed": found.changed}
            else:
                raise ValueError(f"no such request: {what}")  # noqa: TRY301 - answered like any other fault
        except BrokenPipeError:
            return
        except OSError as error:
            user = f"user {os.getuid()}, as whom this volume is read,"
            self._end(_FAILED, {"error": f"{user} can't read {error.filename or folder.name}: {error.strerror}"})
            return
        except Exception as error:  # noqa: BLE001 - whoever asked has to be told
            print(f"{folder.name}: {error!r}", file=sys.stderr, flush=True)
            self._end(_FAILED, {"error": repr(error)})
            return
        self._end(0, answer)

    def _end(self, how: int, answer: dict[str, Any]) -> None:
        text = json.dumps(answer).encode()
        self.wfile.write(_LENGTH.pack(how) + _LENGTH.pack(len(text)) + text)


class _Frames:
    """Writes what it gets as frames."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out

    def write(self, data: bytes) -> int:
        for start in range(0, len(data), _CHUNK):
            piece = data[start : start + _CHUNK]
            self._out.write(_LENGTH.pack(len(piece)) + piece)
        return len(data)
