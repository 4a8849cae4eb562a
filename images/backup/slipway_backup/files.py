"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from typing import TYPE_CHECKING, Final

from slipway_backup.errors import SpaceError
from slipway_backup.manifest import FileRecord

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK: Final = 1 << 20
_MIB: Final = 1 << 20
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What a disk that is full answers."""


def sha256_of(file: Path) -> str:
    """Return the hash of a file's content."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def record(file: Path, base: Path) -> FileRecord:
    """Bring a file to the disk and say what it is."""
    sync(file)
    return FileRecord(file.relative_to(base).as_posix(), file.stat().st_size, sha256_of(file))


def sync(path: Path) -> None:
    """Bring a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(file: Path, text: str) -> None:
    """Write a file so that there is the old one or the whole new one."""
    aside = file.with_name(f"{file.name}.partial")
    with aside.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(file)
    sync(file.parent)


def append(file: Path, line: str) -> None:
    """Add a line; one that was cut off by a crash does not spoil the next."""
    with file.open("ab+") as stream:
        if stream.tell():
            stream.seek(-1, os.SEEK_END)
            if stream.read(1) != b"\n":
                stream.write(b"\n")
        stream.write(line.encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def publish(partial: Path, final: Path) -> None:
    """Give a complete folder its name: the moment from which it is one."""
    for folder in [path for path in partial.rglob("*") if path.is_dir()]:
        sync(folder)
    sync(partial)
    partial.rename(final)
    sync(final.parent)


def remove(path: Path) -> None:
    """Remove a folder with all that is in it, if it is there."""
    if path.exists():
        shutil.rmtree(path)


def empty(folder: Path) -> None:
    """Remove all that is in a folder, but not the folder; make it if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)  # whoever it was of may have removed it


def size_of(folder: Path) -> int:
    """Return the bytes in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def need_space(folder: Path, needed: int, what: str) -> None:
    """Refuse to begin what would fill a disk.

    Raises:
        SpaceError: Less is free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SpaceError(
            f"{what} needs about {needed // _MIB + 1} MiB in {folder} and {free // _MIB} MiB are free:"
            " free space on that disk, or keep fewer sets"
        )
