"""A build context: its files, the digest by which the provider notices a change, and the archive for the daemon."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.providers.docker.build_ignore import IgnoreRule, ignored, read_rules, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTSIDE_NAME = ".dockerfile.embedded"
"""The name in the archive of a Dockerfile that lies outside of the context."""


@dataclass(frozen=True)
class BuildContext:
    """A folder and a Dockerfile, as the program names them (relative to its working directory)."""

    folder: str
    dockerfile: str

    @property
    def relative_dockerfile(self) -> str:
        """The Dockerfile seen from the context; begins with ``../`` if it lies outside."""
        return Path(os.path.relpath(self.dockerfile, self.folder)).as_posix()

    def files(self, rules: list[IgnoreRule]) -> Iterator[tuple[str, os.stat_result]]:
        """Yield each file that counts, by its path within the context, in the order of names."""
        yield from _walk(Path(self.folder), "", rules)

    def digest(self) -> str:
        """Return the digest of Dockerfile, names, modes and contents, as the real provider computes it."""
        total = hashlib.sha256()
        # First the Dockerfile's content under a fixed name, so that moving it is no change; then every file.
        total.update(_entry("Dockerfile", "-" * 10, _file_hash(Path(self.dockerfile))))
        for name, status in self.files(read_rules(Path(self.folder), Path(self.dockerfile))):
            content = _content_hash(Path(self.folder, name), status)
            total.update(_entry(name, mode_text(status.st_mode), content))
        return total.hexdigest()

    def archive(self) -> tuple[bytes, str]:
        """Pack the context for the daemon; return the tar and the Dockerfile's name in it."""
        inside = self.relative_dockerfile
        rules = read_rules(Path(self.folder), Path(self.dockerfile))
        outside = inside.startswith("../")
        rules += [rule(".dockerignore", keeps=True), *([] if outside else [rule(inside, keeps=True)])]
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, _ in self.files(rules):
                archive.add(Path(self.folder, name), name, recursive=False, filter=_owned_by_root)
            if outside:
                archive.add(self.dockerfile, OUTSIDE_NAME, recursive=False, filter=_owned_by_root)
        return buffer.getvalue(), OUTSIDE_NAME if outside else inside


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _walk(root: Path, prefix: str, rules: list[IgnoreRule]) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(root / prefix) as found:
        entries = sorted(found, key=lambda entry: os.fsencode(entry.name))
    for entry in entries:
        name = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, f"{name}/", rules)
        elif not ignored(name, rules):
            yield name, entry.stat(follow_symlinks=False)


def _entry(name: str, mode: str, content: bytes) -> bytes:
    return name.encode() + mode.encode() + content + b"\0"


def _content_hash(path: Path, status: os.stat_result) -> bytes:
    if stat.S_ISLNK(status.st_mode):
        return hashlib.sha256(_resolved(path).encode()).digest()
    if not stat.S_ISREG(status.st_mode):
        return hashlib.sha256().digest()
    return _file_hash(path)


def _file_hash(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _resolved(path: Path) -> str:
    """Follow links as Go's ``EvalSymlinks``: relative paths stay relative unless a link leads to an absolute one."""
    real = os.path.realpath(path)
    if path.is_absolute() or path.readlink().is_absolute():
        return real
    return Path(os.path.relpath(real, os.path.realpath("."))).as_posix()


def mode_text(mode: int) -> str:
    """Write a file mode as Go does: ``-rw-r--r--``, ``Lrwxrwxrwx``, ``urwxr-xr-x``."""
    letters = (
        (stat.S_ISDIR(mode), "d"),
        (stat.S_ISLNK(mode), "L"),
        (stat.S_ISBLK(mode) or stat.S_ISCHR(mode), "D"),
        (stat.S_ISFIFO(mode), "p"),
        (stat.S_ISSOCK(mode), "S"),
        (bool(mode & stat.S_ISUID), "u"),
        (bool(mode & stat.S_ISGID), "g"),
        (stat.S_ISCHR(mode), "c"),
        (bool(mode & stat.S_ISVTX), "t"),
    )
    kind = "".join(letter for applies, letter in letters if applies) or "-"
    bits = "".join(letter if mode & (1 << (8 - place)) else "-" for place, letter in enumerate("rwxrwxrwx"))
    return kind + bits
