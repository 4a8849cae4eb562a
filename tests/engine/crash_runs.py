"""Runs updates that kill themselves: reads ``<project> <backend> <world> <point>`` a line, answers with a status.

A point is the number of the write (of a backend file, or of the world) before or after which the process dies by
SIGKILL. Each run is a fork, so that the imports are paid once.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import EmbeddedStack
from engine.backend import Backend
from engine.crypto import Crypter
from tests.engine.conftest import SALT
from tests.engine.fake_world import FakeProvider, World

if TYPE_CHECKING:
    from collections.abc import Iterator


def run(project: Path, backend: Path, world_file: Path, point: int) -> int:
    """Update, and die at the point; otherwise 0 or 1 as the update went."""
    counter = itertools.count(1)

    def here() -> None:
        if next(counter) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    write = Backend.write

    def dying_write(self: Backend, path: Path, content: bytes) -> None:
        here()
        write(self, path, content)
        here()

    class DyingWorld(World):
        @contextmanager
        def things(self) -> Iterator[dict[str, dict[str, Any]]]:
            here()
            with super().things() as found:
                yield found
            here()

    Backend.write = dying_write  # type: ignore[method-assign]
    provider = FakeProvider(DyingWorld(world_file))
    stack = EmbeddedStack(project, "dev", backend=backend, passphrase="x", providers={"fake": provider})
    return stack.up().exit_code


def main() -> None:
    """Serve until the input ends."""
    os.fsync = lambda fd: None  # noqa: ARG005 - SIGKILL loses nothing that was written
    Crypter("x", SALT)  # derives the key before the first fork
    for line in sys.stdin:
        project, backend, world, point = line.split()
        child = os.fork()
        if child == 0:
            code = 70
            try:
                code = run(Path(project), Path(backend), Path(world), int(point))
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
