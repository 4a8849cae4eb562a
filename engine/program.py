"""Running the user's program in this process, as the CLI's Python language host runs it in its own."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import logging
import os
import runpy
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pulumi import RunError
from pulumi.runtime import Settings, configure, run_in_stack, set_all_config
from pulumi.runtime.settings import ROOT

from engine.console import ProgramOutput, enter_program
from engine.errors import EngineError, ProgramError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from engine.monitor import EngineLog, Monitor
    from engine.project import ConfigValue, Project

_MINIMUM_THREADS: Final = 64
_COLLECT_AFTER: Final = 200_000
"""New objects before the garbage collector looks again, instead of 700."""
_one_program: Final = threading.Lock()
"""The working directory, sys.path and __main__ belong to the whole process, so one program runs at a time."""


class ProgramRun:
    """One run of the program, in a thread and a context of its own."""

    def __init__(
        self,
        project: Project,
        stack: str,
        config: Mapping[str, ConfigValue],
        monitor: Monitor,
        log: EngineLog,
        *,
        preview: bool,
        parallel: int,
        tell: Callable[[str], None],
    ) -> None:
        self._project = project
        self._stack = stack
        self._config = config
        self._monitor = monitor
        self._log = log
        self._preview = preview
        self._parallel = parallel
        self._tell = tell
        self.error: EngineError | None = None
        # A daemon: after a hard stop nobody waits for it.
        self._thread = threading.Thread(target=self._run, name="program", daemon=True)

    def run(self) -> EngineError | None:
        """Run the program to its end and return what it failed with, if it did."""
        self._thread.start()
        self._thread.join()
        return self.error

    def _run(self) -> None:
        try:
            # A context of its own: the SDK keeps its settings in context variables, fresh for each run.
            contextvars.Context().run(self._run_in_context)
        except BaseException as error:  # noqa: BLE001 - a thread has nobody else to tell
            self.error = ProgramError(f"the program could not be run: {type(error).__name__}: {error}")

    def _run_in_context(self) -> None:
        enter_program()
        with _one_program, _rare_collections(), _as_main_program(self._project, self._tell):
            self._configure()
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            pool = ThreadPoolExecutor(max(_MINIMUM_THREADS, 4 * self._parallel), thread_name_prefix="register")
            loop.set_default_executor(pool)
            # The SDK leaves futures behind when a program fails, and asyncio would report each of them.
            logging.getLogger("asyncio").setLevel(logging.CRITICAL)
            loop.set_exception_handler(lambda _loop, _context: None)
            try:
                self.error = self._run_program(loop)
            finally:
                _drain(loop)
                pool.shutdown(wait=True)
                asyncio.set_event_loop(None)
                loop.close()

    def _configure(self) -> None:
        ROOT.set(None)
        configure(
            Settings(
                project=self._project.name,
                stack=self._stack,
                monitor=self._monitor,
                engine=self._log,
                parallel=self._parallel,
                dry_run=self._preview,
                organization="organization",
                root_directory=str(self._project.directory),
            )
        )
        texts = {key: value.text for key, value in self._config.items()}
        set_all_config(texts, [key for key, value in self._config.items() if value.secret])

    def _run_program(self, loop: asyncio.AbstractEventLoop) -> EngineError | None:
        path = str(self._project.program)

        def main() -> None:
            runpy.run_path(path, run_name="__main__")

        try:
            loop.run_until_complete(run_in_stack(main))
        except RunError as error:
            return ProgramError(str(error))
        except SystemExit as error:
            return None if error.code in {None, 0} else ProgramError(f"the program exited with {error.code}")
        except Exception as error:  # noqa: BLE001 - whatever a program may raise
            return ProgramError(f"the program failed with an unhandled exception:\n{self._traceback(error)}")
        return None

    def _traceback(self, error: BaseException) -> str:
        """The traceback as far as it runs through the project's own files; the message alone if it never does."""
        own = self._project.directory
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename).is_relative_to(own) and "site-packages" not in frame.filename
        ]
        message = "".join(traceback.format_exception_only(error)).rstrip()
        head = "Traceback (most recent call last):\n" if frames else ""
        return f"{head}{''.join(traceback.format_list(frames))}{message}"


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    """Collect garbage rarely while the program runs.

    The SDK makes an Output with its future for each of a container's 75 properties, nearly all of which live to the
    end: looking through them again and again took half the time of a preview of 1,000 containers (18 s against 9 s).
    """
    before = gc.get_threshold()
    gc.set_threshold(_COLLECT_AFTER, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _drain(loop: asyncio.AbstractEventLoop) -> None:
    """End what a failed program left waiting, so that the loop can be closed without a trace."""
    for _ in range(10):
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            break
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())


@contextlib.contextmanager
def _as_main_program(project: Project, tell: Callable[[str], None]) -> Iterator[None]:
    """Give the program the process: its folder as working directory and first on the path, its prints as messages."""
    folder = str(project.program.parent)
    directory, path, arguments, output = Path.cwd(), list(sys.path), sys.argv, sys.stdout
    os.chdir(project.directory)
    sys.path.insert(0, folder)
    sys.argv = [str(project.program)]
    printed = ProgramOutput(output, tell)
    sys.stdout = printed
    try:
        yield
    finally:
        printed.finish()
        if sys.stdout is printed:
            sys.stdout = output
        sys.argv = arguments
        sys.path[:] = path
        os.chdir(directory)
