"""What becomes of a chain when something is wrong. No server runs here; tests/e2e/test_point_in_time.py has one."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from operate.image_lock import IMAGES_FOLDER

# A program of its own, not a room of Slipway's.
sys.path.insert(0, str(IMAGES_FOLDER / "backup"))
base: Any = importlib.import_module("slipway_backup.point_in_time.base")
chain: Any = importlib.import_module("slipway_backup.point_in_time.chain")
config: Any = importlib.import_module("slipway_backup.config")
errors: Any = importlib.import_module("slipway_backup.errors")
keeper: Any = importlib.import_module("slipway_backup.point_in_time.keeper")
report: Any = importlib.import_module("slipway_backup.report")
restic: Any = importlib.import_module("slipway_backup.restic")
server: Any = importlib.import_module("slipway_backup.point_in_time.server")

SEGMENT = 1 << 20
"""Smaller than a real one: what counts is that all are equal."""


@dataclass
class Server:
    """A server, with its clock, its transactions and its slot."""

    incoming: Path
    clock: datetime = datetime(2026, 11, 30, 12, tzinfo=UTC)
    ended: int = 0
    slot_: Any = None
    marks: int = 0
    cluster: str = "7"
    segment: int = 1
    receiver: Any = None

    def release(self) -> None:
        """Nobody else fetches."""

    def slot(self) -> Any:
        return self.slot_

    def make_slot(self) -> None:
        self.slot_ = server.Slot(lost=False, behind=0)

    def system(self) -> str:
        return self.cluster

    def superuser(self) -> str:
        return "main"

    def major(self) -> int:
        return 15

    def now(self) -> datetime:
        self.clock += timedelta(seconds=1)
        return self.clock

    def transactions(self) -> str:
        return str(self.ended)

    def mark(self) -> Any:
        self.marks += 1
        self.ended += 1
        return server.Mark(self.now(), self.marks, self.transactions())

    def wait_until_fetched(self, _lsn: int) -> None:
        if not self.receiver.running:
            raise errors.BackupError("its write-ahead log is not being fetched")
        self.write()

    def write(self, more: int = 0) -> None:
        """Let so many segments be finished, and the next one begin."""
        self.incoming.mkdir(parents=True, exist_ok=True)
        for _ in range(more):
            self._file(self.segment, "")
            self.segment += 1
        for path in self.incoming.glob("*.partial"):
            path.unlink()
        self._file(self.segment, ".partial")

    def _file(self, number: int, end: str) -> None:
        path = self.incoming / f"{number:024X}{end}"
        path.touch()
        os.truncate(path, SEGMENT)


@dataclass
class Place:
    """A destination that may be away."""

    name: str = "local"
    away: bool = False
    stored: list[Any] = field(default_factory=list)

    def ensure(self) -> None:
        """It is there."""

    def store(self, _folder: Path, name: str, kind: str, _progress: Any) -> None:
        if self.away:
            raise errors.DestinationError(f"destination {self.name} does not answer")
        self.stored.append(restic.Snapshot(f"{len(self.stored)}", name, "", kind, None))

    def snapshots(self) -> list[Any]:
        return list(self.stored)

    def forget(self, snapshots: list[Any]) -> None:
        self.stored = [item for item in self.stored if item not in snapshots]


@dataclass
class Worker:
    """Does what it is given when it is told to."""

    given: list[tuple[Future[Any], Any]] = field(default_factory=list)

    def submit(self, work: Any, *_: Any) -> Future[Any]:
        self.given.append((Future(), work))
        return self.given[-1][0]

    def work(self) -> None:
        while self.given:
            future, work = self.given.pop()
            try:
                future.set_result(work())
            except errors.BackupError as error:
                future.set_exception(error)


class Receiver:
    """Notes whether it should run."""

    def __init__(self, _part: Any, folder: Path) -> None:
        self.folder = folder
        self.running = False

    def keep_running(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def forget(self) -> None:
        self.stop()
        for path in self.folder.glob("*"):
            path.unlink()


@dataclass
class World:
    """A keeper and what is around it."""

    keeper: Any
    server: Server
    place: Place
    worker: Worker

    def fetching(self) -> bool:
        """Whether the receiver should run."""
        return bool(self.keeper.receiver.running)

    def begin(self) -> None:
        """Go on until there is a chain."""
        self.keeper.tick()
        self.worker.work()
        self.keeper.tick()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return what the webhook is told."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(keeper.webhook, "tell", lambda _config, entry, _report: found.append(dict(entry)))
    return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Return a keeper with a limit of eight segments."""
    part = config.Part("main", "postgres", {"database": "main", "log_user": "slipway_log"})
    wanted = config.PointInTime(wal_limit_bytes=8 * SEGMENT)
    document = {
        "format": 1, "project": "shop", "stack": "prod", "platform": "shop", "keep": {}, "stores": [],
        "destinations": [], "passphrase_file": "/x", "work": str(tmp_path), "verify": False,
    }  # fmt: skip
    file = tmp_path / "config.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    live, place, worker = Server(tmp_path / "point-in-time" / "main" / "incoming"), Place(), Worker()

    @contextlib.contextmanager
    def connected(_part: Any) -> Iterator[Server]:
        yield live

    def take(_part: Any, _folder: Path) -> Any:
        return base.Base(f"{live.segment:024X}", 31)

    monkeypatch.setattr(keeper, "connected", connected)
    monkeypatch.setattr(keeper, "Receiver", Receiver)
    monkeypatch.setattr(keeper, "places", lambda _: [place])
    monkeypatch.setattr(base, "take", take)
    made = keeper.Keeper(config.load(file), part, wanted, worker, report.Report(quiet=True))
    live.receiver = made.receiver
    yield World(made, live, place, worker)
    made.stop()


def test_what_was_written_is_stored_and_nothing_twice(world: World) -> None:
    """Where no transaction has ended there is nothing to lose, and nothing to store."""
    world.begin()
    state = world.keeper.state
    assert [item.trigger for item in world.place.stored] == ["base", "log"]
    assert state.until == world.place.stored[-1].id.split("/")[2]
    before, marks = state.covered, world.server.marks
    world.keeper.tick()
    assert len(world.place.stored) == 2
    assert (world.server.marks, state.covered > before) == (marks, True)
    world.server.ended += 1
    world.keeper.tick()
    assert len(world.place.stored) == 3


def test_until_every_destination_has_it_nothing_is_covered(world: World) -> None:
    """It is told why, and made good by itself."""
    world.begin()
    until = world.keeper.state.until
    world.place.away, world.server.ended = True, 77
    world.keeper.tick()
    assert world.keeper.state.until == until
    assert "does not answer" in world.keeper.state.error
    world.place.away = False
    world.keeper.tick()
    assert (world.keeper.state.until > until, world.keeper.state.error) == (True, "")


def test_a_slot_that_was_lost_begins_a_new_chain_and_leaves_the_old_one_restorable(world: World) -> None:
    """The gap is counted; moments in it are covered by no chain."""
    world.begin()
    old = world.keeper.state.chain
    world.server.slot_ = server.Slot(lost=True, behind=0)
    world.keeper.tick()
    assert (world.keeper.state.lost, world.keeper.state.chain) == (1, "")
    world.worker.work()
    world.keeper.tick()
    assert world.keeper.state.chain > old
    assert [item.since for item in chain.windows({"local": world.place.stored})] == [old, world.keeper.state.chain]


def test_whoever_wants_to_know_of_failures_is_told_that_log_was_lost(world: World, told: list[dict[str, Any]]) -> None:
    """Once for each time, with the reason; a first chain and one that goes on are no loss."""
    world.begin()
    world.keeper.tick()
    assert told == []
    world.server.slot_ = server.Slot(lost=True, behind=0)
    world.keeper.tick()
    world.keeper.tick()
    (entry,) = told
    assert {key: entry[key] for key in ("what", "store", "result", "lost")} == {
        "what": "point-in-time", "store": "main", "result": "failed", "lost": 1,
    }  # fmt: skip
    assert entry["message"].startswith("more was written than the server keeps (wal_limit)")
    world.worker.work()
    world.keeper.tick()
    for path in world.server.incoming.glob("*"):
        path.unlink()
    world.server.segment += 3
    world.server.write(2)
    world.server.ended += 1
    world.keeper.tick()
    assert [entry["lost"] for entry in told] == [1, 2]
    assert "missing" in told[1]["message"]


def test_another_cluster_is_another_chain(world: World) -> None:
    """Its log does not fit to the base backup of the one before."""
    world.begin()
    old = world.keeper.state.chain
    world.server.cluster = "8"
    world.keeper.tick()
    world.worker.work()
    world.keeper.tick()
    assert (world.keeper.state.chain > old, world.keeper.state.system) == (True, "8")


def test_a_gap_in_what_was_received_begins_a_new_chain(world: World) -> None:
    world.begin()
    world.server.segment += 1  # one that never came
    world.server.ended += 1
    world.keeper.tick()
    assert "a new base backup begins a new chain" in world.keeper.state.error
    assert world.keeper.state.chain == ""


def test_a_server_that_was_put_back_is_another_chain(world: World) -> None:
    """By a copy of its disk, for one: what was fetched has not happened there."""
    world.begin()
    world.server.marks, world.server.ended = -1, 50
    world.keeper.tick()
    assert "has gone back behind what was fetched" in world.keeper.state.error
    assert (world.keeper.state.lost, world.keeper.state.chain) == (1, "")


def test_no_more_is_fetched_than_may_wait(world: World) -> None:
    """Then the server keeps it, as far as its own bound allows; the disk is not filled from here."""
    world.begin()
    until = world.keeper.state.until
    world.place.away = True
    world.server.write(9)
    world.server.ended += 1
    world.keeper.tick()
    world.keeper.tick()
    assert not world.fetching()
    world.keeper.look_after()
    assert not world.fetching()
    world.place.away = False
    world.keeper.tick()
    assert world.keeper.state.until > until
    world.keeper.tick()
    assert (world.fetching(), world.keeper.state.error) == (True, "")


def test_nor_while_a_destination_hangs(world: World) -> None:
    """A turn waits for it, and whoever looks after the receiver does not."""
    world.begin()
    world.server.write(10)
    world.keeper.look_after()
    assert world.fetching()
    world.server.write(8)
    world.keeper.look_after()
    assert not world.fetching()
    world.server.ended += 1
    world.keeper.tick()  # a base backup is due
    world.worker.work()
    world.keeper.tick()
    assert (world.fetching(), world.keeper.state.error, world.keeper.state.lost) == (True, "", 0)


def test_much_log_brings_a_base_backup_forward_and_no_moment_lies_between(world: World) -> None:
    """The old chain reaches beyond the beginning of the new one."""
    world.begin()
    old = world.keeper.state.chain
    world.server.write(9)
    world.server.ended += 1
    world.keeper.tick()
    world.worker.work()
    world.keeper.tick()
    assert world.keeper.state.chain > old
    first, second = chain.windows({"local": world.place.stored})
    assert first.until > second.since
    assert world.keeper.state.lost == 0


def test_a_base_backup_that_failed_is_told_and_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in each turn: it may have failed for want of space."""

    def refuse(*_: Any) -> None:
        raise errors.SpaceError("no space")

    take = base.take
    monkeypatch.setattr(base, "take", refuse)
    world.begin()
    assert world.keeper.state.error == "no space"
    assert world.worker.given == []
    monkeypatch.setattr(base, "take", take)
    world.keeper.state = replace(world.keeper.state)
    world.keeper._not_before = chain.now()
    world.keeper.tick()
    world.worker.work()
    world.keeper.tick()
    assert (world.keeper.state.error, bool(world.keeper.state.chain)) == ("", True)
