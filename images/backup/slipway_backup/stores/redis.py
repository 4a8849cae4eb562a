"""A Redis server: a snapshot as a replica gets it, which is one moment of all its databases."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from slipway_backup import tools
from slipway_backup.errors import BackupError
from slipway_backup.scratch.redis import scratch_redis

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from slipway_backup.config import Part
    from slipway_backup.manifest import StoreRecord
    from slipway_backup.report import Report

SNAPSHOT: Final = "dump.rdb"
_TIMES_SIZE: Final = 2
_LONG_S: Final = 3600.0


@dataclass(frozen=True)
class Redis:
    """A cache or queue of the platform."""

    part: Part
    scratch: Path
    """Where a server may stand that counts what a snapshot holds."""

    @contextmanager
    def open(self) -> Iterator[OpenRedis]:
        """See that it answers; Redis holds no snapshot for a client, so the dump is its moment."""
        store = OpenRedis(self.part, self.scratch / f"count-{self.part.name}")
        store.info()
        yield store

    def verify(self, files: Path, record: StoreRecord, scratch: Path, report: Report) -> list[str]:
        """Load the snapshot into a scratch server and compare."""
        report.phase("verify", store=self.part.name)
        with scratch_redis(files / SNAPSHOT, scratch) as server:
            keys, digest = server.keys(), server.digest()
        told = []
        if keys != record.content["keys"]:
            told.append(f"{keys} keys instead of {record.content['keys']}")
        elif digest != record.content["digest"]:
            told.append(f"other content in its {keys} keys")
        return told


@dataclass(frozen=True)
class OpenRedis:
    """A server that answered."""

    part: Part
    counting: Path

    def info(self) -> dict[str, str]:
        """Return what it says of itself.

        Raises:
            BackupError: It does not answer.
        """
        text = self._cli("INFO")
        found = dict(line.strip().split(":", 1) for line in text.splitlines() if ":" in line)
        if "redis_version" not in found:
            raise BackupError(f"cache {self.part.name}: can't be asked: {tools.tail(text)}")
        return found

    def estimate(self) -> int:
        """Take its memory for the size of a snapshot, which is smaller."""
        return int(self.info()["used_memory"]) * _TIMES_SIZE

    def dump(self, folder: Path, report: Report) -> Mapping[str, Any]:
        """Get a snapshot, and count what it holds."""
        file = folder / SNAPSHOT
        self._cli("--rdb", str(file))
        report.progress("dump", file.stat().st_size, file.stat().st_size, store=self.part.name)
        with scratch_redis(file, self.counting) as server:
            keys, digest = server.keys(), server.digest()
        return {"server_version": self.info()["redis_version"], "keys": keys, "digest": digest}

    def _cli(self, *words: str) -> str:
        command = ["redis-cli", "-h", self.part.text("host"), "-p", self.part.text("port"), *words]
        # Redis's client takes a password from its arguments or its environment only.
        return tools.run(command, {"REDISCLI_AUTH": self.part.secret("password_file")}, timeout_s=_LONG_S)
