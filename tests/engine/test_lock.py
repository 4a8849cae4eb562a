"""The stack's lock: honoured, refused with a remedy, and taken over only from the dead."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from engine import LockHeld, lock
from engine.backend import Backend

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.conftest import Harness


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    """A backend of its own."""
    return Backend(tmp_path, "p", "dev")


def silent(_message: str) -> None:
    """Nobody needs to hear it."""


def leave(backend: Backend, **values: Any) -> Path:
    """A lock file as somebody left it."""
    record = {**lock.holder_record(), **values}
    path = backend.locks / "0.json"
    backend.write(path, json.dumps(record).encode())
    return path


def ended_process() -> int:
    """The number of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


class TestHolding:
    def test_it_says_who_and_goes_at_the_end(self, backend: Backend) -> None:
        with lock.hold(backend, silent):
            (path,) = backend.locks.iterdir()
            record = json.loads(path.read_text())
            assert record["pid"] == os.getpid()
            assert record["hostname"] == socket.gethostname()
            assert record["timestamp"]
            assert record["username"]
        assert not list(backend.locks.iterdir())

    def test_it_goes_after_an_error_too(self, backend: Backend) -> None:
        with pytest.raises(RuntimeError), lock.hold(backend, silent):
            raise RuntimeError
        assert not list(backend.locks.iterdir())

    def test_a_second_holder_is_refused_with_names_and_a_remedy(self, backend: Backend) -> None:
        with lock.hold(backend, silent):
            with pytest.raises(LockHeld, match="pulumi cancel --stack dev") as error, lock.hold(backend, silent):
                pass
            assert f"pid {os.getpid()}" in error.value.holder
            assert socket.gethostname() in error.value.holder
            assert len(list(backend.locks.iterdir())) == 1

    def test_a_lock_of_the_cli_is_honoured(self, backend: Backend) -> None:
        record = {"pid": ended_process(), "username": "u", "hostname": socket.gethostname(), "timestamp": "2026-01-01"}
        backend.write(backend.locks / "1.json", json.dumps(record).encode())
        with pytest.raises(LockHeld, match="u@"), lock.hold(backend, silent):
            pass

    def test_a_side_file_is_no_lock_and_an_unreadable_one_is(self, backend: Backend) -> None:
        backend.write(backend.locks / "1.json.attrs", b"{}")
        with lock.hold(backend, silent):
            pass
        backend.write(backend.locks / "2.json", b"")
        with pytest.raises(LockHeld, match="unreadable"), lock.hold(backend, silent):
            pass

    def test_of_many_at_once_at_most_one_holds_it(self, backend: Backend) -> None:
        inside, most, refused = 0, 0, 0
        guard = threading.Lock()
        start = threading.Barrier(8)

        def contend() -> None:
            nonlocal inside, most, refused
            start.wait()
            try:
                with lock.hold(backend, silent):
                    with guard:
                        inside += 1
                        most = max(most, inside)
                    with guard:
                        inside -= 1
            except LockHeld:
                with guard:
                    refused += 1

        threads = [threading.Thread(target=contend) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most <= 1
        assert most + refused > 0
        assert not list(backend.locks.iterdir())

    def test_previews_and_exports_need_none(self, harness: Harness) -> None:
        harness.up('Thing("a")')
        with lock.hold(harness.stack._backend, silent):
            assert not harness.preview().has_changes
            assert harness.stack.export()
            assert harness.stack.outputs() == {}
            for operation in ("up", "refresh", "destroy"):
                with pytest.raises(LockHeld):
                    harness.run(operation)


class TestTakingOver:
    def test_from_a_process_that_is_gone(self, backend: Backend) -> None:
        leave(backend, pid=ended_process(), pidStart="1")
        told: list[str] = []
        with lock.hold(backend, told.append):
            pass
        assert "took over the lock of an operation that died" in told[0]

    def test_from_a_process_whose_number_belongs_to_another_now(self, backend: Backend) -> None:
        leave(backend, pid=os.getpid(), pidStart="1")
        with lock.hold(backend, silent):
            pass

    def test_from_before_a_reboot(self, backend: Backend) -> None:
        if not lock.holder_record()["machineId"]:
            pytest.skip("this machine has no id")
        leave(backend, bootId="another")
        with lock.hold(backend, silent):
            pass

    @pytest.mark.parametrize(
        "values",
        [
            {},
            {"hostname": "elsewhere", "pidStart": "1"},
            {"pidNamespace": "pid:[1]", "pidStart": "1"},
            {"pidNamespace": "", "pidStart": "1"},
            {"bootId": "", "pidStart": "1"},
            {"bootId": "another", "machineId": "another"},
            {"pidStart": ""},
        ],
        ids=str,
    )
    def test_not_without_proof(self, backend: Backend, values: dict[str, str]) -> None:
        path = leave(backend, **values)
        with pytest.raises(LockHeld), lock.hold(backend, silent):
            pass
        assert path.exists()

    def test_leftovers_of_the_dead_are_swept(self, backend: Backend) -> None:
        names = ("p.dev.0", "p.dev.1", "p.prod.0")
        old, fresh, other = (backend.home / "tmp" / name for name in names)
        for path in (old, fresh, other):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("half")
        for path in (old, other):
            os.utime(path, (1, 1))
        with lock.hold(backend, silent):
            pass
        assert [path.exists() for path in (old, fresh, other)] == [False, True, True]
