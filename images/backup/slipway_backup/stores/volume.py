"""A named volume, as its reader hands it out.

Live, so that what is written meanwhile is as a crash would leave it; or, where the configuration names a pauser, with
all that writes it held meanwhile, and never live instead.
"""

from __future__ import annotations

import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway_backup import archive, reader
from slipway_backup.errors import BackupError
from slipway_backup.pausing import client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from slipway_backup.config import Part
    from slipway_backup.manifest import StoreRecord
    from slipway_backup.report import Report

ARCHIVE: Final = "files.tar"
_MOST_SHOWN: Final = 5
_OVERHEAD: Final = 1 << 20
_TRIES: Final = 3
"""A deployment may replace what is held; it is not likely to do so three times in a row."""


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
        pauser = self.part.options.get("pauser")
        said = self._take(file, report) if pauser is None else self._take_held(Path(pauser), file, report)
        if told := compare(file, said):
            raise BackupError(f"volume {self.part.name}: the archive is not what was read: {told[0]}")
        if changed := said["changed"]:
            shown = ", ".join(changed[:_MOST_SHOWN])
            if pauser is not None:
                raise BackupError(
                    f"volume {self.part.name}: files changed while its services were paused: {shown};"
                    " something writes it that Docker does not know of"
                )
            report.warning(f"volume {self.part.name}: {len(changed)} files changed while they were read: {shown}")
        return said

    def _take_held(self, pauser: Path, file: Path, report: Report) -> dict[str, Any]:
        """Take the archive while all that writes the volume is held, from its first byte to its last."""
        broken = ""
        for _ in range(_TRIES):
            report.phase("hold", store=self.part.name)
            with client.hold(pauser, self.part.name) as held:
                said = self._take(file, report, held.check)
                ended = held.release()
            if ended.broken is None:
                return {**said, "paused": {"seconds": ended.seconds, "containers": list(held.held)}}
            broken = ended.broken
            report.warning(f"volume {self.part.name}: {broken}, so it is archived anew")
        raise BackupError(
            f"volume {self.part.name} could not be archived with its services paused, in {_TRIES} tries: {broken};"
            " wait for the end of a deployment or restore, then slipway backup"
        )

    def _take(self, file: Path, report: Report, check: Callable[[], None] = lambda: None) -> dict[str, Any]:
        def told(done: int) -> None:
            check()
            report.progress("dump", done, self.size, store=self.part.name)

        with file.open("wb") as out:
            said: dict[str, Any] = reader.ask(self.place, "tar", out, told)
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
