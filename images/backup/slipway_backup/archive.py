"""Folders as tar archives, with a digest of what is in them that reading the archive gives again."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OWN: Final = ".slipway-restore"
"""A folder in a volume's root in which a restore keeps what it replaced: no data of the platform's."""
_CHUNK: Final = 1 << 18
_ZEROS: Final = b"\0" * _CHUNK


@dataclass
class Summary:
    """What an archive holds."""

    entries: int = 0
    bytes: int = 0
    changed: list[str] = field(default_factory=list)
    """Files that were written or vanished while they were read; only who writes an archive knows."""
    lines: list[str] = field(default_factory=list)

    def add(self, entry: tarfile.TarInfo, content: str) -> None:
        """Count an entry with the hash of its content."""
        self.entries += 1
        self.bytes += entry.size if entry.isreg() else 0
        facts = [entry.name, entry.type.decode(), entry.mode, entry.uid, entry.gid, entry.size, int(entry.mtime)]
        self.lines.append(json.dumps([*facts, entry.linkname, content]))

    def digest(self) -> str:
        """Return a hash of all entries, whatever their order."""
        return hashlib.sha256("\n".join(sorted(self.lines)).encode()).hexdigest()


def write(folder: Path, out: IO[bytes], progress: Callable[[int], None] = lambda _: None) -> Summary:
    """Write a folder as an archive.

    A file that gets shorter while it is read is filled up with zeros, one that vanished is left out; both are named.

    Raises:
        OSError: Something can't be read.
    """
    summary = Summary()
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for path in _walk(folder):
            name = path.relative_to(folder).as_posix()
            try:
                entry = archive.gettarinfo(path, arcname=name)
                # A socket is no data, and a hard link is a file with the same content.
                if entry is None:
                    continue
                if entry.islnk():
                    entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", path.stat().st_size
                # Which is exact in both, and what a restore can set.
                entry.mtime = int(entry.mtime)
                entry.mode &= 0o7777
                entry.uname = entry.gname = ""
                if not entry.isreg():
                    archive.addfile(entry)
                    summary.add(entry, "")
                    continue
                with path.open("rb") as stream:
                    reader = _Exactly(stream, entry.size)
                    archive.addfile(entry, reader)  # type: ignore[arg-type]  # it reads, which is what is needed
            except FileNotFoundError:
                summary.changed.append(name)
                continue
            if reader.short:
                summary.changed.append(name)
            summary.add(entry, reader.digest.hexdigest())
            progress(summary.bytes)
    return summary


def read(file: Path) -> Summary:
    """Read an archive to its end and say what it holds.

    Raises:
        tarfile.TarError, OSError, EOFError: It is damaged.
    """
    summary = Summary()
    with tarfile.open(file, mode="r:") as archive:
        for entry in archive:
            digest = hashlib.sha256()
            content = ""
            if entry.isreg():
                stream = archive.extractfile(entry)
                assert stream is not None  # noqa: S101 - asked for
                left = entry.size
                while left:
                    chunk = stream.read(min(left, _CHUNK))
                    if not chunk:
                        raise EOFError(f"{entry.name} ends early")
                    digest.update(chunk)
                    left -= len(chunk)
                content = digest.hexdigest()
            summary.add(entry, content)
    return summary


def size_of(folder: Path) -> int:
    """Return the bytes of a folder's files."""
    return sum(path.lstat().st_size for path in _walk(folder) if stat.S_ISREG(path.lstat().st_mode))


def _walk(folder: Path) -> Iterator[Path]:
    """Yield all that is in a folder; one that can't be entered is an error and not empty."""

    def fail(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for place, folders, files in os.walk(folder, onerror=fail):
        if Path(place) == folder:
            folders[:] = [name for name in folders if name != OWN]
        folders.sort()
        for name in sorted([*folders, *files]):
            yield Path(place, name)


class _Exactly:
    """Reads as many bytes as the archive's header has promised, and hashes them."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._left = size
        self.short = False
        self.digest: Any = hashlib.sha256()

    def read(self, size: int = _CHUNK) -> bytes:
        wanted = min(size, self._left)
        data = self._stream.read(wanted)
        if len(data) < wanted:
            self.short = True
            data += (_ZEROS * (wanted // _CHUNK + 1))[: wanted - len(data)]
        self._left -= len(data)
        self.digest.update(data)
        return data
