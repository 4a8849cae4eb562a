"""Whether the holder of a lock has certainly ended."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from operate.locks import break_locks, is_dead, lock_holders

if TYPE_CHECKING:
    from pathlib import Path


def _record(pid: int, *, hours: float = 0.0, host: str = "") -> dict[str, Any]:
    written = datetime.now(UTC) + timedelta(hours=hours)
    return {
        "pid": pid,
        "username": "root",
        "hostname": host or socket.gethostname(),
        "timestamp": written.isoformat().replace("+00:00", "999Z"),  # the CLI writes nanoseconds
    }


@pytest.fixture
def ended() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_process_that_is_gone_is_dead(ended: int) -> None:
    """On this machine."""
    assert is_dead(_record(ended))


def test_a_process_of_another_machine_is_never_judged(ended: int) -> None:
    """Its processes can't be seen from here."""
    assert not is_dead(_record(ended, host="another-machine"))


def test_a_process_that_runs_lives() -> None:
    """It began before it wrote the lock."""
    assert not is_dead(_record(os.getpid(), hours=1))


def test_a_number_that_was_given_to_a_younger_process_is_dead() -> None:
    """This process began after the lock was written."""
    assert is_dead(_record(os.getpid(), hours=-24 * 365))


@pytest.mark.parametrize(
    "record", [{}, {"pid": "x"}, None, [], {"pid": 1, "hostname": socket.gethostname(), "timestamp": "yesterday"}]
)
def test_what_can_not_be_read_is_not_judged(record: Any) -> None:
    """Without proof, the holder lives."""
    assert not is_dead(record)


def test_without_proc_nobody_is_judged(ended: int, tmp_path: Path) -> None:
    """Another system than Linux."""
    assert not is_dead(_record(ended), proc=tmp_path)


def test_only_the_dead_holder_is_marked(ended: int, tmp_path: Path) -> None:
    """And only its file is removed, with the side file of the CLI's store."""
    folder = tmp_path / ".pulumi" / "locks" / "organization" / "shop" / "dev"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps(_record(ended)), encoding="utf-8")
    (folder / "a.json.attrs").write_text("{}", encoding="utf-8")
    (folder / "b.json").write_text(json.dumps(_record(os.getpid(), hours=1)), encoding="utf-8")
    (folder / "c.json").write_text("{", encoding="utf-8")
    holders = lock_holders(tmp_path, "shop", "dev")
    assert [holder.dead for holder in holders] == [True, False, False]
    break_locks(holder for holder in holders if holder.dead)
    assert sorted(path.name for path in folder.iterdir()) == ["b.json", "c.json"]
