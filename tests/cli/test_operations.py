"""scale, restart, rollback, releases and maintenance: what they ask of the engine, and what they refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from operate import labels
from tests.cli.conftest import CREATED, UNCHANGED
from tests.operate.fake_docker import entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeWorkplace, Said

    Slipway = Callable[..., Said]

API = {labels.PART: "api", labels.KIND: "service", labels.ROLE: "replica", labels.REPLICA: "0"}


def test_scale_writes_the_stacks_file_and_deploys(slipway: Slipway, work: FakeWorkplace) -> None:
    """So that the number holds for later deployments too."""
    said = slipway("scale", "api=4")
    assert said.code == 0, said
    assert "Pulumi.dev.yaml: slipway:overrides now says replicas of api: 4" in said.out
    assert work.load("dev").platform.services["api"].replicas == 4
    assert work.engine.asked[-1] == ("up", {"refresh": False, "replace": ()})


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("api", "'api' is not NAME=REPLICAS"),
        ("apo=2", "there is no service and no worker 'apo'\n  allowed: api\n  nearest: api"),
        ("api=101", "101 replicas of api are too many"),
    ],
)
def test_scale_refuses(slipway: Slipway, work: FakeWorkplace, asked: str, told: str) -> None:
    """And changes nothing."""
    before = (work.root / "Pulumi.dev.yaml").read_text()
    said = slipway("scale", asked)
    assert said.code == 2
    assert told in said.err
    assert (work.root / "Pulumi.dev.yaml").read_text() == before
    assert not work.engine.asked


def test_scale_refuses_what_the_description_does_not_allow(slipway: Slipway, work: FakeWorkplace) -> None:
    """A service that the gateway leads to needs somebody who answers."""
    before = (work.root / "Pulumi.dev.yaml").read_text()
    said = slipway("scale", "api=0")
    assert said.code == 2
    assert "nobody would answer" in said.err
    assert (work.root / "Pulumi.dev.yaml").read_text() == before


def test_scale_that_nobody_agrees_to_is_not_written(slipway: Slipway, work: FakeWorkplace) -> None:
    """It would come with the next deployment."""
    work.knows_what_runs(stack="prod")
    before = (work.root / "Pulumi.prod.yaml").read_text()
    said = slipway("scale", "api=4", "--stack", "prod")
    assert (said.code, work.engine.asked) == (2, [])
    assert "Nobody is there to answer: add --yes" in said.err
    assert (work.root / "Pulumi.prod.yaml").read_text() == before


def test_restart_replaces_the_replicas(slipway: Slipway, work: FakeWorkplace) -> None:
    """By their URNs; of nothing else."""
    replica = {**entry("api-0", labels=API), "id": work.api.things[0]["Id"]}
    work.knows(replica, entry("gateway-server", labels={labels.PART: "gateway", labels.KIND: "gateway"}))
    said = slipway("restart", "api")
    assert said.code == 0, said
    assert work.engine.asked[-1][1]["replace"] == (replica["urn"],)


def test_restart_refuses_a_name_that_does_not_run(slipway: Slipway, work: FakeWorkplace) -> None:
    """With those that do."""
    work.knows(entry("api-0", labels=API))
    said = slipway("restart", "gateway")
    assert said.code == 2
    assert "no service and no worker 'gateway' runs\n  allowed: api" in said.err
    assert not work.engine.asked


def test_releases_are_listed_and_compared(slipway: Slipway, work: FakeWorkplace) -> None:
    """The newest first."""
    assert slipway("releases").out == "stack dev: no release yet\n"
    slipway("up")
    slipway("scale", "api=3")
    listed = json.loads(slipway("releases", "--json").out)
    assert [(item["number"], item["message"]) for item in listed] == [(2, "scale api=3"), (1, "up")]
    assert "up" in slipway("releases").out
    difference = slipway("releases", "--show", "2", "--diff", "1").out
    assert "-    replicas: 1" in difference
    assert "+    replicas: 3" in difference
    assert "name: shop" in slipway("releases", "--show", "1").out
    assert slipway("releases", "--show", "9").code == 6
    assert slipway("releases", "--diff", "1").code == 2
    work.engine.events = UNCHANGED
    slipway("up")
    assert len(json.loads(slipway("releases", "--json").out)) == 2


def test_rollback_deploys_the_release_before(slipway: Slipway, work: FakeWorkplace) -> None:
    """And leaves the description as it is."""
    assert slipway("rollback").code == 6
    slipway("up")
    slipway("scale", "api=3")
    seen = []
    plain_up = work.engine.up

    def up(*arguments: object, **options: object) -> object:
        seen.append(work.load("dev").platform.services["api"].replicas)
        return plain_up(*arguments, **options)  # type: ignore[arg-type]

    work.engine.up = up  # type: ignore[method-assign, assignment]
    said = slipway("rollback")
    assert said.code == 0, said
    assert seen == [1]
    assert work.load("dev").platform.services["api"].replicas == 3
    assert json.loads(slipway("releases", "--json").out)[0]["message"] == "rollback to 1"
    assert slipway("rollback", "77").code == 6


class TestAfterAFailure:
    """What ``on_failure`` asks for."""

    def fail(self, work: FakeWorkplace) -> None:
        """Let the next deployment fail, and those after it succeed."""
        from dataclasses import replace  # noqa: PLC0415 - here alone

        good = work.engine.run
        plain_up = work.engine.up
        work.engine.events = CREATED

        def up(*arguments: object, **options: object) -> object:
            work.engine.run = replace(good, exit_code=1, error="it broke")
            try:
                return plain_up(*arguments, **options)  # type: ignore[arg-type]
            finally:
                work.engine.run = good
                work.engine.up = plain_up  # type: ignore[method-assign]

        work.engine.up = up  # type: ignore[method-assign, assignment]

    def test_it_goes_back(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """Where data are protected, as in prod; the command has failed all the same."""
        slipway("up", "--stack", "prod", "--yes")
        self.fail(work)
        said = slipway("up", "--stack", "prod", "--yes")
        assert said.code == 1
        assert "going back to release 1" in said.out
        assert "release 1 serves again" in said.out

    @pytest.mark.parametrize("options", [["--stack", "dev"], ["--stack", "prod", "--no-rollback"]])
    def test_it_stays(self, slipway: Slipway, work: FakeWorkplace, options: list[str]) -> None:
        """Elsewhere, and where that is asked for."""
        slipway("up", *options, "--yes")
        self.fail(work)
        said = slipway("up", *options, "--yes")
        assert said.code == 1
        assert "going back" not in said.out

    def test_nothing_to_go_back_to(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """The first deployment."""
        self.fail(work)
        said = slipway("up", "--stack", "prod", "--yes")
        assert said.code == 1
        assert "there is no release to go back to" in said.out


def test_maintenance_refuses_a_service_without_a_route(slipway: Slipway) -> None:
    """And says which have one."""
    said = slipway("maintenance", "on", "apj")
    assert said.code == 2
    assert "no route leads to a service 'apj'\n  allowed: api\n  nearest: api" in said.err


def test_maintenance_is_a_file_in_the_gateways_container(slipway: Slipway, work: FakeWorkplace) -> None:
    """On and off, for one service and for all; what is closed is told, also by status."""
    work.api.output = b"maintenance.api\nother\n"
    assert slipway("maintenance", "on", "api").out == "stack dev: in maintenance: api\n"
    folder = "/etc/nginx/conf.d/.flags"
    assert work.api.executed[0][1] == ["sh", "-c", f"mkdir -p {folder} && : >{folder}/maintenance.api && sleep 1"]
    slipway("maintenance", "off")
    assert work.api.executed[2][1][-1] == f"rm -f {folder}/maintenance {folder}/maintenance.* && sleep 1"
    assert json.loads(slipway("maintenance", "status", "--json").out) == {"all": False, "services": ["api"]}
    work.knows_what_runs()
    assert "in maintenance: api" in slipway("status").err
    work.api.output = b"maintenance\n"
    assert slipway("maintenance", "status").out == "stack dev: every service is in maintenance\n"
