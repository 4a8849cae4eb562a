"""Where Pulumi's file backend keeps things, and writing files so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
import uuid
from pathlib import Path
from typing import Final

from engine.errors import EngineError, InvalidProject, UnsupportedFeature

_ABANDONED_S: Final = 60.0
"""The age in seconds at which a temporary file is nobody's any more: writing one takes milliseconds."""
STACK_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")


class Backend:
    """The files of one stack below ``<root>/.pulumi``. ``root`` may also be given as a ``file://`` URL."""

    def __init__(self, root: Path | str, project: str, stack: str) -> None:
        text = str(root)
        scheme, separator, _ = text.partition("://")
        if separator and scheme != "file":
            raise UnsupportedFeature(f"The backend {scheme}://")
        stack = stack.rsplit("/", 1)[-1]
        if not STACK_NAME.fullmatch(stack):
            raise InvalidProject(f"stack name {stack!r}: only letters, digits, '_', '.' and '-', at most 100")
        self.root = Path(text.removeprefix("file://")).expanduser().resolve()
        self.project = project
        self.stack = stack

    @property
    def home(self) -> Path:
        """The folder that holds everything."""
        return self.root / ".pulumi"

    @property
    def qualified_name(self) -> str:
        """The stack's full name; the file backend has one organization, called so."""
        return f"organization/{self.project}/{self.stack}"

    @property
    def stacks(self) -> Path:
        """The folder of the project's checkpoints."""
        return self.home / "stacks" / self.project

    @property
    def checkpoint(self) -> Path:
        """The stack's checkpoint."""
        return self.stacks / f"{self.stack}.json"

    @property
    def locks(self) -> Path:
        """The folder of the stack's locks; every file in it is one."""
        return self.home / "locks" / "organization" / self.project / self.stack

    @property
    def history(self) -> Path:
        """The folder of the stack's finished operations."""
        return self.home / "history" / self.project / self.stack

    @property
    def backups(self) -> Path:
        """The folder of checkpoints as they were after each operation."""
        return self.home / "backups" / self.project / self.stack

    def sibling(self, stack: str, project: str | None = None) -> Backend:
        """Another stack on the same backend."""
        return Backend(self.root, project or self.project, stack)

    def prepare(self) -> None:
        """Make the layout of a fresh backend; refuse the one that Pulumi used before projects had folders."""
        meta = self.home / "meta.yaml"
        if meta.exists():
            return
        if any((self.home / "stacks").glob("*.json")):
            raise UnsupportedFeature(f"The old layout of {self.home} (it takes `pulumi state upgrade`)")
        self.write(meta, b"version: 1\n")

    def write(self, path: Path, content: bytes) -> None:
        """Replace a file's content as a whole, on disk before this returns. Raises EngineError."""
        temporary = self._temporary()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            temporary.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise EngineError(f"can't write {path}: {error.strerror}") from error

    def keep_previous(self, path: Path) -> None:
        """Keep the file's present content under its name plus ``.bak``."""
        if not path.exists():
            return
        temporary = self._temporary()
        temporary.parent.mkdir(parents=True, exist_ok=True)
        try:
            # The file is only ever replaced, never changed in place, so a second name for it is a copy.
            os.link(path, temporary)
        except OSError:
            shutil.copyfile(path, temporary)
        temporary.replace(path.with_name(f"{path.name}.bak"))

    def sweep(self) -> None:
        """Remove temporary files that a killed process left; only for the holder of the stack's lock.

        A fresh one may be the lock of somebody who tries at this moment, and is left to the next sweep.
        """
        for leftover in self._temporary().parent.glob(f"{self.project}.{self.stack}.*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - leftover.stat().st_mtime > _ABANDONED_S:
                    leftover.unlink()

    def _temporary(self) -> Path:
        # Not beside the target: the CLI takes any file in a lock folder for a lock, any .json among stacks for a stack.
        return self.home / "tmp" / f"{self.project}.{self.stack}.{uuid.uuid4().hex}"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
