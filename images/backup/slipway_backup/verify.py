"""Whether a set can be had back and holds what it should: fetched, hashed, restored into scratch servers, compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway_backup import files, manifest
from slipway_backup.config import Config, Part
from slipway_backup.errors import BackupError, NotVerifiedError
from slipway_backup.stores import store_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from slipway_backup.manifest import Manifest, StoreRecord
    from slipway_backup.report import Report
    from slipway_backup.restic import Repository, Snapshot


def fetch(repository: Repository, snapshot: Snapshot, folder: Path, report: Report) -> Manifest:
    """Write a set to an empty folder and compare each file with its manifest.

    Raises:
        NotVerifiedError: It is not what was stored; each difference is named.
        DestinationError: It can't be had.
    """
    report.phase("fetch", destination=repository.name)
    files.remove(folder)
    folder.mkdir(parents=True)
    repository.fetch(snapshot, folder)
    found = manifest.read(folder)
    if found.id != snapshot.id:
        raise NotVerifiedError(f"destination {repository.name}: what is stored as {snapshot.id} is {found.id}")
    if told := differences(found, folder):
        raise NotVerifiedError(f"destination {repository.name}: {snapshot.id}: {'; '.join(told)}")
    return found


def differences(wanted: Manifest, folder: Path) -> list[str]:
    """Return how the files of a folder differ from what a manifest says of them."""
    told = []
    listed = {record.path: record for store in wanted.stores for record in store.files}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {manifest.NAME}
    told += [f"{path} is missing" for path in sorted(listed.keys() - there)]
    told += [f"{path} is not in the manifest" for path in sorted(there - listed.keys())]
    for path in sorted(listed.keys() & there):
        file, record = folder / path, listed[path]
        if file.stat().st_size != record.bytes:
            told.append(f"{path} has {file.stat().st_size} bytes instead of {record.bytes}")
        elif files.sha256_of(file) != record.sha256:
            told.append(f"{path} has other content")
    return told


def folder_of(base: Path, record: StoreRecord) -> Path:
    """Return where the files of a store lie in a set."""
    return base / record.kind / record.name


def restored(config: Config, wanted: Manifest, folder: Path, report: Report) -> None:
    """Restore every store of a fetched set into scratch servers and compare.

    Raises:
        NotVerifiedError: It differs; each difference is named.
    """
    told: list[str] = []
    for record in wanted.stores:
        told += [f"{record.name}: {text}" for text in _store(config, record, folder, report)]
    if told:
        raise NotVerifiedError(f"{wanted.id} does not hold what was backed up: {'; '.join(told)}")


def _store(config: Config, record: StoreRecord, folder: Path, report: Report) -> Iterable[str]:
    # What a set holds says how it is verified, not what the platform is by now.
    store = store_of(Part(record.name, record.kind, {"socket": "", "folder": "", "url": ""}), config)
    scratch = config.work / "scratch" / record.name
    files.remove(scratch)
    try:
        return store.verify(folder_of(folder, record), record, scratch, report)
    except BackupError as error:
        return [str(error)]
    finally:
        files.remove(scratch)
