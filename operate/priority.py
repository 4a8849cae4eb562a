"""Who gets a processor first, where two want it: what serves requests before what deploys it.

``nice`` alone does little. Linux puts each session (a terminal, a daemon, a program of its own) into a group, and a
process's nice value counts within its group only; the group has one of its own, in ``/proc/self/autogroup``
(sched(7), "The autogroup feature"). So both are set. Under a service manager that keeps users and containers in control
groups, the weights of those groups decide, and this does nothing.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

AUTOGROUP: Final = Path("/proc/self/autogroup")
"""The group of this process's session: ``/autogroup-7 nice 0``."""


def set_nice(nice: int) -> None:
    """Set this process's nice value and its session's. Whoever may not, or has no such groups, does without.

    Args:
        nice: -20 (first) to 19 (last). A process that starts from this one has it too; below 0 needs a privilege.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    with contextlib.suppress(OSError):
        AUTOGROUP.write_text(str(nice), encoding="ascii")


@contextlib.contextmanager
def session_behind(nice: int) -> Iterator[None]:
    """Let this process's session wait behind others meanwhile: the terminal's, or the one that a runner made for it.

    One that waits behind already is left as it is: whoever put it there, another deployment of the session perhaps,
    lets it come back. The process itself stays where it was put, since only a privilege lets it come back.

    Args:
        nice: 1 to 19 (last).
    """
    before = _session_nice()
    if before is not None and before >= nice:
        yield
        return
    set_nice(nice)
    try:
        yield
    finally:
        if before is not None:
            with contextlib.suppress(OSError):
                AUTOGROUP.write_text(str(before), encoding="ascii")


def _session_nice() -> int | None:
    try:
        return int(AUTOGROUP.read_text(encoding="ascii").rsplit(None, 1)[-1])
    except (OSError, ValueError):
        return None
