"""A Redis server takes what a set holds as a replica would: it has its old content until the new is there whole."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from slipway_backup import tools
from slipway_backup.errors import BackupError, NotVerifiedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from slipway_backup.config import Part
    from slipway_backup.report import Report

PORT: Final = 16379
"""Where the server with the snapshot listens, for as long as it takes the live one to copy it."""
_PATIENCE_S: Final = 3600.0
_POLL_S: Final = 0.05


@dataclass(frozen=True)
class _Redis:
    """A server that is asked over the network."""

    host: str
    port: int
    password: str

    def ask(self, *words: str) -> str:
        """Return what it answers.

        Raises:
            BackupError: It does not, or refuses.
        """
        said = tools.run(
            ["redis-cli", "--no-auth-warning", "-h", self.host, "-p", str(self.port), *words],
            {"REDISCLI_AUTH": self.password},
            timeout_s=60.0,
        ).strip()
        if said.startswith(("ERR ", "NOAUTH", "WRONGPASS", "NOPERM", "MISCONF", "READONLY")):
            raise BackupError(f"cache {self.host}: {words[0]}: {said}")
        return said

    def info(self, section: str) -> dict[str, str]:
        """Return what it says of itself."""
        return dict(line.strip().split(":", 1) for line in self.ask("INFO", section).splitlines() if ":" in line)

    def keys(self) -> int:
        """Return how many keys there are in all databases."""
        return sum(
            int(value.split("keys=")[1].split(",")[0])
            for key, value in self.info("keyspace").items()
            if key[:2] == "db"
        )


def live(part: Part) -> _Redis:
    """Return the live server of a cache."""
    return _Redis(part.text("host"), int(part.text("port")), part.secret("password_file"))


def recover(part: Part) -> bool:
    """End what an interrupted restore has left: a server that waits for one that is gone. Returns whether it did."""
    server = live(part)
    state = server.info("replication")
    if state.get("role") != "slave" or state.get("master_port") != str(PORT):
        return False
    _stand_alone(server)
    return True


def restore(part: Part, snapshot: Path, folder: Path, report: Report) -> int:
    """Give a live server the content of a snapshot; return how many keys it has then.

    Raises:
        NotVerifiedError: Afterwards it has another number of keys than the snapshot.
        BackupError: It did not take it; it has its old content then.
    """
    server = live(part)
    report.phase("restore", store=part.name)
    with _serving(snapshot, folder) as source:
        # The address of this container on the network that the two share.
        with socket.create_connection((server.host, server.port), timeout=10) as probe:
            own = str(probe.getsockname()[0])
        server.ask("CONFIG", "SET", "masterauth", source.password)
        try:
            server.ask("REPLICAOF", own, str(source.port))
            _until(lambda: _copied(server), server, "copied the snapshot")
            report.phase("verify", store=part.name)
            expected, found = source.keys(), server.keys()
            _until(lambda: _safe(server), server, "wrote it to its disk")
        finally:
            _stand_alone(server)
    if found != expected:
        raise NotVerifiedError(f"cache {part.name} has {found} keys and the snapshot {expected}")
    return found


def _copied(server: _Redis) -> bool:
    state = server.info("replication")
    return state.get("master_link_status") == "up" and state.get("master_sync_in_progress") == "0"


def _safe(server: _Redis) -> bool:
    """Whether its append-only file, which it writes anew after a copy, is written."""
    state = server.info("persistence")
    waiting = state.get("aof_rewrite_in_progress") != "0" or state.get("aof_rewrite_scheduled") != "0"
    return state.get("aof_enabled") == "0" or not waiting


def _stand_alone(server: _Redis) -> None:
    server.ask("REPLICAOF", "NO", "ONE")
    server.ask("CONFIG", "SET", "masterauth", "")


def _until(condition: Callable[[], bool], server: _Redis, what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise BackupError(f"cache {server.host} has not {what} within {_PATIENCE_S:g} s")
        time.sleep(_POLL_S)


@contextmanager
def _serving(snapshot: Path, folder: Path) -> Iterator[_Redis]:
    """Serve a copy of a snapshot to replicas that know its password."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(snapshot, folder / "dump.rdb")
    password = secrets.token_hex(24)
    config = (
        f"port {PORT}\nbind 0.0.0.0\nrequirepass {password}\ndir {folder}\ndbfilename dump.rdb\n"
        'appendonly no\nsave ""\n'
        "repl-diskless-sync yes\nrepl-diskless-sync-delay 0\n"
    )
    try:
        with tools.secret_file(config) as file, (folder / "log").open("w+", encoding="utf-8") as log:
            process = subprocess.Popen(
                ["redis-server", str(file)],
                env=tools.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                server = _Redis("127.0.0.1", PORT, password)
                _started(server, process, folder / "log")
                yield server
            finally:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(server: _Redis, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if server.ask("PING") == "PONG":
                return
        except BackupError:
            time.sleep(_POLL_S)
    raise BackupError(f"the snapshot can't be loaded: {tools.tail(log.read_text(encoding='utf-8'))}")
