"""A command in a container, without a daemon: a socket pair stands for it."""

from __future__ import annotations

import os
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any, cast

import pytest

from operate.shell import Demultiplexer, run_inside

if TYPE_CHECKING:
    import docker


def frame(kind: int, data: bytes) -> bytes:
    """Return a frame as Docker sends it."""
    return struct.pack(">BxxxL", kind, len(data)) + data


@pytest.mark.parametrize("size", [1, 3, 8, 1000])
def test_frames_are_put_together_however_they_come(size: int) -> None:
    """The network cuts anywhere."""
    written: list[tuple[int, bytes]] = []
    stream = frame(1, b"out") + frame(2, b"") + frame(2, b"error") + frame(1, b"more")
    demultiplexer = Demultiplexer(lambda descriptor, data: written.append((descriptor, data)))
    for index in range(0, len(stream), size):
        demultiplexer.feed(stream[index : index + size])
    assert [item for item in written if item[1]] == [(1, b"out"), (2, b"error"), (1, b"more")]


class _Daemon:
    """Runs one command: answers what it reads from the other end, in upper case, and ends with 7."""

    def __init__(self) -> None:
        self.ours, theirs = socket.socketpair()
        self.asked: dict[str, Any] = {}
        threading.Thread(target=self._serve, args=(theirs,), daemon=True).start()

    def exec_create(self, container: str, command: list[str], **how: Any) -> dict[str, str]:
        self.asked = {"container": container, "command": command, **how}
        return {"Id": "e1"}

    def exec_start(self, identity: str, *, tty: bool, socket: bool) -> socket.socket:
        assert (identity, tty, socket) == ("e1", False, True)
        return self.ours

    def exec_inspect(self, identity: str) -> dict[str, int]:
        assert identity == "e1"
        return {"ExitCode": 7}

    @staticmethod
    def _serve(connection: socket.socket) -> None:
        with connection:
            typed = b""
            while chunk := connection.recv(100):
                typed += chunk
            connection.sendall(frame(1, typed.upper()) + frame(2, b"and an error"))


def test_input_output_and_exit_code_are_the_commands_own(capfd: pytest.CaptureFixture[str]) -> None:
    """What is piped in reaches it, until its end."""
    daemon = _Daemon()
    client = type("Client", (), {"api": daemon})()
    reading, writing = os.pipe()
    os.write(writing, b"select 1")
    os.close(writing)
    kept = os.dup(0)
    os.dup2(reading, 0)
    try:
        code = run_inside(cast("docker.DockerClient", client), "c1", ["psql", "-c"], terminal=False)
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(reading)
    assert code == 7
    assert capfd.readouterr() == ("SELECT 1", "and an error")
    assert daemon.asked["container"] == "c1"
    assert daemon.asked["command"] == ["psql", "-c"]
    assert (daemon.asked["stdin"], daemon.asked["tty"]) == (True, False)
