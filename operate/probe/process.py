"""A prober in a process of its own, for whoever does something meanwhile and asks afterwards what was noticed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, Self

from operate.errors import OperateError
from operate.probe.summary import Summary

if TYPE_CHECKING:
    from types import TracebackType

    from operate.probe.model import Probe

ROOT: Final = Path(__file__).resolve().parents[2]
_LAST_S: Final = 180.0
"""The longest that a prober waits for what is under way when it is stopped."""


class ProberDied(OperateError):  # noqa: N818 - named as what it reports
    """The process ended by itself."""


class Probing:
    """Sends until its ``with`` block ends; then :attr:`summary` says what came of it.

    Args:
        probe: What to send.
    """

    summary: Summary
    """What came of it, once the block has ended."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe

    def __enter__(self) -> Self:
        """Start it and wait until it sends."""
        # A session of its own: Ctrl-C is for whoever watches, who then tells this one to end.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "operate.probe"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._tell(self._probe.to_json())
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        if not self._process.stdout.readline():
            self._fail()
        return self

    def mark(self, name: str) -> None:
        """Give the moment a name: what is due from now on belongs to it."""
        self._tell(name)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, wait for what is under way, and take its summary."""
        try:
            out, said = self._process.communicate(timeout=_LAST_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            out, said = self._process.communicate()
        if error is not None:
            return
        if not out.strip():
            raise _died(said)
        self.summary = Summary.from_dict(json.loads(out))

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._fail()

    def _fail(self) -> NoReturn:
        self._process.kill()
        raise _died(self._process.communicate()[1])


def _died(said: str) -> ProberDied:
    last = said.strip().splitlines()[-1:] or ["it said nothing"]
    return ProberDied(f"the prober ended by itself: {last[0]}")
