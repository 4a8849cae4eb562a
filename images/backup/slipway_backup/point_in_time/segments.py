"""Files of log on this disk: gathered from the receiver's folder into that of a chain, which only we change."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from slipway_backup.errors import BackupError
from slipway_backup.point_in_time.chain import PARTIAL, SEGMENT, gap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class LostError(BackupError):
    """Something of the log is missing for good. Whoever keeps a chain begins a new one; nobody else is told."""


def place_of(folder: Path, name: str) -> Path:
    """Return where a segment lies in a chain: sixteen in a folder, so that a snapshot tells little again."""
    return folder / "log" / name[:23] / name


def finished(folder: Path) -> Iterator[Path]:
    """Yield the finished segments of a folder or a chain, and the files that tell of timelines."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (SEGMENT.fullmatch(path.name) or path.name.endswith(".history")):
            yield path


def gather(incoming: Path, chain: Path, first: str) -> None:
    """Bring everything that was received into a chain's folder; the receiver's keeps only what it goes on from.

    Args:
        incoming: The receiver's folder.
        chain: The chain's.
        first: The first segment that it needs.

    Raises:
        LostError: There is a gap.
    """
    # The partial one first: what is finished while this runs is then there twice, and not missing.
    copied = _copy_partial(incoming, chain)
    done = list(finished(incoming))
    link(done, chain, first)
    for path in _partials(chain):
        # An older one whose finished segment never came would hide that it is missing.
        if path.name not in copied or path.with_suffix("").exists():
            path.unlink()
    whole = [path for path in done if SEGMENT.fullmatch(path.name)]
    for path in whole[:-1]:
        path.unlink()
    names = [path.name.removesuffix(PARTIAL) for path in (*finished(chain), *_partials(chain))]
    size = next((path.stat().st_size for path in (*_partials(chain), *finished(chain)) if path.stat().st_size), 0)
    told = gap([name for name in names if SEGMENT.fullmatch(name)], first, size) if size else "nothing was received"
    if told:
        raise LostError(told)


def link(paths: list[Path], chain: Path, first: str) -> None:
    """Give finished segments a second name in a chain's folder, those that it needs and lacks."""
    for path in paths:
        if SEGMENT.fullmatch(path.name) and path.name[8:] < first[8:]:
            continue
        there = place_of(chain, path.name)
        if not there.exists():
            there.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, there)


def lay_flat(chain: Path, folder: Path) -> None:
    """Put the log of a fetched chain into one folder, as recovery asks for it; the partial one counts as finished."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in finished(chain):
        path.rename(folder / path.name)
    for path in _partials(chain):
        name = folder / path.name.removesuffix(PARTIAL)
        if not name.exists():
            path.rename(name)


def size_of(chain: Path) -> int:
    """Return the bytes of a chain's log."""
    return sum(path.stat().st_size for path in (chain / "log").rglob("*") if path.is_file())


def waiting(incoming: Path) -> int:
    """Return the bytes of finished segments that are in the receiver's folder alone."""
    sizes = (path.stat() for path in finished(incoming)) if incoming.exists() else ()
    return sum(found.st_size for found in sizes if found.st_nlink == 1)


def _partials(chain: Path) -> list[Path]:
    return sorted(path for path in chain.rglob(f"*{PARTIAL}") if SEGMENT.fullmatch(path.name.removesuffix(PARTIAL)))


def _copy_partial(incoming: Path, chain: Path) -> set[str]:
    copied = set()
    for path in _partials(incoming):
        there = place_of(chain, path.name.removesuffix(PARTIAL))
        there = there.with_name(path.name)
        there.parent.mkdir(parents=True, exist_ok=True)
        aside = there.with_name("copying")
        try:
            shutil.copyfile(path, aside)
        except FileNotFoundError:  # it was finished just now
            continue
        aside.replace(there)
        copied.add(path.name)
    return copied
