"""What the engine knows of the platform: its state file, which ``slipway`` leaves here after each operation."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway_backup import archive
from slipway_backup.stores.volume import compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from slipway_backup.config import Part
    from slipway_backup.manifest import StoreRecord
    from slipway_backup.report import Report

ARCHIVE: Final = "state.tar"
FACTS: Final = "facts.json"
_OVERHEAD: Final = 1 << 20


@dataclass(frozen=True)
class Checkpoint:
    """The stack's own files."""

    part: Part

    @contextmanager
    def open(self) -> Iterator[OpenCheckpoint]:
        """Nothing has to be held: the files are replaced whole."""
        yield OpenCheckpoint(self.part, Path(self.part.text("folder")))

    def verify(self, files: Path, record: StoreRecord, scratch: Path, report: Report) -> list[str]:  # noqa: ARG002 - of the interface
        """Read the archive to its end and compare each entry and all content."""
        report.phase("verify", store=self.part.name)
        return compare(files / ARCHIVE, record.content)


@dataclass(frozen=True)
class OpenCheckpoint:
    """The stack's own files."""

    part: Part
    folder: Path

    def estimate(self) -> int:
        """Return the bytes of the files."""
        return (archive.size_of(self.folder) if self.folder.exists() else 0) + _OVERHEAD

    def dump(self, folder: Path, report: Report) -> Mapping[str, Any]:
        """Archive the files; a platform that was deployed by plain Pulumi may have none."""
        self.folder.mkdir(exist_ok=True)
        with (folder / ARCHIVE).open("wb") as out:
            found = archive.write(self.folder, out)
        facts = self.folder / FACTS
        deployed = json.loads(facts.read_text(encoding="utf-8")).get("deployed") if facts.exists() else None
        if deployed is None:
            report.warning("the stack's state is not part of this set: slipway up or slipway backup puts it there")
        return {"entries": found.entries, "digest": found.digest(), "deployed": deployed}
