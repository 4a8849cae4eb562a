"""A named volume, as its reader hands it out; live, so that what is written meanwhile is as a crash would leave it."""

from __future__ import annotations

import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway_backup import archive, reader
from slipway_backup.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from slipway_backup.config import Part
    from slipway_backup.manifest import StoreRecord
    from slipway_backup.report import Report

ARCHIVE: Final = "files.tar"
_MOST_SHOWN: Final = 5
_OVERHEAD: Final = 1 << 20


@dataclass(frozen=True)
class Volume:
    """A volume of the platform."""

    part: Part

    @contextmanager
    def open(self) -> Iterator[OpenVolume]:
        """See that its reader answers."""
        place = Path(self.part.text("socket"))
        yield OpenVolume(self.part, place, int(reader.ask(place, "estimate")["bytes"]))

    def verify(self, files: Path, record: StoreRecord, scratch: Path, report: Report) -> list[str]:  # noqa: ARG002 - of the interface
        """Read the archive to its end and compare each entry and all content."""
        report.phase("verify", store=self.part.name)
        return compare(files / ARCHIVE, record.content)


@dataclass(frozen=True)
class OpenVolume:
    """A volume whose reader answers."""

    part: Part
    place: Path
    size: int

    def estimate(self) -> int:
        """Return the bytes of its files, and some for their names."""
        return self.size + _OVERHEAD

    def dump(self, folder: Path, report: Report) -> Mapping[str, Any]:
        """Take the archive, and see that it holds what its reader has read."""
        file = folder / ARCHIVE
        with file.open("wb") as out:
            said = reader.ask(
                self.place, "tar", out, lambda done: report.progress("dump", done, self.size, store=self.part.name)
            )
        if told := compare(file, said):
            raise BackupError(f"volume {self.part.name}: the archive is not what was read: {told[0]}")
        if changed := said["changed"]:
            shown = ", ".join(changed[:_MOST_SHOWN])
            report.warning(f"volume {self.part.name}: {len(changed)} files changed while they were read: {shown}")
        return said


def compare(file: Path, wanted: Mapping[str, Any]) -> list[str]:
    """Return how an archive differs from what is said of it."""
    try:
        found = archive.read(file)
    except (tarfile.TarError, OSError, EOFError) as error:
        return [f"{file.name} can't be read to its end: {error}"]
    if found.entries != wanted["entries"]:
        return [f"{found.entries} entries instead of {wanted['entries']}"]
    return [] if found.digest() == wanted["digest"] else [f"other content in its {found.entries} entries"]
