"""Whatever moment a run is killed at, the next one brings world and state together, with nothing left over."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.checkpoint import Pending
from engine.provider import ProviderError
from tests.engine.conftest import Harness
from tests.engine.fake_world import FakeProvider, World

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST = """
a = Thing("a", {"value": 1, "kind": "x"}, Opts(delete_before_replace=True))
b = Thing("b", {"link": a.computed})
c = Thing("c", {"value": 1})
d = Thing("d", {"kind": "x"})
e = Thing("e", {"name": "explicit", "value": b.computed})
f = Thing("f", {"value": 1})
"""
SECOND = """
a = Thing("a", {"value": 1, "kind": "y"}, Opts(delete_before_replace=True))
b = Thing("b", {"link": a.computed})
c = Thing("c", {"value": 2})
d = Thing("d", {"kind": "y"})
e = Thing("e", {"name": "explicit", "value": b.computed})
g = Thing("g", {"value": d.computed})
"""
ROOT = Path(__file__).parents[2]


class Crasher:
    """Starts updates that kill themselves."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.engine.crash_runs"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def run(self, harness: Harness, world: Path, point: int) -> int:
        """The exit status of an update that dies at the point, if it gets that far."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{harness.project} {harness.folder} {world} {point}\n")
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def crasher() -> Iterator[Crasher]:
    """One process for all runs."""
    found = Crasher()
    yield found
    found.close()


def in_step(harness: Harness) -> None:
    """The state has exactly what the world has."""
    with harness.world.things() as things:
        exists = {name: thing["logical"] for name, thing in things.items()}
    known = {
        entry["id"]: entry["urn"].rsplit("::", 1)[-1]
        for entry in harness.state()
        if entry["type"] == "fake:index:Thing"
    }
    assert known == exists


class TestKilled:
    @pytest.mark.parametrize("seed", range(20))
    def test_at_any_moment(self, tmp_path: Path, crasher: Crasher, seed: int) -> None:
        harness = Harness(tmp_path)
        file = tmp_path / "world.json"
        harness.world = World(file)
        harness.provider.world = harness.world
        chance = random.Random(seed)  # noqa: S311 - not for secrets
        program = FIRST
        if seed % 2:
            harness.up(FIRST)
            program = SECOND
        harness.write(program)
        died = crasher.run(harness, file, chance.randint(1, 75))
        assert died in {0, -signal.SIGKILL}
        if chance.random() < 0.3:  # sometimes what comes next is another program, or also dies
            assert crasher.run(harness, file, chance.randint(1, 60)) in {0, -signal.SIGKILL}
            program = FIRST if program == SECOND else SECOND
        harness.up(program)
        assert harness.world.names() == list("abcdef" if program == FIRST else "abcdeg")
        in_step(harness)
        assert "pending_operations" not in harness.stack.export()["deployment"]
        assert not any(entry.get("delete") or entry.get("pendingReplacement") for entry in harness.state())
        result = harness.up()
        assert not result.has_changes

    def test_a_destroy_clears_up_what_nobody_recorded(self, tmp_path: Path, crasher: Crasher) -> None:
        harness = Harness(tmp_path)
        file = tmp_path / "world.json"
        harness.world = World(file)
        harness.provider.world = harness.world
        harness.write(FIRST)
        for point in range(1, 200):
            assert crasher.run(harness, file, point) == -signal.SIGKILL
            if harness.world.names():
                break
        assert not harness.run("destroy").failed
        assert harness.world.names() == []


class TestRecovery:
    def pend(self, harness: Harness, operation: str, name: str, *, keep: bool) -> None:
        """Make the file look as if a run had died while it did something to the resource."""
        path = harness.stack._backend.checkpoint
        document = json.loads(path.read_text())
        latest = document["checkpoint"]["latest"]
        (entry,) = [entry for entry in latest["resources"] if entry["urn"].endswith(f"::{name}")]
        latest["pending_operations"] = [{"resource": entry, "type": operation}]
        if not keep:
            latest["resources"].remove(entry)
        path.write_text(json.dumps(document))

    def test_an_unrecorded_create_is_undone_and_told(self, harness: Harness) -> None:
        harness.up('Thing("a")')
        self.pend(harness, "creating", "a", keep=False)
        result = harness.up()
        assert harness.world.changes() == ["create a", "recover a", "create a"]
        assert "removed what an interrupted run had created" in result.diagnostics[0]["message"]
        in_step(harness)

    def test_a_preview_neither_looks_nor_changes(self, harness: Harness) -> None:
        harness.up('Thing("a")')
        self.pend(harness, "creating", "a", keep=False)
        before = harness.stack._backend.checkpoint.read_bytes()
        assert harness.preview().summary == {"create": 1, "same": 1}
        assert harness.stack._backend.checkpoint.read_bytes() == before

    def test_a_delete_that_happened_is_known_even_if_the_program_changed_back(self, harness: Harness) -> None:
        harness.up('Thing("a", {"kind": "x"}, Opts(delete_before_replace=True))')
        self.pend(harness, "deleting", "a", keep=True)
        with harness.world.things() as things:
            things.clear()
        harness.up()
        assert harness.steps() == ["replace a", "create-replacement a"]
        in_step(harness)

    def test_an_update_that_happened_half_is_seen(self, harness: Harness) -> None:
        harness.up('Thing("a", {"value": 1})')
        self.pend(harness, "updating", "a", keep=True)
        with harness.world.things() as things:
            things[harness.entry("a")["id"]]["outputs"]["value"] = 2
        harness.up()
        assert harness.steps() == ["update a"]

    def test_a_name_that_the_user_chose_needs_proof(self, harness: Harness) -> None:
        harness.up('Thing("a", {"name": "mine"})')
        self.pend(harness, "creating", "a", keep=False)
        with harness.world.things() as things:
            things["mine"]["created"] = 1.0
        result = harness.run("up")
        assert "the name mine is taken" in str(result.errors[0])
        assert harness.world.names() == ["a"]

    def test_a_provider_that_can_not_tell_stops_the_run(self, harness: Harness) -> None:
        harness.up('Thing("a")')
        self.pend(harness, "creating", "a", keep=False)
        harness.world.failing["recover a"] = "no daemon"
        result = harness.run("up")
        assert "interrupted while creating" in str(result.errors[0])
        assert harness.stack.export()["deployment"]["pending_operations"]

    def test_a_provider_without_recovery_gets_a_warning(self, harness: Harness) -> None:
        class Simple:
            def __init__(self, inner: FakeProvider) -> None:
                self._inner = inner

            def __getattr__(self, name: str) -> object:
                if name == "recover":
                    raise AttributeError(name)
                return getattr(self._inner, name)

        harness.up('Thing("a")')
        self.pend(harness, "creating", "a", keep=False)
        harness.stack = harness.open(providers={"fake": Simple(harness.provider)})
        result = harness.up()
        assert "must be removed by hand" in result.diagnostics[0]["message"]

    def test_the_pending_operation_says_when_it_began(self, harness: Harness) -> None:
        seen: list[Pending] = []

        def look(_type: str, _name: str, _inputs: object) -> None:
            raw = json.loads(harness.stack._backend.checkpoint.read_text())["checkpoint"]["latest"]
            seen.extend(raw["pending_operations"])
            raise ProviderError("seen")

        harness.world.begin = lambda call: look("", call, None)  # type: ignore[method-assign]
        assert harness.run("up", 'Thing("a", {"value": 1})').failed
        (pending,) = seen
        assert pending["type"] == "creating"  # type: ignore[index]
        entry = pending["resource"]  # type: ignore[index]
        assert entry["inputs"]["name"].startswith("a-")
        assert "id" not in entry
        assert entry["created"]
