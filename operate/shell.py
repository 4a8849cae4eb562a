"""A command inside a container, with this terminal as its terminal if there is one."""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import docker

DEFAULT_SHELL: Final = ("sh", "-c", "if command -v bash >/dev/null; then exec bash; fi; exec sh")
"""bash where the image has it, else sh."""
_CHUNK: Final = 65_536
_HEADER: Final = struct.Struct(">BxxxL")
_STDERR: Final = 2


class Demultiplexer:
    """Takes Docker's stream of a command without a terminal apart into stdout and stderr."""

    def __init__(self, write: Callable[[int, bytes], None]) -> None:
        self._write = write
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take bytes as they come; whole frames are written to file descriptor 1 or 2."""
        self._rest += data
        while len(self._rest) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._rest)
            end = _HEADER.size + length
            if len(self._rest) < end:
                return
            self._write(_STDERR if kind == _STDERR else 1, self._rest[_HEADER.size : end])
            self._rest = self._rest[end:]


def run_inside(client: docker.DockerClient, container: str, command: Sequence[str], *, terminal: bool) -> int:
    """Run a command in a container, joined to this process's input and output; return its exit code.

    Args:
        client: Docker.
        container: Docker's id of the container.
        command: The command and its arguments.
        terminal: Whether to give it a terminal, which this process must have itself.
    """
    created = client.api.exec_create(
        container, list(command), stdin=True, tty=terminal, environment={"TERM": os.environ.get("TERM", "xterm")}
    )
    stream: Any = client.api.exec_start(created["Id"], tty=terminal, socket=True)
    connection: socket.socket = getattr(stream, "_sock", stream)  # the library wraps a local socket for reading only
    try:
        if terminal:
            with _raw_terminal(), _resized(lambda rows, columns: _resize(client, created["Id"], rows, columns)):
                _pump(connection, lambda data: _write_all(1, data))
        else:
            _pump(connection, Demultiplexer(_write_all).feed)
    finally:
        stream.close()
    return int(client.api.exec_inspect(created["Id"])["ExitCode"] or 0)


def _pump(connection: socket.socket, receive: Callable[[bytes], None]) -> None:
    """Carry bytes both ways until the command has closed its end."""
    readers: list[Any] = [connection, 0]
    while True:
        ready, _, _ = select.select(readers, [], [])
        if connection in ready:
            data = connection.recv(_CHUNK)
            if not data:
                return
            receive(data)
        if 0 in ready:
            typed = os.read(0, _CHUNK)
            if typed:
                connection.sendall(typed)
            else:
                readers.remove(0)
                connection.shutdown(socket.SHUT_WR)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _resize(client: docker.DockerClient, identity: str, rows: int, columns: int) -> None:
    import docker.errors  # noqa: PLC0415 - slow to load

    try:
        client.api.exec_resize(identity, height=rows, width=columns)
    except docker.errors.APIError:
        return  # the command has just ended


@contextmanager
def _raw_terminal() -> Iterator[None]:
    """Pass every key on as it is, Ctrl-C included."""
    import termios  # noqa: PLC0415 - only where there is a terminal
    import tty  # noqa: PLC0415 - as above

    before = termios.tcgetattr(0)
    tty.setraw(0, termios.TCSADRAIN)  # what was typed ahead is kept
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextmanager
def _resized(tell: Callable[[int, int], None]) -> Iterator[None]:
    """Tell the size of this terminal, now and whenever it changes."""

    def now(*_: object) -> None:
        size = os.get_terminal_size(0)
        tell(size.lines, size.columns)

    before = signal.signal(signal.SIGWINCH, now)
    now()
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
