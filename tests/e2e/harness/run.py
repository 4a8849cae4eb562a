"""One command of a scenario: started, waited for, and kept with everything it said."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LIMIT_S = 240.0
"""The longest that a command may take."""
_TAIL = 40


@dataclass(frozen=True)
class Run:
    """A command that ended."""

    command: Sequence[str]
    """What was executed."""
    code: int
    """Its exit code; negative for a signal."""
    out: str
    """Its standard output."""
    err: str
    """Its standard error."""
    seconds: float
    """How long it took."""

    @property
    def text(self) -> str:
        """Everything that it said."""
        return self.out + self.err

    def __str__(self) -> str:
        """Return the command and the end of what it said, for a failure's message."""
        lines = [*self.out.splitlines()[-_TAIL:], "-- stderr --", *self.err.splitlines()[-_TAIL:]]
        said = "\n".join(lines)
        return f"$ {' '.join(self.command)}\n{said}\n(exit code {self.code} after {self.seconds:.1f} s)"

    def ended(self, code: int = 0) -> Run:
        """Return itself if it ended with this exit code, else fail the test with what it said."""
        assert self.code == code, f"exit code {code} was expected\n{self}"
        return self

    def failed(self, *names: str) -> Run:
        """Return itself if it ended with an error that names all of ``names``."""
        assert self.code > 0, f"a failure was expected\n{self}"
        missing = [name for name in names if name.lower() not in self.text.lower()]
        assert not missing, f"the message does not name {', '.join(missing)}\n{self}"
        return self


class Running:
    """A command that runs.

    Its output goes to files, not pipes: it must be able to go on, or to leave children behind, whatever becomes of the
    test.
    """

    def __init__(
        self, command: Sequence[str], cwd: Path, env: Mapping[str, str], told: Callable[[Run], None] = lambda _: None
    ) -> None:
        self.command = list(command)
        self._out: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in wait()
        self._err: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in wait()
        self._told = told
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err,
            start_new_session=True,
        )

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    @property
    def seconds(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self._started

    def let_run(self, seconds: float) -> None:
        """Return after ``seconds``, or when it has ended if that is sooner."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def interrupt(self) -> None:
        """Send it SIGINT, as Ctrl-C does to the foreground process group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def kill(self, *, alone: bool = False) -> list[int]:
        """Kill it and every process that it started, at once, as a machine that loses power would.

        Args:
            alone: Kill the command's own process only, as the kernel does when memory runs out.

        Returns:
            The processes that were not killed: its descendants, if it was killed alone.
        """
        found = _freeze(self.process.pid)
        killed = found[:1] if alone else found
        for pid in killed:
            _signal(pid, signal.SIGKILL)
        left = [pid for pid in found if pid not in killed]
        for pid in left:
            _signal(pid, signal.SIGCONT)
        return left

    def wait(self, limit_s: float = LIMIT_S) -> Run:
        """Return how it ended; one that takes longer than ``limit_s`` is killed and fails the test."""
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self.process.wait()
        seconds = self.seconds
        run = Run(self.command, code, _content(self._out), _content(self._err), seconds)
        self._told(run)
        assert seconds < limit_s, f"took longer than {limit_s:g} s\n{run}"
        return run


def alive(pid: int) -> bool:
    """Whether there is such a process, other than as a zombie."""
    try:
        return (
            Path("/proc", str(pid), "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2][1] != "Z"
        )
    except OSError:
        return False


def _freeze(pid: int) -> list[int]:
    """Stop a process and all that descend from it, and return them, the first one first.

    One that runs on while its children are being looked for may start another, and one that is killed leaves children
    whose parent can no longer be told.
    """
    found: list[int] = []
    fresh = [pid]
    while fresh:
        for each in fresh:
            _signal(each, signal.SIGSTOP)
        found += fresh
        parents = _parents()
        fresh = [child for child, parent in parents.items() if parent in found and child not in found]
    return found


def _parents() -> dict[int, int]:
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text(encoding="ascii", errors="replace")
            except OSError:
                continue
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    return parents


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    with file:
        return file.read().decode(errors="replace")
