"""A file that some other tool made: recognised by its content, and refused for what it is before it is restored."""

from __future__ import annotations

import gzip
import re
import secrets
import shutil
import subprocess
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from slipway_backup.errors import NotVerifiedError
from slipway_backup.restore.server import tail
from slipway_backup.restore.sql_lines import Line, lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CUSTOM: Final = "custom"
TAR: Final = "tar"
SQL: Final = "sql"

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_TAR_AT: Final = 257
_CHUNK: Final = 1 << 20
_OUTER_MOST: Final = 4
_HEAD: Final = 4
_CLUSTER: Final = b"-- PostgreSQL database cluster dump"
_LAST: Final = b"-- PostgreSQL database dump complete"
_VERSION: Final = re.compile(rb"Dumped from database version:? (\d+)")
_WHOSE: Final = re.compile(
    rb"^(?:ALTER .* OWNER TO [^;]*|ALTER DEFAULT PRIVILEGES [^;]*|GRANT [^;]*|REVOKE [^;]*);\s*$"
)
_ELSEWHERE: Final = re.compile(rb"^(?:CREATE DATABASE\b|DROP DATABASE\b|\\c(?:onnect)? )", re.IGNORECASE)
_NOTE: Final = re.compile(rb"^COMMENT ON EXTENSION\b")
"""Whoever made an extension may not be who loads the file."""
_NOTE_ENTRY: Final = re.compile(rb"^\d+; \d+ \d+ COMMENT - EXTENSION ")
_RESTRICTED: Final = (b"\\restrict ", b"\\unrestrict ")


class RefusedFileError(NotVerifiedError):
    """A file is not what it should be; the live database was not touched."""


@dataclass(frozen=True)
class Foreign:
    """A dump, unpacked."""

    file: Path
    format: str
    """``custom``, ``tar`` or ``sql``."""
    major: int | None
    """The major version of the server that it was made from, if it says so."""


def unpack(file: Path, folder: Path) -> Path:
    """Return the file without what compresses it, however often: gzip and zstd, by their content.

    Raises:
        RefusedFileError: It is cut off or damaged.
    """
    for number in range(_OUTER_MOST):
        with file.open("rb") as stream:
            magic = stream.read(len(_ZSTD))
        if not magic.startswith((_GZIP, _ZSTD)):
            return file
        target = folder / f"unpacked-{number}"
        (_gunzip if magic.startswith(_GZIP) else _unzstd)(file, target)
        file = target
    raise RefusedFileError(f"{file.name} is compressed more than {_OUTER_MOST} times over")


def recognise(file: Path, name: str) -> Foreign:
    """Say what an unpacked file is.

    Args:
        file: The file.
        name: What the user calls it.

    Raises:
        RefusedFileError: It is no dump of one database, or is cut off.
    """
    with file.open("rb") as stream:
        start = stream.read(512)
    if start.startswith(b"PGDMP"):
        return _archive(file, name, CUSTOM)
    if start[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return _archive(file, name, TAR)
    if b"\0" in start or not start.strip():
        raise RefusedFileError(
            f"{name} is no dump of PostgreSQL: allowed are pg_dump's custom, tar and SQL formats, also in gzip or zstd"
        )
    return _sql(file, name)


def _archive(file: Path, name: str, kind: str) -> Foreign:
    listed = _pg_restore(name, "--list", str(file))
    _pg_restore(name, "--file", "/dev/null", str(file))  # reads it to its end
    found = _VERSION.search(listed)
    return Foreign(file, kind, int(found[1]) if found else None)


def _pg_restore(name: str, *arguments: str) -> bytes:
    done = subprocess.run(["pg_restore", *arguments], capture_output=True, check=False)
    if done.returncode:
        said = tail(done.stderr.decode(errors="replace"))
        newer = "; it was made by a newer pg_dump than this one" if "unsupported version" in said else ""
        raise RefusedFileError(f"{name} can't be read: {said}{newer}")
    return done.stdout


def _sql(file: Path, name: str) -> Foreign:
    major, complete = None, False
    with file.open("rb") as stream:
        for line in lines(stream):
            if line.rows:
                continue
            if line.number <= _HEAD and line.text.startswith(_CLUSTER):
                raise RefusedFileError(f"{name} is of a whole server (pg_dumpall): dump the one database with pg_dump")
            if line.starts and _ELSEWHERE.match(line.text):
                raise RefusedFileError(
                    f"{name}, line {line.number}: {_quoted(line)} leads to another database: dump it without --create"
                )
            if line.meta and not (line.starts and line.text.startswith(_RESTRICTED)):
                raise RefusedFileError(
                    f"{name}, line {line.number}: {_quoted(line)} has a command for psql, not SQL: take it out"
                )
            if major is None and (found := _VERSION.search(line.text)):
                major = int(found[1])
            complete = complete or line.text.startswith(_LAST)
    if major is not None and not complete:
        raise RefusedFileError(f"{name} is cut off: it does not end with {_LAST.decode()!r}")
    return Foreign(file, SQL, major)


def statements(foreign: Foreign) -> Iterator[bytes]:
    """Yield the lines of a dump in SQL for psql, without owners and privileges: those roles are elsewhere.

    The first one forbids psql commands of its own, such as one that runs a program.
    """
    key = secrets.token_hex(16).encode()
    yield b"\\restrict " + key + b"\n"
    with foreign.file.open("rb") as stream:
        for line in lines(stream):
            if line.starts and any(pattern.match(line.text) for pattern in (_WHOSE, _NOTE)):
                continue
            if line.starts and line.text.startswith(_RESTRICTED):
                continue
            yield line.text


def contents(archive: Path, folder: Path) -> Path:
    """Write the list of what to take from an archive: everything but remarks on extensions; return the list's file.

    Raises:
        RefusedFileError: The archive can't be read.
    """
    listed = _pg_restore(archive.name, "--list", str(archive)).splitlines(keepends=True)
    file = folder / "contents"
    file.write_bytes(b"".join(line for line in listed if not _NOTE_ENTRY.match(line)))
    return file


def _quoted(line: Line) -> str:
    return repr(line.text[:60].decode(errors="replace").strip())


def _gunzip(source: Path, target: Path) -> None:
    try:
        with gzip.open(source, "rb") as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain, _CHUNK)
    except (OSError, EOFError, zlib.error) as error:
        raise RefusedFileError(f"the gzip of {source.name} is cut off or damaged: {error}") from None


def _unzstd(source: Path, target: Path) -> None:
    done = subprocess.run(["zstd", "-dqf", str(source), "-o", str(target)], capture_output=True, check=False)
    if done.returncode:
        raise RefusedFileError(
            f"the zstd of {source.name} is cut off or damaged: {tail(done.stderr.decode(errors='replace'))}"
        )
