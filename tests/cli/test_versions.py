"""promote, abort and switch: what they note, what they ask of the engine, and what they refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cli.engines import Run
from operate import labels
from tests.cli.conftest import BLUEPRINT, CREATED, FakeWorkplace
from tests.operate.fake_docker import container

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Said

    Slipway = Callable[..., Said]

OLD = {"image": "api:1", "port": 8000, "health": {"path": "/health"}}
NEW = {**OLD, "image": "api:2"}


def describe(work: FakeWorkplace, release: str, image: str = "api:1") -> None:
    """Write the blueprint with a strategy and an image."""
    text = BLUEPRINT.replace('image: "api:1",', f'image: "{image}", release: {release},')
    (work.root / "blueprints" / "shop.yaml").write_text(text)


def notes(work: FakeWorkplace) -> dict[str, Any] | None:
    """Return what the stack's file notes of the API."""
    config = yaml.safe_load((work.root / "Pulumi.dev.yaml").read_text())["config"]
    return (config.get("slipway:versions") or {}).get("api")


def releases(slipway: Slipway) -> list[str]:
    """Return what the releases are recorded as, the newest first."""
    return [item["message"] for item in json.loads(slipway("releases", "--json").out)]


@pytest.fixture
def canary(slipway: Slipway, work: FakeWorkplace) -> FakeWorkplace:
    """Return a project whose API has a canary in two steps in progress."""
    work.engine.events = CREATED
    describe(work, "{strategy: canary, weights: [5, 25]}")
    assert slipway("up").code == 0
    describe(work, "{strategy: canary, weights: [5, 25]}", "api:2")
    said = slipway("up")
    assert said.code == 0, said
    assert "api: 5 % of its requests go to the described version (api-canary), all others to the old one" in said.out
    assert "slipway promote api goes on (25 %), slipway abort api takes it away" in said.out
    return work


@pytest.fixture
def blue_green(slipway: Slipway, work: FakeWorkplace) -> FakeWorkplace:
    """Return a project whose API has two sets."""
    work.engine.events = CREATED
    describe(work, "blue_green")
    assert slipway("up").code == 0
    describe(work, "blue_green", "api:2")
    said = slipway("up")
    assert said.code == 0, said
    assert "all requests go to api-blue; api-green is up with the described version, without requests" in said.out
    return work


def test_up_notes_what_serves_once_it_does(slipway: Slipway, work: FakeWorkplace) -> None:
    """Not before; and forgets it with the strategy."""
    describe(work, "canary")
    work.engine.run = Run(1, "it failed")
    assert slipway("up").code == 1
    assert notes(work) is None
    work.engine.run = Run(0)
    said = slipway("up")
    assert "Pulumi.dev.yaml: slipway:versions now says what serves: api" in said.out
    assert notes(work) == {"serving": OLD}
    assert "slipway:versions now" not in slipway("up").out
    describe(work, "rolling")
    slipway("up")
    assert notes(work) is None
    assert "slipway:versions" not in (work.root / "Pulumi.dev.yaml").read_text()


def test_a_strategy_holds_for_the_deployment_that_brings_it(slipway: Slipway, work: FakeWorkplace) -> None:
    """What served is in the record of the release before."""
    work.engine.events = CREATED
    assert slipway("up").code == 0
    describe(work, "canary", "api:2")
    assert "slipway up takes what the last release had for it" in slipway("preview").err
    said = slipway("up")
    assert "10 % of its requests go to the described version" in said.out
    assert notes(work) == {"serving": OLD}
    assert "nothing is noted" not in slipway("preview").err


def test_notes_that_were_not_committed_come_from_the_last_release(slipway: Slipway, canary: FakeWorkplace) -> None:
    """Where a pipeline deploys from fresh clones; another note than the release had is followed, and told."""
    file = canary.root / "Pulumi.dev.yaml"
    fresh = file.read_text().partition("  slipway:versions")[0]
    assert slipway("promote", "--yes").code == 0
    step = notes(canary)
    file.write_text(fresh)
    said = slipway("up")
    assert "25 % of its requests" in said.out
    assert notes(canary) == step
    assert "notes another version" not in said.err
    stale = file.read_text()
    assert slipway("promote", "--yes").code == 0
    file.write_text(stale)
    assert "notes another version of api as serving than release 5 had, and is followed" in slipway("up").err


def test_promote_goes_step_by_step(slipway: Slipway, canary: FakeWorkplace) -> None:
    """Each a release of its own."""
    said = slipway("promote", "--yes")
    assert said.code == 0, said
    assert "25 % of its requests" in said.out
    assert "slipway promote api goes on (the only version)" in said.out
    assert notes(canary)["next"]["step"] == 1  # type: ignore[index] # it is there
    assert slipway("promote", "api", "--yes").code == 0
    assert notes(canary) == {"serving": NEW}
    assert releases(slipway) == ["promote api", "promote api", "up", "up"]
    said = slipway("promote", "api", "--yes")
    assert (said.code, "api: no canary is in progress" in said.err) == (2, True)


def test_promote_whole(slipway: Slipway, canary: FakeWorkplace) -> None:
    """Leaves the steps out."""
    assert slipway("promote", "--whole", "--yes").code == 0
    assert notes(canary) == {"serving": NEW}


def test_a_promotion_that_fails_changes_no_note(slipway: Slipway, canary: FakeWorkplace) -> None:
    """To the byte: what is noted is what serves."""
    before = (canary.root / "Pulumi.dev.yaml").read_bytes()
    canary.engine.run = Run(1, "it failed")
    assert slipway("promote", "--yes").code == 1
    assert (canary.root / "Pulumi.dev.yaml").read_bytes() == before


def test_abort_and_begin_again(slipway: Slipway, canary: FakeWorkplace) -> None:
    """The same description does not bring it back."""
    said = slipway("abort", "--yes")
    assert said.code == 0, said
    assert "the described version was aborted and does not run" in said.out
    assert not canary.load("dev").versions["api"].has_other
    assert "was aborted" in slipway("up").out
    assert slipway("abort", "--yes").code == 2
    assert slipway("promote", "--yes").code == 2
    assert "5 % of its requests" in slipway("promote", "api", "--yes").out


def test_switch_and_back(slipway: Slipway, blue_green: FakeWorkplace) -> None:
    """The colours change places, nothing else."""
    assert slipway("switch", "--yes").code == 0
    assert notes(blue_green) == {"live": "green", "serving": NEW, "other": OLD}
    said = slipway("switch", "api", "--yes")
    assert "api: all requests go to api-blue" in said.out
    assert notes(blue_green)["live"] == "blue"  # type: ignore[index] # it is there
    assert releases(slipway)[:2] == ["switch api to blue", "switch api to green"]


def test_a_rollback_brings_the_notes_of_its_release(slipway: Slipway, canary: FakeWorkplace) -> None:
    """Back to the only version, not to a canary of it."""
    assert slipway("promote", "--whole", "--yes").code == 0
    assert slipway("rollback", "1", "--yes").code == 0
    assert notes(canary) == {"serving": OLD}


@pytest.mark.parametrize(
    ("release", "command", "told"),
    [
        (
            "rolling",
            "switch",
            "no service of stack dev says release: blue_green\n  fix: add to a service of the blueprint",
        ),
        ("rolling", "promote", "no service of stack dev says release: canary"),
        ("canary", "promote", "api: no canary is in progress\n  fix: change the service in the blueprint"),
        ("canary", "abort", "api: no canary is in progress, so there is nothing to abort"),
        (
            "canary",
            "switch api",
            "api has another strategy than blue_green\n  allowed: no service says release: blue_green",
        ),
        ("canary", "promote apo", "there is no service 'apo'\n  allowed: api\n  nearest: api"),
        ("blue_green", "switch", "api: only one set is there: the other one comes with the next version"),
        ("blue_green", "abort api", "api has another strategy than canary"),
    ],
)
def test_what_is_refused(slipway: Slipway, work: FakeWorkplace, release: str, command: str, told: str) -> None:
    """Before anything is asked or changed."""
    describe(work, release)
    before = (work.root / "Pulumi.dev.yaml").read_text()
    said = slipway(*command.split(), "--yes")
    assert said.code == 2
    assert told in said.err
    assert (work.root / "Pulumi.dev.yaml").read_text() == before
    assert not work.engine.asked


@pytest.mark.parametrize("command", ["promote", "abort", "switch"])
def test_a_stack_that_is_not_there(slipway: Slipway, command: str) -> None:
    assert slipway(command, "--stack", "nope", "--yes").code == 6


@pytest.mark.parametrize("command", ["promote", "abort"])
def test_somebody_is_asked(
    slipway: Slipway, canary: FakeWorkplace, terminal: Callable[[bool], list[str]], command: str
) -> None:
    """And "no" changes nothing."""
    before = (canary.root / "Pulumi.dev.yaml").read_text()
    questions = terminal(False)
    assert slipway(command).code == 8
    assert len(questions) == 1
    assert (canary.root / "Pulumi.dev.yaml").read_text() == before


def test_scale_is_of_services_not_of_versions(slipway: Slipway, canary: FakeWorkplace) -> None:
    """``api-other`` is nothing that people name."""
    said = slipway("scale", "api-other=2")
    assert (said.code, "there is no service and no worker 'api-other'" in said.err) == (2, True)
    assert slipway("scale", "api=3").code == 0
    assert canary.load("dev").platform.services["api"].replicas == 3


def test_status_says_who_gets_the_requests(slipway: Slipway, blue_green: FakeWorkplace) -> None:
    """Both sets with their versions; the description's is marked."""
    green = container("api")
    green["Config"]["Labels"][labels.SLOT] = "green"
    blue_green.api.things.append(green)
    said = slipway("status")
    assert "api-green-0" in said.out
    rows = [line.split() for line in said.out.splitlines() if line.startswith("api  ")]
    assert [(row[2], row[3], row[-2]) for row in rows] == [("api-blue", "api:1", "100"), ("api-green", "api:2", "0")]
    assert "described" in rows[1][-3]
    found = json.loads(slipway("status", "--json").out)["versions"]
    assert [(item["name"], item["percent"], item["described"]) for item in found] == [
        ("api-blue", 100, False),
        ("api-green", 0, True),
    ]
