"""Telling what the program prints from what the engine and its display print, in one process with one stdout."""

from __future__ import annotations

import contextlib
import contextvars
import io
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_in_program: Final[contextvars.ContextVar[bool]] = contextvars.ContextVar("in_program", default=False)


def enter_program() -> None:
    """From here on, in this context and those copied from it, the user's program runs."""
    _in_program.set(True)


@contextlib.contextmanager
def outside_program() -> Iterator[None]:
    """The engine at work on the program's behalf."""
    token = _in_program.set(False)
    try:
        yield
    finally:
        _in_program.reset(token)


class ProgramOutput(io.TextIOBase):
    """Turns what the program prints into messages; anyone else's prints go where they always went."""

    def __init__(self, output: Any, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._output = output
        self._tell = tell
        self._line = ""

    def write(self, text: str) -> int:
        """Take printed text; whole lines become messages."""
        if not _in_program.get():
            return int(self._output.write(text))
        *lines, self._line = (self._line + text).split("\n")
        with outside_program():
            for line in lines:
                self._tell(line)
        return len(text)

    def flush(self) -> None:
        """Flush the real output."""
        self._output.flush()

    def finish(self) -> None:
        """The program has ended: what it printed last may lack a line's end."""
        if self._line:
            with outside_program():
                self._tell(self._line)
            self._line = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._output, name)
