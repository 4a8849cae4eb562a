"""``slipway upgrade``: what is refused, what is deployed in which order, and what an interruption leads to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from cli.deploy import Deployment
from operate.upgrading import Carried, Target, UpgradeRefused
from tests.cli.conftest import FakeWorkplace, Said

Slipway = Callable[..., Said]

OLD, NEW = "shop-dev-main-data", "shop-dev-main-data-pg17"
RECORD: dict[str, Any] = {
    "number": 3, "time": "", "who": "", "commit": "", "engine": "embedded", "message": "up", "seconds": 1.0,
    "changes": {}, "environment": "dev", "profiles": [], "images": {},
    "description": {"name": "shop", "databases": {"main": {"image": "db:15"}}, "services": {"api": {"image": "api:1"}}},
}  # fmt: skip


@dataclass
class World:
    """What happens, in order, and what fails."""

    work: FakeWorkplace
    done: list[str] = field(default_factory=list)
    fails: set[str] = field(default_factory=set)
    volume: str = OLD

    def note(self, what: str) -> None:
        self.done.append(what)
        if what in self.fails:
            raise UpgradeRefused(f"{what} is refused")

    def deploy(self, _work: object, asked: Deployment) -> None:
        record = json.loads(Path(str(self.work.release)).read_text()) if self.work.release else None
        if record is None:
            self.done.append("deploy the description")
            return
        main = record["description"]["databases"]["main"]
        said = f"deploy {main.get('image')} on {main.get('volume_name', OLD)}, protect {main.get('protect')}"
        self.done.append(said if not asked.recorded else f"{said}, recorded")
        if "switch" in self.fails and main.get("volume_name") == NEW and main["protect"]:
            self.volume = NEW
            raise SystemExit(1)
        self.volume = main.get("volume_name", OLD)
        if asked.ended:
            asked.ended()


WORLD: list[World] = []


class FakeServer:
    """The new server."""

    volume = NEW

    def __getattr__(self, name: str) -> Callable[[], None]:
        return lambda: WORLD[-1].note(f"server: {name}")


class FakeUpgrade:
    """Notes what it is asked."""

    targets: ClassVar[list[Target]] = []

    def __init__(self, *given: Any) -> None:
        self.targets.append(given[3])

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *_, **__: WORLD[-1].note(name)

    def tidy(self, _serving: str | None) -> list[str]:
        return []

    def live(self) -> FakeUpgrade:
        return self

    def written(self, _database: str) -> int:
        return 0

    def check(self, _live: object, *, same: bool) -> int:
        WORLD[-1].note(f"check same={same}")
        return 15

    def carry(self, _live: object) -> Carried:
        WORLD[-1].note("carry")
        server: Any = FakeServer()
        return Carried(server, 2, 7, 1.5)

    @contextmanager
    def writers_held(self, _live: object) -> Iterator[Callable[[], None]]:
        WORLD[-1].note("hold")
        try:
            yield lambda: WORLD[-1].note("go on")
        finally:
            WORLD[-1].done.append("let go")


class FakeRestore:
    """Makes the backup."""

    def safety(self, otherwise: str) -> str:
        assert otherwise == ""
        WORLD[-1].note("backup")
        return "20261129T020000Z-3f9a"


@pytest.fixture
def world(work: FakeWorkplace, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a stack with a database that was deployed."""
    path = work.root / "blueprints" / "shop.yaml"
    path.write_text(
        path.read_text()
        + "secrets: {far_password: {}}\nnetworks: {edge: {}}\n"
        + "databases:\n  main: {image: 'db:17', memory: 1GiB}\n"
        + "  far: {external: {host: db.example.org, password: far_password}}\n"
        + "backups: {image: 'backup:17', exclude: [far]}\n"
    )
    settings = work.root / "Pulumi.dev.yaml"
    settings.write_text(settings.read_text() + "  slipway:far_password: {secure: v1:x}\n")
    releases = work.root / ".state" / ".slipway" / "releases" / "shop" / "dev"
    releases.mkdir(parents=True)
    (releases / "3.json").write_text(json.dumps(RECORD))
    made = World(work)
    WORLD.append(made)
    FakeUpgrade.targets.clear()
    monkeypatch.setattr("cli.database_upgrade.Upgrade", FakeUpgrade)
    monkeypatch.setattr("cli.database_upgrade.deploy", made.deploy)
    monkeypatch.setattr("cli.database_upgrade.open_restore", lambda *_: FakeRestore())
    monkeypatch.setattr("cli.database_upgrade.serving_volume", lambda *_: made.volume)
    return made


def _noted(world: World) -> Any:
    config = yaml.safe_load((world.work.root / "Pulumi.dev.yaml").read_text())["config"]
    return config.get("slipway:overrides", {}).get("databases", {}).get("main")


UPGRADE = ("upgrade", "database", "main", "--to", "17", "--yes")


def test_the_order_of_an_upgrade(slipway: Slipway, world: World) -> None:
    """Verified backup first; nothing is noted before the new server has its place; users go on as soon as it has."""
    said = slipway(*UPGRADE)
    assert said.code == 0, said.err
    assert world.done == [
        "check same=False", "check_image", "check_programs", "check_jobs", "backup",
        f"deploy db:15 on {OLD}, protect False",
        "hold", "carry", "refuse_writes_since", "server: stop",
        f"deploy db:17 on {NEW}, protect True, recorded", "go on", "let go",
        "server: remove",
    ]  # fmt: skip
    assert _noted(world) == {"volume_name": NEW}
    assert f"the old one is kept: {OLD}" in said.out
    assert world.work.release is None
    target = FakeUpgrade.targets[0]
    assert (target.image, target.major, target.database) == ("db:17", 17, "main")


def test_an_image_that_is_named_is_noted_too(slipway: Slipway, world: World) -> None:
    """The next deployment needs it."""
    assert slipway(*UPGRADE, "--image", "db:17.2").code == 0
    assert _noted(world) == {"volume_name": NEW, "image": "db:17.2"}


def test_a_rehearsal_deploys_nothing(slipway: Slipway, world: World) -> None:
    """And holds nobody."""
    said = slipway(*UPGRADE, "--rehearse")
    assert said.code == 0, said.err
    assert world.done == ["check same=False", "check_image", "check_programs", "carry", "server: give_up"]
    assert "it took 1.5 s" in said.out


@pytest.mark.parametrize("what", ["carry", "refuse_writes_since", "server: stop"])
def test_what_fails_before_the_switch_leaves_the_old_one_protected(slipway: Slipway, world: World, what: str) -> None:
    """By the last release, deployed again."""
    world.fails.add(what)
    said = slipway(*UPGRADE)
    assert (said.code, said.err) == (1, f"error: {what} is refused\n")
    assert world.done[-1] == f"deploy db:15 on {OLD}, protect None"
    assert ("server: give_up" in world.done) == (what != "carry")
    assert _noted(world) is None


def test_a_new_server_that_does_not_come_up_is_taken_back(
    slipway: Slipway, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While everybody is still held: its volume is let loose, the last release has its place again."""
    import click.exceptions  # noqa: PLC0415 - only here

    deploy = world.deploy

    def failing(work: object, asked: Deployment) -> None:
        try:
            deploy(work, asked)
        except SystemExit:
            raise click.exceptions.Exit(1) from None

    monkeypatch.setattr("cli.database_upgrade.deploy", failing)
    world.fails.add("switch")
    said = slipway(*UPGRADE)
    assert said.code == 1
    assert "does not come up, so the old one serves again; nothing was lost" in said.err
    after = world.done[world.done.index(f"deploy db:17 on {NEW}, protect True, recorded") + 1 :]
    assert after[:3] == [
        f"deploy db:17 on {NEW}, protect False",
        f"deploy db:15 on {OLD}, protect None",
        "server: give_up",
    ]
    assert "let go" in after[3:]
    assert _noted(world) is None


def test_one_that_was_killed_after_the_switch_goes_on(slipway: Slipway, world: World) -> None:
    """The state has the new volume: what is left is to note it."""
    world.volume = NEW
    said = slipway(*UPGRADE)
    assert said.code == 0, said.err
    assert world.done == ["deploy the description"]
    assert _noted(world) == {"volume_name": NEW}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("far", "error: far is run by somebody else, at db.example.org"),
        ("nothing", "error: there is no database nothing\n  allowed: main"),
    ],
)
def test_what_there_is_not_to_upgrade(slipway: Slipway, world: World, name: str, text: str) -> None:
    """Exit code 2."""
    said = slipway("upgrade", "database", name, "--to", "17", "--yes")
    assert said.code == 2
    assert said.err.startswith(text)
    assert world.done == []


def test_without_backups_nothing_is_upgraded(slipway: Slipway, world: World) -> None:
    """A copy that was never proved to restore is none."""
    path = world.work.root / "blueprints" / "shop.yaml"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if not line.startswith("backups")))
    said = slipway(*UPGRADE)
    assert said.code == 2
    assert "fix: add backups: {}" in said.err


def test_without_an_answer_nothing_happens(slipway: Slipway, world: World) -> None:
    """Exit code 2; all checks were made before the question."""
    assert slipway(*UPGRADE[:-1]).code == 2
    assert "backup" not in world.done
    assert slipway(*UPGRADE, "--stack", "nowhere").code == 6
