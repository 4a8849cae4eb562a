"""A disk that can be filled: a file system in a file, which Docker has as a volume of a given name."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final, Self

from docker.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from tests.e2e.harness.docker_view import Daemon

_MIB: Final = 1 << 20


class SmallDisk:
    """One disk. Mounting it needs root.

    Args:
        daemon: Docker.
        volume: Name of the volume that it is; whoever is deployed finds it as one that was kept.
        folder: Where the file and its mount point are.
        mib: Its size.
        user: Numeric user and group that its files shall belong to.
    """

    def __init__(self, daemon: Daemon, volume: str, folder: Path, *, mib: int, user: int) -> None:
        self._daemon = daemon
        self._volume = volume
        self._file = folder / f"{volume}.ext4"
        self._mount = folder / volume
        self._mib = mib
        self._user = user

    def __enter__(self) -> Self:
        """Make it."""
        self._mount.mkdir(parents=True)
        with self._file.open("wb") as made:
            made.truncate(self._mib * _MIB)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(self._file)], check=True)
        subprocess.run(["mount", "-o", "loop", str(self._file), str(self._mount)], check=True)
        data = self._mount / "data"  # beside what a new file system has at its top
        data.mkdir(mode=0o700)
        os.chown(data, self._user, self._user)
        options = {"type": "none", "o": "bind", "device": str(data)}
        self._daemon.client.volumes.create(self._volume, driver="local", driver_opts=options)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove it, when nothing uses it any more."""
        self.lose()
        subprocess.run(["umount", str(self._mount)], check=True)
        self._file.unlink()

    @property
    def _filler(self) -> Path:
        return self._mount / "filler"

    def fill(self, *, leave_mib: int = 0) -> None:
        """Leave so much of it."""
        free = shutil.disk_usage(self._mount).free - leave_mib * _MIB
        block = bytes(_MIB)
        with self._filler.open("wb") as out, contextlib.suppress(OSError):
            for _ in range(free // _MIB + 1 if leave_mib == 0 else free // _MIB):
                out.write(block)
                out.flush()

    def free(self) -> None:
        """Give back what was filled."""
        self._filler.unlink()

    def lose(self) -> None:
        """Remove the volume, if it is still there."""
        with contextlib.suppress(NotFound):
            self._daemon.client.volumes.get(self._volume).remove(force=True)
