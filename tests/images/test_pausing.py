"""Holding what writes a volume: a Docker that is made up, the real pauser, and whoever is killed in between."""

from __future__ import annotations

import importlib
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness.waiting import until

# By name: the package is checked where its libraries are, in its image.
archive: Any = importlib.import_module("slipway_backup.archive")
client: Any = importlib.import_module("slipway_backup.pausing.client")
config: Any = importlib.import_module("slipway_backup.config")
engine: Any = importlib.import_module("slipway_backup.pausing.engine")
errors: Any = importlib.import_module("slipway_backup.errors")
holding: Any = importlib.import_module("slipway_backup.pausing.holding")
reader: Any = importlib.import_module("slipway_backup.reader")
report: Any = importlib.import_module("slipway_backup.report")
server: Any = importlib.import_module("slipway_backup.pausing.server")
volume: Any = importlib.import_module("slipway_backup.stores.volume")

QUIET = report.Report(quiet=True)
OWN = {"slipway.project": "shop", "slipway.stack": "prod"}
NEVER = "0001-01-01T00:00:00Z"


@dataclass
class Thing:
    """A container of the Docker that is made up."""

    name: str
    state: str = "running"
    labels: dict[str, str] = field(default_factory=lambda: {**OWN, "slipway.part": "api"})
    volume: str = "shop-uploads"
    writes: bool = True
    started: str = "2026-11-30T10:00:00Z"


@dataclass
class World:
    """That Docker: it answers what the pauser asks, and notes what it was told."""

    socket: Path
    things: dict[str, Thing] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    """``pause api``, ``unpause api``, …"""
    before_pause: Callable[[str], None] = lambda _: None
    """Runs before a container is paused: something that happens meanwhile."""
    stubborn: set[str] = field(default_factory=set)
    """Containers that can't be paused."""

    def state(self, name: str) -> str:
        """Return how a container is."""
        return self.things[name].state


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, world: World) -> None:
        self.world = world
        super().__init__(str(world.socket), _Handler)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        things = self.server.world.things  # type: ignore[attr-defined]
        if self.path == "/_ping":
            self._answer(200, "OK")
        elif self.path.startswith("/containers/json?all=1&"):
            mounts = {name: {"Type": "volume", "Name": item.volume, "RW": item.writes} for name, item in things.items()}
            self._answer(200, [{"Id": name, "Mounts": [mount]} for name, mount in mounts.items()])
        elif (item := things.get(self.path.split("/")[2])) is None:
            self._answer(404, {"message": "No such container"})
        else:
            state = {"Status": item.state, "StartedAt": item.started}
            seen = {"Id": self.path.split("/")[2], "Name": f"/{item.name}", "Config": {"Labels": item.labels}}
            self._answer(200, {**seen, "State": state})

    def do_POST(self) -> None:
        world: World = self.server.world  # type: ignore[attr-defined]
        _, _, name, what = self.path.split("/")
        world.told.append(f"{what} {name}")
        if what == "pause":
            world.before_pause(name)
        item = world.things.get(name)
        wanted, becomes = ("running", "paused") if what == "pause" else ("paused", "running")
        if item is None:
            self._answer(404, {"message": "No such container"})
        elif item.state != wanted or (what == "pause" and name in world.stubborn):
            self._answer(409 if what == "pause" else 500, {"message": f"Container {name} can't"})
        else:
            item.state = becomes
            self._answer(204, None)

    def _answer(self, code: int, content: Any) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body:
            self.wfile.write(body)

    def address_string(self) -> str:
        """Return who asks: over this kind of socket nobody has an address."""
        return "pauser"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def _served(serving: socketserver.BaseServer) -> Iterator[None]:
    threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
    yield
    serving.shutdown()
    serving.server_close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Serve it."""
    made = World(tmp_path / "docker.sock")
    with _served(_Server(made)):
        yield made


def _holder(world: World) -> Any:
    docker = engine.Engine(str(world.socket), "shop", "prod")
    return holding.Holder(docker, {"uploads": "shop-uploads"}, world.socket.with_name("held.json"))


@pytest.fixture
def holder(world: World) -> Any:
    """Return who holds."""
    return _holder(world)


@pytest.fixture
def place(world: World, holder: Any) -> Iterator[Path]:
    """Serve the pauser, and return its socket."""
    where = world.socket.with_name("pauser")
    with _served(server.Server(where, holder, 0.5)):
        yield where


class TestWhoIsHeld:
    def test_what_runs_and_writes_the_volume(self, world: World, holder: Any) -> None:
        """Not who reads it, not who writes another one, not who does not run."""
        world.things = {
            "api": Thing("shop-api"),
            "web": Thing("shop-web", writes=False),
            "job": Thing("shop-job", state="exited"),
            "other": Thing("shop-other", volume="shop-mails"),
        }
        hold = holder.hold("uploads")
        assert (world.told, hold.held) == (["pause api"], {"api": "shop-api"})
        assert hold.broken() is None
        hold.end()
        assert {item.state for item in world.things.values()} == {"running", "exited"}

    @pytest.mark.parametrize(
        ("thing", "reason"),
        [
            (Thing("stranger", labels={}), "stranger writes it, which is no service of this stack"),
            (Thing("staging", labels={**OWN, "slipway.stack": "dev"}), "no service of this stack"),
            (Thing("writer", labels={**OWN, "slipway.part": "backups"}), "no service of this stack"),
            (Thing("shop-web", state="paused"), "shop-web was paused by somebody else"),
            (Thing("shop-web", state="restarting"), "shop-web ends again and again"),
        ],
    )
    def test_who_can_not_be_held_is_named_and_nobody_stands_still(
        self, world: World, holder: Any, thing: Thing, reason: str
    ) -> None:
        """Else the archive would be called paused, and be written meanwhile."""
        world.things = {"api": Thing("a"), "web": thing}
        before = thing.state
        with pytest.raises(holding.RefusedError, match=reason):
            holder.hold("uploads")
        assert (world.state("api"), world.state("web")) == ("running", before)
        assert not holder.note.exists()

    def test_docker_refuses_and_nobody_stands_still(self, world: World, holder: Any) -> None:
        world.things = {"api": Thing("a"), "web": Thing("b")}
        world.stubborn = {"web"}
        with pytest.raises(holding.RefusedError, match="b can't be paused: Container web can't"):
            holder.hold("uploads")
        assert world.state("api") == "running"
        world.stubborn = set()
        holder.hold("uploads").end()

    def test_nothing_else_can_be_asked_for(self, world: World, holder: Any) -> None:
        """A volume that is not in the description, or two at once."""
        world.things = {"api": Thing("a")}
        with pytest.raises(holding.RefusedError, match="mails is no volume whose services are paused"):
            holder.hold("mails")
        hold = holder.hold("uploads")
        with pytest.raises(holding.RefusedError, match="another one holds services already"):
            holder.hold("uploads")
        assert world.state("api") == "paused"
        hold.end()

    def test_who_comes_or_goes_while_they_are_paused(self, world: World, holder: Any) -> None:
        """A deployment: what is gone does not matter, what comes is held, too."""
        world.things = {"old": Thing("a"), "api": Thing("b")}

        def deploy(name: str) -> None:
            if name == "old":
                world.things["old"].state = "exited"
                world.things["new"] = Thing("c", started="2026-11-30T11:00:00Z")

        world.before_pause = deploy
        hold = holder.hold("uploads")
        assert set(hold.held) == {"api", "new"}
        assert hold.broken() is None
        hold.end()


class TestWhatHappensMeanwhile:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda things: setattr(things["api"], "state", "running"), "shop-api did not stand still to the end"),
            (lambda things: things.pop("api"), "shop-api did not stand still to the end"),
            (lambda things: things.update(new=Thing("shop-new")), "shop-new was started meanwhile"),
            (lambda things: things.update(new=Thing("x", labels={})), "x was started meanwhile"),
            (lambda things: setattr(things["job"], "started", "later"), "shop-job was started meanwhile"),
            (lambda things: things.update(new=Thing("made", state="created", started=NEVER)), None),
        ],
    )
    def test_what_may_have_written_is_named(self, world: World, holder: Any, change: Any, words: str | None) -> None:
        """By what is at the end: a container that only stands ready has written nothing."""
        world.things = {"api": Thing("shop-api"), "job": Thing("shop-job", state="exited")}
        hold = holder.hold("uploads")
        change(world.things)
        assert hold.broken() == words
        hold.end()
        assert "paused" not in {item.state for item in world.things.values()}


class TestWhoIsKilled:
    def test_who_asked_is_gone_and_they_go_on(self, world: World, place: Path) -> None:
        """The kernel ends the connection, however the process ends."""
        world.things = {"api": Thing("a")}
        with client.hold(place, "uploads") as held:
            assert (list(held.held), world.state("api")) == (["a"], "paused")
        until(lambda: world.state("api") == "running", "it goes on", 10)

    def test_the_pauser_is_killed_and_the_next_one_lets_go_whom_it_held(self, world: World) -> None:
        """And nobody else: what somebody paused by hand stays as it is."""
        world.things = {"api": Thing("a"), "other": Thing("b", state="paused", volume="x")}
        _holder(world).hold("uploads")  # and no more is heard of it
        assert world.state("api") == "paused"
        assert _holder(world).tidy() == ["api"]
        assert (world.state("api"), world.state("other")) == ("running", "paused")
        assert _holder(world).tidy() == []

    def test_killed_between_note_and_pause(self, world: World) -> None:
        """What is noted may not have been paused, or be gone."""
        world.things = {"api": Thing("a")}
        _holder(world).note.write_text('["api", "gone"]', encoding="utf-8")
        assert _holder(world).tidy() == ["api", "gone"]
        assert world.state("api") == "running"

    def test_it_is_noted_before_it_is_done(self, world: World, holder: Any) -> None:
        world.things = {"api": Thing("a")}
        noted: list[str] = []
        world.before_pause = lambda _: noted.append(holder.note.read_text(encoding="utf-8"))
        holder.hold("uploads").end()
        assert noted == ['["api"]']

    def test_the_pauser_ends_in_order_and_they_go_on(self, world: World, holder: Any) -> None:
        """Nobody is held after that, not even by a request that was on its way."""
        world.things = {"api": Thing("a")}
        holder.hold("uploads")
        holder.let_go(for_good=True)
        assert world.state("api") == "running"
        with pytest.raises(holding.RefusedError, match="the pauser is ending"):
            holder.hold("uploads")

    def test_it_takes_too_long_and_they_go_on(self, world: World, place: Path) -> None:
        """Whoever asked is told at its next look, and its archive is none."""
        world.things = {"api": Thing("a")}
        with client.hold(place, "uploads") as held:
            held.check()
            until(lambda: world.state("api") == "running", "it goes on", 10)
            with pytest.raises(errors.BackupError, match=r"held for 0.5 s, the longest that is allowed"):
                held.check()

    def test_docker_is_gone(self, world: World, place: Path, holder: Any) -> None:
        """It is told, and the process ends to be started anew: a socket that was made anew is seen only then."""
        holder.engine = engine.Engine(str(world.socket.with_name("none")), "shop", "prod")
        with pytest.raises(errors.BackupError, match="Docker does not answer"), client.hold(place, "uploads"):
            pass

    def test_nobody_answers(self, tmp_path: Path) -> None:
        with (
            pytest.raises(errors.BackupError, match=r"the pauser gives no answer .*slipway status"),
            client.hold(tmp_path / "none", "uploads"),
        ):
            pass


class TestHealth:
    def test_it_is_well_while_docker_answers(self, place: Path) -> None:
        assert server.main(["health", str(place)]) == 0

    def test_it_is_not_without_docker(self, world: World, place: Path, holder: Any) -> None:
        holder.engine = engine.Engine(str(world.socket.with_name("none")), "shop", "prod")
        assert server.main(["health", str(place)]) == 1

    def test_it_is_not_when_it_is_gone(self, tmp_path: Path) -> None:
        assert server.main(["health", str(tmp_path / "none")]) == 1


class TestAnArchive:
    @pytest.fixture
    def store(self, tmp_path: Path, world: World, place: Path) -> Iterator[Any]:
        """Return a volume that is open, with a reader and a pauser."""
        world.things = {"api": Thing("shop-api")}
        folder = tmp_path / "data" / "uploads"
        folder.mkdir(parents=True)
        (folder / "a").write_text("hello", encoding="utf-8")
        options = {"socket": str(tmp_path / "uploads.sock"), "pauser": str(place)}
        with (
            _served(reader._Server(folder, options["socket"])),
            volume.Volume(config.Part("uploads", "volume", options)).open() as opened,
        ):
            yield opened

    def test_it_says_that_it_was_taken_paused(self, world: World, store: Any, tmp_path: Path) -> None:
        content = store.dump(tmp_path, QUIET)
        assert content["paused"]["containers"] == ["shop-api"]
        assert content["paused"]["seconds"] >= 0
        assert world.told == ["pause api", "unpause api"]
        assert volume.compare(tmp_path / volume.ARCHIVE, content) == []

    def test_it_is_taken_anew_where_a_deployment_came_between(
        self, world: World, store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The second one is whole; after the third it fails, and is never live instead."""
        broken = iter(["shop-api did not stand still to the end", None])
        monkeypatch.setattr(holding.Hold, "broken", lambda _: next(broken, "it goes on and on"))
        assert "paused" in store.dump(tmp_path, QUIET)
        assert world.told == ["pause api", "unpause api"] * 2
        with pytest.raises(errors.BackupError, match="in 3 tries: it goes on and on; wait for the end"):
            store.dump(tmp_path, QUIET)

    def test_it_fails_where_the_pause_can_not_be_had(self, world: World, store: Any, tmp_path: Path) -> None:
        world.things["api"].state = "restarting"
        with pytest.raises(errors.BackupError, match="volume uploads is to be archived with its services paused: shop"):
            store.dump(tmp_path, QUIET)
        assert not (tmp_path / volume.ARCHIVE).exists()

    def test_files_that_change_all_the_same_are_no_warning(
        self, store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Somebody writes it whom Docker does not know: a program of the host."""
        write = archive.write

        def changing(folder: Path, out: Any) -> Any:
            found = write(folder, out)
            found.changed.append("a")
            return found

        monkeypatch.setattr(archive, "write", changing)
        with pytest.raises(errors.BackupError, match="a; something writes it that Docker does not know of"):
            store.dump(tmp_path, QUIET)
