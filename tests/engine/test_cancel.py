"""Ctrl-C once: what runs finishes and is recorded. Twice: stop at once, and leave what runs recorded as pending."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from engine import Cancelled

if TYPE_CHECKING:
    from tests.engine.conftest import Harness

PROGRAM = 'a = Thing("a")\nThing("b", {"value": a.computed})'


def gate(harness: Harness, call: str) -> tuple[threading.Event, threading.Event]:
    """Make a call wait; the events say that it has begun, and let it go on."""
    begun = harness.world.begun[call] = threading.Event()
    go = harness.world.slow[call] = threading.Event()
    return begun, go


class TestOnce:
    def test_running_steps_finish_and_nothing_new_begins(self, harness: Harness) -> None:
        begun, go = gate(harness, "create a")

        def interrupt() -> None:
            begun.wait(10)
            harness.stack.cancel()
            go.set()

        threading.Thread(target=interrupt).start()
        result = harness.run("up", PROGRAM)
        assert isinstance(result.errors[0], Cancelled)
        assert result.exit_code == 8
        assert harness.provider.cancelled.is_set()
        assert harness.world.names() == ["a"]
        assert harness.entry("a")["id"]
        assert "pending_operations" not in harness.stack.export()["deployment"]
        assert harness.stack.history()[0].result == "failed"
        harness.world.slow.clear()
        harness.up()
        assert harness.steps() == ["create b"]

    def test_deletions_don_t_begin(self, harness: Harness) -> None:
        harness.up(PROGRAM)
        begun, go = gate(harness, "delete b")

        def interrupt() -> None:
            begun.wait(10)
            harness.stack.cancel()
            go.set()

        threading.Thread(target=interrupt).start()
        assert harness.run("up", "").exit_code == 8
        assert harness.world.names() == ["a"]

    def test_with_nothing_running_it_does_nothing(self, harness: Harness) -> None:
        harness.stack.cancel()
        harness.up(PROGRAM)


class TestTwice:
    def test_it_ends_at_once_and_the_next_run_clears_up(self, harness: Harness) -> None:
        begun, go = gate(harness, "create a")

        def interrupt() -> None:
            begun.wait(10)
            harness.stack.cancel()
            harness.stack.cancel()

        threading.Thread(target=interrupt).start()
        with pytest.raises(Cancelled) as error:
            harness.run("up", PROGRAM)
        assert error.value.hard
        assert error.value.exit_code == 8
        (pending,) = harness.stack.export()["deployment"]["pending_operations"]
        assert pending["type"] == "creating"
        # A real process would be gone now; here its thread still makes the thing that nobody records any more.
        before = set(threading.enumerate())
        go.set()
        for thread in before:
            if thread.name.startswith(("deployment", "program", "register")):
                thread.join(10)
        assert harness.world.names() == ["a"]
        assert harness.stack.export()["deployment"]["pending_operations"]
        harness.world.slow.clear()
        harness.up()
        assert harness.world.names() == ["a", "b"]
