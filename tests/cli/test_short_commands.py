"""Thin commands: psql, redis-cli, run, scan, profiles, check-env."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import FakeWorkplace, Said
from tests.operate.fake_docker import container

Slipway = Callable[..., Said]
BLUEPRINT = """\
name: shop
secrets:
  api_key: {description: "example.org, keys"}
services:
  api: {image: "api:1", port: 8000, health: {path: /health}}
  nmap: {image: "nmap:1", profiles: [scan], relax: {health: it does nothing by itself}}
jobs:
  seed: {image: "api:1", phase: manual}
  look: {image: "trivy:1", phase: manual, profiles: [scan], secrets: [api_key]}
  look-deeper: {image: "trivy:1", phase: manual, profiles: [scan]}
profiles: {big: {services: {api: {memory: 2GiB}}}}
environments: {dev: {}, prod: {}}
"""


@pytest.fixture
def shop(work: FakeWorkplace) -> FakeWorkplace:
    """Return the project with a blueprint that has profiles, jobs and a secret."""
    (work.root / "blueprints/shop.yaml").write_text(BLUEPRINT, encoding="utf-8")
    return work


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[str, ...]]]:
    """Return what is run in containers, by container."""
    asked: list[tuple[str, tuple[str, ...]]] = []

    def run(_client: object, identity: str, command: tuple[str, ...], *, terminal: bool) -> int:
        assert not terminal
        asked.append((identity, tuple(command)))
        return 3

    monkeypatch.setattr("cli.inside.run_inside", run)
    return asked


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return which jobs are started; each ends with the code that stands here, else 0."""
    told: dict[str, Any] = {"jobs": [], "codes": {}}

    def run(_client: object, job: Any, write: Callable[[int, bytes], None]) -> int:
        told["jobs"].append(job.part)
        write(1, b"said\n")
        return int(told["codes"].get(job.part, 0))

    monkeypatch.setattr("cli.commands.run.run_again", run)
    return told


def profiles(work: FakeWorkplace, *names: str) -> None:
    """Switch profiles on."""
    file = work.root / "Pulumi.dev.yaml"
    file.write_text(f"config:\n  slipway:blueprint: shop\n  slipway:profiles: {json.dumps(names)}\n", encoding="utf-8")


class TestStores:
    """``slipway psql`` and ``slipway redis-cli``."""

    def test_psql_is_logged_in_as_the_owner(self, slipway: Slipway, work: FakeWorkplace, inside: list[Any]) -> None:
        """The container knows the names; what follows is psql's, and so is the exit code."""
        work.api.things.append(database := container("main", kind="database", role="server"))
        assert slipway("psql", "--", "-c", "select 1").code == 3
        identity, command = inside[0]
        assert identity == database["Id"]
        assert command[2] == 'exec psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" "$@"'
        assert command[3:] == ("psql", "-c", "select 1")

    def test_redis_cli_knows_the_password(self, slipway: Slipway, work: FakeWorkplace, inside: list[Any]) -> None:
        """From its file, inside the container: never an argument."""
        work.api.things.append(container("queue", kind="cache", role="server"))
        assert slipway("redis-cli", "--", "INFO", "memory").code == 3
        assert inside[0][1][2].startswith("REDISCLI_AUTH=$(cat /tmp/own-password) exec redis-cli --user slipway")
        assert inside[0][1][4:] == ("INFO", "memory")

    def test_of_several_one_is_named(self, slipway: Slipway, work: FakeWorkplace, inside: list[Any]) -> None:
        """Nothing is guessed."""
        work.api.things += [container(name, kind="database", role="server") for name in ("main", "other")]
        said = slipway("psql")
        assert (said.code, inside) == (2, [])
        assert said.err == (
            "error: stack dev has no one database, but several, say which one\n  allowed: main, other\n"
        )
        assert slipway("psql", "--database", "other").code == 3
        assert inside[0][0] == work.api.things[-1]["Id"]

    def test_none_that_runs(self, slipway: Slipway) -> None:
        """Exit code 2."""
        said = slipway("redis-cli")
        assert said.code == 2
        assert "no one cache, but none that runs" in said.err


class TestRun:
    """``slipway run``."""

    def test_a_job_runs_and_its_exit_code_is_told(
        self, slipway: Slipway, work: FakeWorkplace, started: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its output is the command's."""
        written: list[tuple[int, bytes]] = []

        def write(where: int, data: bytes) -> int:
            written.append((where, data))
            return len(data)

        monkeypatch.setattr("os.write", write)
        work.api.things.append(container("seed", kind="job", role="job", state="created", health=None))
        started["codes"]["seed"] = 4
        assert slipway("run", "seed").code == 4
        assert started["jobs"] == ["seed"]
        assert (1, b"said\n") in written

    def test_an_unknown_job(self, slipway: Slipway, work: FakeWorkplace, started: dict[str, Any]) -> None:
        """The known ones are named; a service is none."""
        work.api.things.append(container("seed", kind="job", role="job", state="created", health=None))
        said = slipway("run", "api")
        assert (said.code, started["jobs"]) == (2, [])
        assert said.err == "error: stack dev has no job 'api'\n  allowed: seed\n  fix: slipway up --stack dev\n"


class TestScan:
    """``slipway scan``."""

    def test_scan_says_what_is_missing(self, slipway: Slipway, shop: FakeWorkplace) -> None:
        """The profile is off: how to switch it on."""
        del shop
        said = slipway("scan")
        assert said.code == 2
        assert "slipway profiles on scan --stack dev, then slipway up --stack dev" in said.err

    def test_scan_runs_the_jobs_of_the_profile(
        self, slipway: Slipway, shop: FakeWorkplace, started: dict[str, Any]
    ) -> None:
        """All of them, even after one that found something, whose exit code is the command's."""
        (shop.root / "blueprints/shop.yaml").write_text(BLUEPRINT.replace(", secrets: [api_key]", ""))
        profiles(shop, "scan")
        shop.api.things += [container(name, kind="job", role="job", state="exited") for name in ("look", "look-deeper")]
        started["codes"]["look"] = 5
        assert slipway("scan").code == 5
        assert started["jobs"] == ["look", "look-deeper"]
        assert slipway("scan", "look-deeper").code == 0

    def test_scan_runs_a_command_in_a_scanner(self, slipway: Slipway, shop: FakeWorkplace, inside: list[Any]) -> None:
        """A service of the profile is a place to scan from."""
        (shop.root / "blueprints/shop.yaml").write_text(BLUEPRINT.replace(", secrets: [api_key]", ""))
        profiles(shop, "scan")
        shop.api.things.append(container("nmap"))
        assert slipway("scan", "nmap", "--", "nmap", "-sV", "192.0.2.0/24").code == 3
        assert inside[0][1] == ("nmap", "-sV", "192.0.2.0/24")
        assert slipway("scan", "api").err == "error: there is no scanner 'api'\n  allowed: look, look-deeper, nmap\n"


class TestProfiles:
    """``slipway profiles``."""

    def test_profiles_are_shown(self, slipway: Slipway, shop: FakeWorkplace) -> None:
        """With what each adds."""
        profiles(shop, "big")
        assert slipway("profiles").out == "on   big   changes settings\noff  scan  nmap, look, look-deeper\n"
        assert json.loads(slipway("profiles", "--json").out)["scan"] == {
            "on": False,
            "adds": ["nmap", "look", "look-deeper"],
        }

    def test_profiles_are_switched(self, slipway: Slipway, shop: FakeWorkplace) -> None:
        """In the stack's file, the rest of which stays; a secret that a profile needs may come later."""
        file = shop.root / "Pulumi.dev.yaml"
        file.write_text("# ours\nconfig:\n  slipway:blueprint: shop # the shop\n", encoding="utf-8")
        assert slipway("profiles", "on", "scan", "big").code == 0
        assert "slipway:profiles:\n" in file.read_text() or "slipway:profiles: [" in file.read_text()
        assert slipway("profiles").out.splitlines()[0].startswith("on   big")
        assert slipway("profiles", "off", "scan").code == 0
        assert [line[:3] for line in slipway("profiles").out.splitlines()] == ["on ", "off"]
        assert file.read_text().startswith("# ours\nconfig:\n  slipway:blueprint: shop # the shop\n")

    def test_an_unknown_profile_changes_nothing(self, slipway: Slipway, shop: FakeWorkplace) -> None:
        """The known ones are named."""
        before = (shop.root / "Pulumi.dev.yaml").read_text()
        said = slipway("profiles", "on", "scna")
        assert said.code == 2
        assert "no part belongs to profile 'scna'" in said.err
        assert "scan" in said.err
        assert (shop.root / "Pulumi.dev.yaml").read_text() == before


class TestCheckEnv:
    """``slipway check-env``."""

    def test_check_env_names_what_is_missing(self, slipway: Slipway, shop: FakeWorkplace) -> None:
        """Every secret without a value, what it is for, and the command that sets it."""
        profiles(shop, "scan")
        said = slipway("check-env")
        assert said.code == 2
        assert "secrets.api_key" in said.err
        assert "example.org, keys" in said.err
        assert "slipway config set --stack dev --secret api_key" in said.err

    def test_all_is_there(self, slipway: Slipway, shop: FakeWorkplace) -> None:
        """Nothing that is switched on needs the secret."""
        del shop
        said = slipway("check-env")
        assert said.code == 0
        assert said.err.endswith("stack dev has all that shop needs\n") or said.out.endswith(
            "has all that shop needs\n"
        )

    def test_a_folder_to_build_from_is_missing(self, slipway: Slipway, shop: FakeWorkplace) -> None:
        """Said before a deployment is tried."""
        text = BLUEPRINT.replace('api: {image: "api:1", port', "api: {build: {context: apps/api}, port")
        (shop.root / "blueprints/shop.yaml").write_text(text, encoding="utf-8")
        said = slipway("check-env")
        assert said.code == 2
        assert "services.api.build.context: there is no folder apps/api" in said.err
