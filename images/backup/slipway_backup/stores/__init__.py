"""What can be backed up. A new kind is a module with a class, and a line in :func:`store_of`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from slipway_backup.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from slipway_backup.config import Config, Part
    from slipway_backup.manifest import StoreRecord
    from slipway_backup.report import Report


class OpenStore(Protocol):
    """A store whose state is held: what is dumped is what it was when it was opened."""

    def estimate(self) -> int:
        """Return about how many bytes its files will have, and its scratch copy with them."""

    def dump(self, folder: Path, report: Report) -> Mapping[str, Any]:
        """Write its files to an empty folder and return what the manifest says of its content."""


class Store(Protocol):
    """Something that holds data."""

    def open(self) -> AbstractContextManager[OpenStore]:
        """Hold its state."""

    def verify(self, files: Path, record: StoreRecord, scratch: Path, report: Report) -> list[str]:
        """Restore fetched files into a scratch server and return each difference in words; none if there is none.

        Args:
            files: Folder with what :meth:`OpenStore.dump` wrote.
            record: What the manifest says.
            scratch: An empty folder for the server; its files may be left there.
            report: Takes the progress.
        """


def store_of(part: Part, config: Config) -> Store:
    """Return the store that a part of the configuration means.

    Raises:
        ConfigError: There is no such kind.
    """
    # Imported late: each needs libraries and tools of its own.
    if part.kind == "postgres":
        from slipway_backup.stores.postgres import Postgres  # noqa: PLC0415 - only where it is needed

        return Postgres(part)
    if part.kind == "redis":
        from slipway_backup.stores.redis import Redis  # noqa: PLC0415 - only where it is needed

        return Redis(part, config.work / "scratch")
    if part.kind == "volume":
        from slipway_backup.stores.volume import Volume  # noqa: PLC0415 - only where it is needed

        return Volume(part)
    if part.kind == "checkpoint":
        from slipway_backup.stores.checkpoint import Checkpoint  # noqa: PLC0415 - only where it is needed

        return Checkpoint(part)
    if part.kind == "qdrant":
        from slipway_backup.stores.qdrant import Qdrant  # noqa: PLC0415 - only where it is needed

        return Qdrant(part)
    if part.kind == "ollama":
        from slipway_backup.stores.ollama import Ollama  # noqa: PLC0415 - only where it is needed

        return Ollama(part)
    raise ConfigError(
        f"store {part.name}: there is no kind {part.kind};"
        " there are postgres, redis, volume, checkpoint, qdrant and ollama"
    )
