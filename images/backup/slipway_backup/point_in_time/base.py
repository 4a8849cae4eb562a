"""A base backup: the files of a running cluster, each with a hash, from which recovery begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from slipway_backup import files, tools
from slipway_backup.errors import NotVerifiedError
from slipway_backup.point_in_time.server import connected, credentials

if TYPE_CHECKING:
    from pathlib import Path

    from slipway_backup.config import Part

_SPARE: Final = 1.2
_FIRST: Final = re.compile(r"^START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)", re.MULTILINE)


@dataclass(frozen=True)
class Base:
    """What is known of a base backup."""

    first: str
    """The first segment of log that recovery needs."""
    bytes: int


def take(part: Part, folder: Path) -> Base:
    """Take a base backup into a folder that is not there yet.

    Raises:
        SpaceError: It would not fit.
        BackupError: The server refused.
        NotVerifiedError: What came is not what was sent.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with connected(part) as server:
        files.need_space(folder.parent, int(server.size() * _SPARE), f"a base backup of {part.name}")
    with credentials(part) as env:
        tools.run(
            [
                *("pg_basebackup", f"--pgdata={folder}", "--format=plain", "--wal-method=none", "--checkpoint=fast"),
                *("--manifest-checksums=SHA256", "--label=slipway", "--no-password"),
            ],
            env,
        )
    check(folder)
    return Base(first_segment(folder), files.size_of(folder))


def check(folder: Path) -> None:
    """Compare every file with the hash that the server gave it.

    Raises:
        NotVerifiedError: One differs, is missing, or is one too many.
    """
    try:
        tools.run(["pg_verifybackup", "--no-parse-wal", "--quiet", str(folder)])
    except tools.BackupError as error:
        raise NotVerifiedError(f"the base backup is not what the server sent: {error}") from None


def first_segment(folder: Path) -> str:
    """Return the first segment of log that a base backup needs.

    Raises:
        NotVerifiedError: It does not say.
    """
    label = folder / "backup_label"
    found = _FIRST.search(label.read_text(encoding="utf-8")) if label.exists() else None
    if found is None:
        raise NotVerifiedError("the base backup has no label that says where its log begins")
    return found[1]
