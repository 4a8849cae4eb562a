"""A volume's files are unpacked inside the volume, compared, and change places with what is there, one by one.

Not one rename: a volume's root can't be renamed from within. So what is under way stands in a file, and whoever comes
next goes on from there; until then the volume's users stand still.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from typing import TYPE_CHECKING, Any, Final

from slipway_backup import archive, files
from slipway_backup.errors import NotVerifiedError, SpaceError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FOLDER: Final = archive.OWN
"""In the volume's root; a backup leaves it out."""
_STATE: Final = "state"
_OUT: Final = "out"
_IN: Final = "in"
_KEPT: Final = "before-"
_NEVER: Final = frozenset({FOLDER, "lost+found"})


def unpack(root: Path, packed: Path, digest: str) -> dict[str, Any]:
    """Unpack an archive beside what is in a volume and compare it.

    Args:
        root: The volume.
        packed: The archive.
        digest: What the manifest says of its content.

    Raises:
        NotVerifiedError: It differs. What was unpacked is removed again.
        SpaceError: There is not enough space.
    """
    go_on(root)
    new = root / FOLDER / "new"
    files.need_space(root, packed.stat().st_size, "unpacking beside what is there")
    files.remove(new)
    new.mkdir(parents=True, mode=0o700)
    try:
        with tarfile.open(packed, mode="r:") as source:
            _check(source.getmembers())
            source.extractall(new, numeric_owner=True)  # noqa: S202 - names were checked, and it is from our own set
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a path object would be no shorter
            found = archive.write(new, nowhere)
        _refuse(found, digest)
    except OSError as error:
        files.remove(new)
        if error.errno in files.FULL:
            raise SpaceError(f"the volume is full: {error.strerror}") from None
        raise
    except BaseException:
        files.remove(new)
        raise
    return {"entries": found.entries}


def _refuse(found: archive.Summary, digest: str) -> None:
    if found.digest() != digest:
        raise NotVerifiedError(f"what was unpacked has other content in its {found.entries} entries than the backup")


def swap(root: Path, moment: str) -> None:
    """Let what was unpacked and what is there change places; what was there is kept under the moment's name."""
    place = root / FOLDER
    (place / f"{_KEPT}{moment}").mkdir(mode=0o700, exist_ok=True)
    files.write(place / _STATE, f"{_OUT} {moment}")
    go_on(root)


def go_on(root: Path) -> bool:
    """Finish a change of places that was interrupted; return whether there was one."""
    place = root / FOLDER
    if not (place / _STATE).exists():
        return False
    step, moment = (place / _STATE).read_text(encoding="utf-8").split()
    old, new = place / f"{_KEPT}{moment}", place / "new"
    if step == _OUT:
        _move((path for path in root.iterdir() if path.name not in _NEVER), old)
        files.write(place / _STATE, f"{_IN} {moment}")
    if new.exists():
        _move(new.iterdir(), root)
        new.rmdir()
    (place / _STATE).unlink()
    files.sync(place)
    return True


def kept(root: Path) -> list[str]:
    """Return the moments at which what was there was replaced, and is kept."""
    place = root / FOLDER
    return sorted(path.name.removeprefix(_KEPT) for path in place.glob(f"{_KEPT}*")) if place.exists() else []


def forget(root: Path) -> None:
    """Remove everything that restores have left in a volume."""
    if not (root / FOLDER / _STATE).exists():
        shutil.rmtree(root / FOLDER, ignore_errors=True)


def _move(paths: Iterable[Path], folder: Path) -> None:
    for path in list(paths):
        path.rename(folder / path.name)
    files.sync(folder)


def _check(entries: Iterable[tarfile.TarInfo]) -> None:
    for entry in entries:
        if entry.name.startswith("/") or ".." in entry.name.split("/"):
            raise NotVerifiedError(f"the archive names a file outside of its volume: {entry.name}")
