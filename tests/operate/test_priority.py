"""Who waits for processors: the process, and the session that the kernel weighs as one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from operate import priority

_ENABLED = Path("/proc/sys/kernel/sched_autogroup_enabled")
_SAY = """
import os
from operate.priority import AUTOGROUP, session_behind
nice = lambda: AUTOGROUP.read_text().split()[-1]
before = nice()
with session_behind(10):
    print(before, nice(), os.getpriority(os.PRIO_PROCESS, 0), end=" ")
print(nice())
"""


def _grouped() -> bool:
    return _ENABLED.exists() and _ENABLED.read_text(encoding="ascii").strip() == "1"


@pytest.mark.skipif(not _grouped(), reason="this kernel does not group sessions: nice alone counts")
def test_a_session_waits_behind_and_comes_back() -> None:
    # A session of its own, so that the one of the tests stays as it is.
    said = subprocess.run(
        [sys.executable, "-c", _SAY], capture_output=True, text=True, check=True, start_new_session=True
    )
    before, meanwhile, own, after = said.stdout.split()
    assert (before, meanwhile, own, after) == ("0", "10", "10", "0")


_BOTH = """
from contextlib import ExitStack
from operate.priority import AUTOGROUP, session_behind
nice = lambda: AUTOGROUP.read_text().split()[-1]
first, second = ExitStack(), ExitStack()
first.enter_context(session_behind(10))
second.enter_context(session_behind(10))
first.close()
second.close()
print(nice())
AUTOGROUP.write_text("15")
with session_behind(10):
    print(nice())
print(nice())
"""


@pytest.mark.skipif(not _grouped(), reason="this kernel does not group sessions: nice alone counts")
def test_two_of_one_session_leave_it_as_it_was_and_none_brings_it_forward() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _BOTH], capture_output=True, text=True, check=True, start_new_session=True
    )
    assert said.stdout.split() == ["0", "15", "15"]


def test_a_system_without_sessions_in_groups_is_none_of_our_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(priority, "AUTOGROUP", tmp_path / "missing" / "autogroup")
    monkeypatch.setattr(os, "setpriority", _refuse)
    monkeypatch.setattr(os, "setpriority", _refuse)
    with priority.session_behind(10):
        pass
    assert not (tmp_path / "missing").exists()


def _refuse(*_: object) -> None:
    raise PermissionError
