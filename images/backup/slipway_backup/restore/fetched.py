"""What is taken back from a destination: every file with the hash that the manifest gives, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway_backup import files, manifest
from slipway_backup.destinations import repositories
from slipway_backup.errors import BackupError, DestinationError, NoSuchSetError, NotVerifiedError, PassphraseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from slipway_backup.config import Config
    from slipway_backup.manifest import Manifest, StoreRecord
    from slipway_backup.report import Report
    from slipway_backup.restic import Repository, Snapshot

LATEST = "latest"


@dataclass(frozen=True)
class Fetched:
    """A store of a set, on this disk."""

    manifest: Manifest
    record: StoreRecord
    files: Path
    """The folder with its files."""


@dataclass(frozen=True)
class Wanted:
    """What is to be fetched."""

    store: str
    """The store."""
    set_id: str = LATEST
    """The set, or ``latest``: the newest verified one that was not made for a restore's safety."""
    destination: str | None = None
    """The destination to take it from. Default: any."""

    def __str__(self) -> str:
        """Return how it is called."""
        return "a verified set" if self.set_id == LATEST else f"a set {self.set_id}"


def fetch_store(config: Config, wanted: Wanted, folder: Path, report: Report) -> Fetched:
    """Fetch one store of a set from the first destination that has it whole.

    Args:
        config: The configuration.
        wanted: Of which set.
        folder: An empty folder for the files.
        report: Is told of destinations that could not give it.

    Raises:
        NoSuchSetError: No destination has that set, or it has no such store.
        NotVerifiedError: None has it whole.
        DestinationError: None answers.
        PassphraseError: The passphrase opens none of them.
    """
    failures: list[BackupError] = []
    for repository, snapshot in _found(config, wanted, failures):
        report.phase("fetch", store=wanted.store, destination=repository.name)
        files.remove(folder)
        folder.mkdir(parents=True)
        try:
            return _take(repository, snapshot, wanted.store, folder)
        except (DestinationError, NotVerifiedError, PassphraseError) as error:
            report.warning(f"{error}")
            failures.append(error)
    if failures:
        raise failures[-1]
    raise NoSuchSetError(f"no destination has {wanted}: slipway backup list shows which there are")


def _found(config: Config, wanted: Wanted, failures: list[BackupError]) -> Iterator[tuple[Repository, Snapshot]]:
    """Yield where the set is, of the newest verified set each destination that has it."""
    places: list[tuple[Repository, Snapshot]] = []
    for repository in repositories(config, wanted.destination):
        try:
            places += ((repository, snapshot) for snapshot in repository.snapshots())
        except (DestinationError, PassphraseError) as error:
            failures.append(error)
    chosen = wanted.set_id
    if chosen == LATEST:
        chosen = max(
            (snapshot.id for _, snapshot in places if snapshot.verified and snapshot.trigger != "safety"), default=""
        )
    yield from ((repository, snapshot) for repository, snapshot in places if snapshot.id == chosen)


def _take(repository: Repository, snapshot: Snapshot, store: str, folder: Path) -> Fetched:
    found = manifest.parse(
        repository.read(snapshot, manifest.NAME), f"{repository.name}: {snapshot.id}/{manifest.NAME}"
    )
    record = next((item for item in found.stores if item.name == store), None)
    if record is None:
        names = ", ".join(item.name for item in found.stores)
        raise NoSuchSetError(f"set {snapshot.id} has no store {store}; it has: {names}")
    place = f"{record.kind}/{record.name}"
    repository.fetch(snapshot, folder, only=f"/{place}")
    for file in record.files:
        there = folder / file.path
        if not there.is_file():
            raise NotVerifiedError(f"destination {repository.name}: set {snapshot.id} lacks {file.path}")
        if there.stat().st_size != file.bytes or files.sha256_of(there) != file.sha256:
            raise NotVerifiedError(
                f"destination {repository.name}: {file.path} of set {snapshot.id} is not what was backed up:"
                f" its SHA-256 differs from the manifest's"
            )
    return Fetched(found, record, folder / place)
