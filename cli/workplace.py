"""Where a command works: the project's folder, its backend, its Docker and its description, each found when needed."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Final

from operate.backend import STATE_FOLDER, find_backend
from operate.priority import session_behind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    import docker

    from cli.console import Console
    from cli.engines import Engine
    from operate.backend import Backend
    from operate.stack_view import StackView
    from settings import Loaded


_BEHIND: Final = 10
"""A tenth of the weight of another session, where both want a processor."""


class Workplace:
    """One project on this machine, as a command sees it."""

    def __init__(self, root: Path, environ: Mapping[str, str] | None = None) -> None:
        self.root = root
        """The project's folder."""
        self.environ: Mapping[str, str] = os.environ if environ is None else environ
        """Environment variables."""
        self.release: Path | None = None
        """File of the recorded release that is deployed instead of the blueprint."""

    @cached_property
    def project(self) -> str:
        """The project's name."""
        from operate.stack_files import project_name  # noqa: PLC0415 - imports settings, and with it pydantic

        return project_name(self.root)

    @cached_property
    def backend(self) -> Backend:
        """Where the state is kept."""
        return find_backend(self.root, self.environ)

    @property
    def state_folder(self) -> Path:
        """The project's own folder for what is not committed."""
        return self.root / STATE_FOLDER

    def give_way(self) -> AbstractContextManager[None]:
        """Let this process, and the engine that it starts, wait for processors behind what serves requests."""
        return session_behind(_BEHIND)

    def docker_client(self, stack: str | None = None) -> docker.DockerClient:
        """Return a client of the stack's Docker, without a stack of this machine's own. Raises DockerUnreachable."""
        from operate.docker_host import connect  # noqa: PLC0415 - most commands need no Docker
        from operate.stack_files import docker_host  # noqa: PLC0415 - as above

        return connect(self.environ, docker_host(self.root, stack) if stack else None)

    def open_engine(self, stack: str, wanted: str, console: Console) -> Engine:
        """Choose an engine for a stack, say which, and make it ready; see :func:`cli.engines.open_engine`."""
        from cli.engines import open_engine  # noqa: PLC0415 - only some commands need an engine

        return open_engine(self, stack, wanted, console)

    def load(self, stack: str) -> Loaded:
        """Load a stack's platform, or the release that was chosen. Raises SettingsError."""
        from settings import load_platform, read_stack_file  # noqa: PLC0415 - pydantic takes a while to import

        return load_platform(read_stack_file(self.root, stack, self.release))

    def choose_release(self, file: Path | None) -> None:
        """Let everything that follows, the program too, be about a recorded release; ``None``: the blueprint again."""
        from settings import RELEASE_VARIABLE  # noqa: PLC0415 - as above

        self.release = file
        if file is None:
            os.environ.pop(RELEASE_VARIABLE, None)
        else:
            os.environ[RELEASE_VARIABLE] = str(file)

    def load_if_possible(self, stack: str) -> Loaded | None:
        """Load a stack's platform for what it adds to an answer; ``None`` if it can't be loaded."""
        from settings import SettingsError  # noqa: PLC0415 - as above

        try:
            return self.load(stack)
        except SettingsError:
            return None

    def local_view(self, stack: str) -> StackView | None:
        """Return a stack's state from a file backend; ``None`` if there is none or the backend is elsewhere."""
        from operate.stack_view import read_local  # noqa: PLC0415 - only some commands look at the state

        folder = self.backend.folder
        return None if folder is None else read_local(folder, self.project, stack)
