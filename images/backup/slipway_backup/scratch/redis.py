"""A Redis server without a network listener that loads one snapshot and lets nothing expire."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipway_backup import tools

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class ScratchRedis:
    """A running server."""

    socket: Path

    def ask(self, *command: str) -> str:
        """Return what it answers to a command."""
        return tools.run(["redis-cli", "-s", str(self.socket), *command]).strip()

    def keys(self) -> int:
        """Return how many keys there are in all databases."""
        lines = self.ask("INFO", "keyspace").splitlines()
        return sum(int(line.split("keys=")[1].split(",")[0]) for line in lines if line.startswith("db"))

    def digest(self) -> str:
        """Return a hash of all keys and values that does not depend on their order."""
        return self.ask("DEBUG", "DIGEST")


@contextmanager
def scratch_redis(snapshot: Path, folder: Path) -> Iterator[ScratchRedis]:
    """Run a server on a copy of a snapshot.

    It takes itself for a replica of nobody: a replica keeps what has expired, so that two looks at one snapshot agree.

    Args:
        snapshot: The file.
        folder: Where; gone afterwards.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="scratch-"))
    socket = place / "redis"
    shutil.copyfile(snapshot, folder / "dump.rdb")
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "dir": str(folder),
        "dbfilename": "dump.rdb",
        "appendonly": "no",
        "enable-debug-command": "local",
        "daemonize": "no",
    }
    flags = [word for key, value in settings.items() for word in (f"--{key}", value)]
    try:
        with (folder / "log").open("w+", encoding="utf-8") as log:
            process = subprocess.Popen(
                ["redis-server", *flags, "--save", "", "--replicaof", "127.0.0.1", "1"],
                env=tools.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                _wait(socket, process, folder / "log")
                yield ScratchRedis(socket)
            finally:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(socket: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(6000):
        if process.poll() is not None:
            break
        done = subprocess.run(["redis-cli", "-s", str(socket), "ping"], capture_output=True, text=True, check=False)
        # While it loads it says LOADING.
        if done.stdout.strip() == "PONG":
            return
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
    raise tools.BackupError(f"the snapshot can't be loaded: {tools.tail(log.read_text(encoding='utf-8'))}")
