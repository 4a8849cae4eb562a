"""Data outlive mistakes: what would part a platform from its data is refused, and what is destroyed is found again.

One platform that protects its data is shared by the scenarios, which stand in the order of its life.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.conftest import Stacks
from tests.e2e.harness.blueprints import Blueprint, tiny
from tests.e2e.harness.docker_view import Daemon
from tests.e2e.harness.engines import PULUMI, PlainPulumi
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.run import Run

pytestmark = pytest.mark.e2e

QUERY = ("psql", "-U", "main", "-d", "main", "-Atc")
ANOTHER_MAJOR = "slipway-test/postgres-of-another-major:1"


def _prod() -> Blueprint:
    blueprint = tiny()
    blueprint["protect_data"] = True
    blueprint["databases"] = {"main": {"health_interval": "1s", "stop_grace": "10s", "memory": "128MiB"}}
    blueprint["caches"] = {"queue": {"persistence": "aof", "health_interval": "1s", "memory": "64MiB"}}
    blueprint["volumes"] = {"uploads": {}}
    return blueprint


@dataclass
class Life:
    """The platform, and what must never change."""

    platform: Platform
    token: str = ""
    tried: list[Run] = field(default_factory=list)

    @property
    def data(self) -> str:
        """The name of the database's volume."""
        return f"slipway-{self.platform.workspace.stack}-main-data"

    def query(self, sql: str) -> str:
        """Ask the database."""
        server = self.platform.world.of("main")[0].id
        code, text = self.platform.daemon.exec(server, *QUERY, sql)
        assert code == 0, text
        return text.strip()

    def ask_data(self, *command: str) -> Run:
        """Run a command of ``slipway data``."""
        return self.platform.workspace.run("./slipway", "data", *command, "--stack", self.platform.workspace.stack)

    def read_token(self) -> str:
        """Return the generated secret as the service has it."""
        api = self.platform.world.of("api")[0].id
        code, text = self.platform.daemon.exec(api, "cat", "/run/secrets/token")
        assert code == 0, text
        return text

    def attempt(self, change: Callable[[Blueprint], Any]) -> Run:
        """Deploy a changed description, expect that nothing at all is touched, and put the description back."""
        before = self.platform.world, self.platform.workspace.checkpoint().resources
        blueprint = _prod()
        change(blueprint)
        try:
            run = self.platform.deploy(blueprint)
        finally:
            self.platform.workspace.write(_prod())
        self.tried.append(run)
        assert (self.platform.world, self.platform.workspace.checkpoint().resources) == before, run
        return run.failed("refused, nothing was touched")


@pytest.fixture(scope="module")
def life(stacks: Stacks, engine: str) -> Iterator[Life]:
    """Deploy it with some rows."""
    found = Life(stacks.new(engine, _prod()))
    found.platform.up().ended()
    found.query("create table kept (n int); insert into kept select generate_series(1, 1000)")
    found.token = found.read_token()
    yield found
    stacks.remove(found.platform)


@pytest.fixture
def another_major(daemon: Daemon) -> Iterator[str]:
    """Make an image that says that it is a PostgreSQL of another major version."""
    base = next(tag for image in daemon.client.images.list("slipway/postgres") for tag in image.tags)
    dockerfile = io.BytesIO(f"FROM {base}\nENV PG_MAJOR=42\n".encode())
    daemon.client.images.build(fileobj=dockerfile, tag=ANOTHER_MAJOR, rm=True, forcerm=True)
    yield ANOTHER_MAJOR
    daemon.client.images.remove(ANOTHER_MAJOR)


def test_an_unchanged_platform_is_not_refused(life: Life) -> None:
    """The guard stands in nobody's way."""
    assert "nothing changed" in life.platform.up().ended().text


def test_a_renamed_database_is_refused(life: Life) -> None:
    """With the safe way."""

    def rename(blueprint: Blueprint) -> None:
        blueprint["databases"] = {"store": blueprint["databases"].pop("main")}

    life.attempt(rename).failed("main: it would be replaced by store", "keep the name main", life.data)


def test_a_removed_cache_and_a_removed_volume_are_refused(life: Life) -> None:
    """Both at once, each with its way."""

    def remove(blueprint: Blueprint) -> None:
        del blueprint["caches"], blueprint["volumes"]

    life.attempt(remove).failed("queue: it is no longer described", "uploads: it is no longer described")


def test_another_volume_name_is_refused(life: Life) -> None:
    """The database would start empty."""
    run = life.attempt(lambda blueprint: blueprint["databases"]["main"].update(volume_name="elsewhere"))
    run.failed("its data volume would be elsewhere", f"databases.main.volume_name: {life.data}")


def test_another_driver_is_refused(life: Life) -> None:
    """Docker would delete the volume and make another."""
    life.attempt(lambda blueprint: blueprint["volumes"]["uploads"].update(driver="nfs")).failed("driver nfs")


def test_another_encryption_key_is_refused(life: Life) -> None:
    """A longer generated secret is another one."""
    life.attempt(lambda blueprint: blueprint["secrets"]["token"].update(length=64)).failed("token: a new value of 64")


def test_another_major_version_is_refused(life: Life, another_major: str) -> None:
    """By what the image says of itself, before the server of now is stopped."""
    run = life.attempt(lambda blueprint: blueprint["databases"]["main"].update(image=another_major))
    run.failed("its data are those of PostgreSQL 15", "is PostgreSQL 42")


def test_a_preview_shows_the_plan_and_says_that_it_would_be_refused(life: Life) -> None:
    """Exit code 1."""
    blueprint = _prod()
    del blueprint["volumes"]
    life.platform.workspace.write(blueprint)
    run = life.platform.slipway.preview()
    life.platform.workspace.write(_prod())
    run.ended(1).failed("uploads: it is no longer described", "refused")


def test_plain_pulumi_refuses_by_protection(life: Life, engine: str) -> None:
    """Without Slipway's command there is no guard, and the provider's protection still keeps volume and rows."""
    if engine != PULUMI:
        pytest.skip("is about the Pulumi CLI alone")
    blueprint = _prod()
    del blueprint["volumes"]
    life.platform.workspace.write(blueprint)
    run = PlainPulumi(life.platform.workspace).up()
    life.platform.workspace.write(_prod())
    run.failed("protected", "uploads-data")
    assert f"slipway-{life.platform.workspace.stack}-uploads" in life.platform.world.volumes
    life.platform.up().ended()


def test_a_destroyed_platform_finds_data_and_credentials_again(life: Life) -> None:
    """Volumes stay on the host and what is protected in the state: the next deployment has every row and secret."""
    run = life.platform.destroy().ended()
    assert f"stays: data volumes {life.data}" in run.text
    world = life.platform.world
    assert not world.containers
    assert not world.networks
    assert life.data in world.volumes
    listed = json.loads(life.ask_data("list", "--json").ended().out)
    kept = {item["part"]: item for item in listed}
    assert set(kept) == {"main", "queue", "uploads"}
    assert kept["main"]["used_by"] == []
    assert kept["main"]["protected"] is True
    assert kept["main"]["bytes"] > 1_000_000
    life.platform.up().ended()
    assert life.query("select count(*), sum(n) from kept") == "1000|500500"
    assert life.read_token() == life.token
    life.platform.assert_converged()


def test_destroy_with_all_volumes_is_refused_unless_each_is_named(life: Life) -> None:
    """The platform still runs afterwards."""
    life.platform.destroy("--volumes").failed("protected", f"--delete-data {life.data}")
    life.platform.world.assert_well(main=1)


def test_data_in_use_cannot_be_removed(life: Life) -> None:
    """Not by ``data remove`` either."""
    life.ask_data("remove", life.data, "--yes").failed("is used by main-server")


def test_a_named_volume_goes_and_the_others_stay(life: Life) -> None:
    """And the next deployment makes a new one."""
    life.platform.destroy("--delete-data", life.data).ended()
    assert life.data not in life.platform.world.volumes
    assert f"slipway-{life.platform.workspace.stack}-uploads" in life.platform.world.volumes
    life.platform.up().ended()
    assert life.query("select to_regclass('kept') is null") == "t"
    assert life.read_token() == life.token
    life.platform.assert_converged()
