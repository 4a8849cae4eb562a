"""A PostgreSQL server without a network listener. It keeps nothing safe, which makes it quick."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway_backup import tools

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

USER: Final = "slipway_scratch"
_SETTINGS: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "maintenance_work_mem": "96MB",
    # /dev/shm of a container is small.
    "dynamic_shared_memory_type": "mmap",
    "max_parallel_maintenance_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "logging_collector": "off",
}


@dataclass(frozen=True)
class ScratchPostgres:
    """A running server."""

    socket: Path
    """Folder of its Unix socket."""
    data: Path

    @property
    def env(self) -> dict[str, str]:
        """What a client needs."""
        return {"PGHOST": str(self.socket), "PGUSER": USER, "PGDATABASE": "postgres", "PGCONNECT_TIMEOUT": "30"}

    def run(self, *command: str) -> str:
        """Run a client of this server."""
        return tools.run(command, self.env)


@contextmanager
def scratch_postgres(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[ScratchPostgres]:
    """Make a cluster in an empty folder and run it.

    Args:
        folder: Where; gone afterwards.
        settings: Parameters beside those that make it quick.
    """
    data = folder / "data"
    # The path of a socket may have 107 bytes.
    socket = Path(tempfile.mkdtemp(prefix="scratch-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        tools.run(
            [
                *("initdb", "--pgdata", str(data), "--username", USER, "--auth", "trust", "--encoding", "UTF8"),
                *("--locale", "C", "--data-checksums", "--no-sync", "--no-instructions"),
            ]
        )
        with (folder / "log").open("w+", encoding="utf-8") as log:
            flags = [
                flag for key, value in {**_SETTINGS, **(settings or {})}.items() for flag in ("-c", f"{key}={value}")
            ]
            process = subprocess.Popen(
                ["postgres", "-D", str(data), "-k", str(socket), *flags],
                env=tools.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                # Of its own group, so that a Ctrl-C at a terminal is not the server's.
                start_new_session=True,
            )
            try:
                server = ScratchPostgres(socket, data)
                _wait(server, process, folder / "log")
                yield server
            finally:
                process.terminate()
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    # SIGQUIT: its own children end with it.
                    os.kill(process.pid, 3)
                    process.wait()
    finally:
        shutil.rmtree(socket, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: ScratchPostgres, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        done = subprocess.run(
            ["pg_isready", "--quiet", "--timeout", "1"], env=tools.environment(server.env), check=False
        )
        if done.returncode == 0:
            return
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
    raise tools.BackupError(f"the scratch server did not start: {tools.tail(log.read_text(encoding='utf-8'))}")
