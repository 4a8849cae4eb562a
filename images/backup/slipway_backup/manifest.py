"""What a set says of itself. A folder without a complete manifest is no set."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from slipway_backup.errors import NotVerifiedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME: Final = "manifest.json"
FORMAT: Final = 1


@dataclass(frozen=True)
class FileRecord:
    """A file of a set."""

    path: str
    """Relative to the set."""
    bytes: int
    sha256: str


@dataclass(frozen=True)
class StoreRecord:
    """What was taken of a store."""

    name: str
    kind: str
    seconds: float
    bytes: int
    files: Sequence[FileRecord]
    content: Mapping[str, Any]
    """What its kind counts and compares."""


@dataclass(frozen=True)
class Manifest:
    """A set."""

    id: str
    project: str
    stack: str
    platform: str
    trigger: str
    started: str
    finished: str
    seconds: float
    bytes: int
    tool: Mapping[str, str]
    stores: Sequence[StoreRecord]
    format: int = FORMAT

    def text(self) -> str:
        """Write it as it stands in a set."""
        return json.dumps(asdict(self), sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def parse(text: str | bytes, where: str = "manifest.json") -> Manifest:
    """Read a manifest.

    Raises:
        NotVerifiedError: It is not complete, or of another format, or names a file outside its set.
    """
    try:
        content = json.loads(text)
        if content["format"] != FORMAT:
            raise NotVerifiedError(
                f"{where} has format {content['format']} and this reads {FORMAT}: use the image that made it"
            )
        stores = [
            StoreRecord(**{**item, "files": tuple(FileRecord(**file) for file in item["files"])})
            for item in content.pop("stores")
        ]
        manifest = Manifest(**content, stores=tuple(stores))
    except (ValueError, KeyError, TypeError) as error:
        raise NotVerifiedError(f"{where} is not complete: {error!r}") from error
    for file in (file for store in manifest.stores for file in store.files):
        if PurePosixPath(file.path).is_absolute() or ".." in PurePosixPath(file.path).parts:
            raise NotVerifiedError(f"{where} names a file outside its set: {file.path}")
    return manifest


def read(folder: Path) -> Manifest:
    """Read the manifest of a set that lies in a folder.

    Raises:
        NotVerifiedError: There is none, or it is not complete.
    """
    file = folder / NAME
    try:
        return parse(file.read_bytes(), str(file))
    except OSError as error:
        raise NotVerifiedError(f"{folder} is no complete set: {NAME}: {error.strerror}") from None
