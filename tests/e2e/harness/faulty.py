"""A way to an object store that can be cut, slowed down, or made to answer errors."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Final, Literal, Self

if TYPE_CHECKING:
    from types import TracebackType

Fault = Literal["none", "gone", "silent", "slow", "erring"]

_CHUNK: Final = 65_536
_SLOW_BYTES: Final = 4096
_SLOW_PAUSE_S: Final = 0.05
_HEAD: Final = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/xml\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n"
)
_ERROR: Final = b"<Error><Code>InternalError</Code><Message>broken on purpose</Message></Error>"


class FaultyWay:
    """Passes connections on to a server until it is told to do otherwise.

    Args:
        host: The address to listen on; the port is chosen by the system.
        target: ``host:port`` of the server.
    """

    def __init__(self, host: str, target: str) -> None:
        name, _, port = target.rpartition(":")
        self._target = (name, int(port))
        self._listener = socket.create_server((host, 0))
        self.address = f"{host}:{self._listener.getsockname()[1]}"
        """``host:port`` for clients."""
        self.fault: Fault = "none"
        """What is wrong with it now; for connections that are open, too."""
        self.seen = 0
        """Connections that came while something was wrong."""
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; connections that are open end by themselves."""
        self.fault = "gone"
        # Closing alone would leave the thread in its system call.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        if self.fault != "none":
            self.seen += 1
        with client:
            if self.fault == "gone":
                return
            try:
                server = socket.create_connection(self._target, timeout=10)
            except OSError:
                return
            with server:
                back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
                back.start()
                self._pump(client, server)
                back.join()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        """Carry bytes one way until the end, or until what is wrong ends it."""
        with contextlib.suppress(OSError):
            while data := source.recv(_SLOW_BYTES if self.fault == "slow" else _CHUNK):
                if not self._let_through(source, sink, data):
                    break
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _let_through(self, source: socket.socket, sink: socket.socket, data: bytes) -> bool:
        fault = self.fault
        upward = sink.getpeername() == self._target
        if fault == "gone":
            return False
        if fault == "slow":
            time.sleep(_SLOW_PAUSE_S)
        while self.fault == "silent":
            time.sleep(_SLOW_PAUSE_S)
        if fault == "erring" and upward:
            source.sendall(_HEAD % len(_ERROR) + _ERROR)
            return False
        sink.sendall(data)
        return True
