"""What a change of the description changes in the world, and what it must leave alone."""

from __future__ import annotations

import pytest

from tests.e2e.harness.blueprints import new_release, small
from tests.e2e.harness.engines import EMBEDDED
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.waiting import until

pytestmark = pytest.mark.e2e

STATEFUL = ("queue", "gateway")
"""The parts that a change to the application must not touch."""


def test_an_unchanged_up_changes_nothing_and_says_so(platform: Platform) -> None:
    """The same containers run after a second `up`, which calls itself unchanged."""
    before = platform.world
    run = platform.up().ended()
    assert platform.world.all_ids == before.all_ids
    assert "nothing changed" in run.text
    platform.assert_settled()


def test_a_change_to_the_app_replaces_only_the_app_and_fails_no_request(platform: Platform) -> None:
    """A new release: new containers of the app alone, and every request during it is answered."""
    before, release = platform.world, new_release()
    with platform.prober() as probe:
        platform.deploy(small(platform.port, release=release)).ended()
        until(lambda: release in probe.answers.releases, "the new release answers")
    after = platform.world
    assert platform.release() == release
    assert not after.ids("api") & before.ids("api")
    assert after.ids(*STATEFUL) == before.ids(*STATEFUL)
    assert after.networks == before.networks
    after.assert_well(api=2, gateway=1, queue=1)
    probe.answers.assert_none_failed()
    platform.assert_converged()


def test_a_stop_first_change_does_fail_requests(platform: Platform) -> None:
    """The control of the scenario above: replicas with fixed names must go before they come, and the prober sees it."""
    if platform.engine != EMBEDDED:
        pytest.skip("the graph decides on this, not the engine: shown on the embedded one")
    blueprint = small(platform.port, replicas=1)
    blueprint["services"]["api"]["container_name"] = f"{platform.workspace.stack}-api"
    platform.at(blueprint)
    blueprint["services"]["api"]["env"]["RELEASE"] = "two"
    with platform.prober() as probe:
        platform.deploy(blueprint).ended()
    assert probe.answers.failures, "an outage went unnoticed: the prober can't see what it is there for"


def test_scaling_only_adds_and_removes_and_fails_no_request(platform: Platform) -> None:
    """From 2 replicas to 5 and back: those that were there stay, and every request is answered."""
    before, release = platform.world, platform.release()
    with platform.prober() as probe:
        platform.deploy(small(platform.port, release=release, replicas=5)).ended()
        more = platform.world
        more.assert_well(api=5)
        assert more.ids("api") > before.ids("api")
        platform.deploy(small(platform.port, release=release, replicas=2)).ended()
    after = platform.world
    assert after.ids("api") == before.ids("api")
    assert after.ids(*STATEFUL) == more.ids(*STATEFUL) == before.ids(*STATEFUL)
    probe.answers.assert_none_failed()
    platform.assert_settled()


def test_a_renamed_service_takes_over_the_route(platform: Platform) -> None:
    """The new name serves, the old one is gone, and the gateway was told without a restart."""
    before = platform.world
    release = new_release()
    blueprint = small(platform.port, release=release)
    blueprint["services"]["web"] = blueprint["services"].pop("api")
    blueprint["gateway"]["routes"] = [{"path": "/", "to": "web"}]
    with platform.prober() as probe:
        platform.deploy(blueprint).ended()
    after = platform.world
    assert platform.release() == release
    after.assert_well(web=2, api=0)
    assert after.ids(*STATEFUL) == before.ids(*STATEFUL)
    probe.answers.assert_none_failed()
    platform.assert_settled()


def test_a_container_removed_by_hand_is_restored_alone(platform: Platform) -> None:
    """`up --refresh` brings back what somebody removed, and nothing else is replaced."""
    before = platform.world
    lost = before.of("api")[0]
    with platform.prober() as probe:
        platform.daemon.api.remove_container(lost.id, force=True)
        platform.up("--refresh").ended()
    after = platform.world
    after.assert_well(api=2)
    assert before.ids("api") - after.ids("api") == {lost.id}
    assert after.ids(*STATEFUL) == before.ids(*STATEFUL)
    probe.answers.assert_none_failed()
    platform.assert_converged()


def test_a_missing_image_stops_the_deployment_before_anything_else(platform: Platform) -> None:
    """An image that can't be had fails the deployment, by its name, with every old container untouched."""
    before = platform.world
    good = small(platform.port, release=platform.release())
    blueprint = small(platform.port, release=platform.release())
    blueprint["services"]["api"]["image"] = "127.0.0.1:1/no-such-app:1.0"
    with platform.prober() as probe:
        platform.deploy(blueprint).failed("no-such-app")
    assert platform.world.all_ids == before.all_ids
    probe.answers.assert_none_failed(at_least=10)
    platform.deploy(good).ended()
    assert platform.world.all_ids == before.all_ids
    platform.assert_settled()


def test_a_wrong_passphrase_changes_nothing(platform: Platform) -> None:
    """With the wrong passphrase `up` fails, naming it, and neither state nor containers change."""
    before, state = platform.world, platform.workspace.state_file.read_bytes()
    settings = platform.workspace.settings_file.read_bytes()
    was = small(platform.port, release=platform.release())
    platform.workspace.write(small(platform.port, release=new_release()))
    run = platform.slipway.up(env={"PULUMI_CONFIG_PASSPHRASE": "not-the-one"})
    platform.workspace.write(was)
    run.failed("passphrase")
    assert platform.world == before
    assert platform.workspace.state_file.read_bytes() == state
    assert platform.workspace.settings_file.read_bytes() == settings
    assert not platform.workspace.locks
