"""A name server for a test's authority: it says where the gateway is, or that there is no such name."""

from __future__ import annotations

import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_HEADER = struct.Struct("!HHHHHH")
_ANSWER = 0x8180
_NO_SUCH_NAME = 0x8183
_TYPE_A = 1


class NameServer:
    """Answers questions for IPv4 addresses on one UDP port until its context ends.

    Args:
        address: The address to listen on; the port is chosen by the system.
        resolve: Returns the IPv4 address of a name, or ``None`` if there is no such name.
    """

    def __init__(self, address: str, resolve: Callable[[str], str | None]) -> None:
        self._resolve = resolve
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self.address = f"{address}:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        # Closing alone would leave the thread in its system call.
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            question, asker = self._socket.recvfrom(4096)
            if not question:
                return
            self._socket.sendto(self._answer(question), asker)

    def _answer(self, packet: bytes) -> bytes:
        number = _HEADER.unpack_from(packet)[0]
        labels, at = [], _HEADER.size
        while packet[at]:
            labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
            at += packet[at] + 1
        end = at + 5
        kind = struct.unpack_from("!H", packet, at + 1)[0]
        address = self._resolve(".".join(labels).lower())
        found = address is not None and kind == _TYPE_A
        head = _HEADER.pack(number, _NO_SUCH_NAME if address is None else _ANSWER, 1, int(found), 0, 0)
        answer = head + packet[_HEADER.size : end]
        if address is not None and found:
            answer += struct.pack("!HHHIH", 0xC00C, _TYPE_A, 1, 0, 4) + socket.inet_aton(address)
        return answer
