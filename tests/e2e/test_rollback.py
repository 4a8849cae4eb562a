"""Releases that are recorded, and ways back: asked for, and by themselves."""

from __future__ import annotations

import json

import pytest

from tests.e2e.harness.blueprints import new_release, small
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.waiting import until

pytestmark = pytest.mark.e2e


def _releases(platform: Platform) -> list[dict[str, object]]:
    run = platform.slipway.ask("releases", "--json").ended()
    found: list[dict[str, object]] = json.loads(run.out)
    return found


def test_a_rollback_brings_the_whole_platform_back_and_fails_no_request(platform: Platform) -> None:
    """The release before, a change of the configuration included; the blueprint is left alone."""
    old, new = new_release(), new_release()
    platform.deploy(small(platform.port, release=old)).ended()
    changed = small(platform.port, release=new, replicas=3)
    changed["gateway"]["routes"].append({"path": "/more", "to": "api", "strip": True})
    platform.deploy(changed).ended()
    before = platform.world
    with platform.prober() as probe:
        run = platform.slipway.ask("rollback", "--yes").ended()
        until(lambda: old in probe.answers.releases, "the old release answers again")
    assert platform.release() == old
    probe.answers.assert_none_failed()
    platform.world.assert_well(api=2, gateway=1, queue=1)
    assert platform.world.ids("gateway", "queue") == before.ids("gateway", "queue")
    newest = _releases(platform)[0]
    assert str(newest["message"]).startswith("rollback to ")
    assert "the next `slipway up` deploys that" in run.text
    platform.up().ended()
    assert platform.release() == new


def test_a_release_that_fails_goes_back_by_itself(platform: Platform) -> None:
    """It says what failed, the old release serves on without a failed request, and nothing is left of the attempt."""
    good = new_release()
    platform.deploy(small(platform.port, release=good)).ended()
    count = len(_releases(platform))
    bad = small(platform.port, release="never")
    bad["on_failure"] = "rollback"
    bad["services"]["api"]["health"] = {"path": "/no-such-page", "interval": "1s", "retries": 1, "wait": "5s"}
    with platform.prober() as probe:
        run = platform.deploy(bad)
    assert run.code == 1, run
    assert "api-0" in run.text
    assert "serves again" in run.text
    assert platform.release() == good
    probe.answers.assert_none_failed()
    platform.world.assert_well(api=2, gateway=1, queue=1)
    platform.assert_settled()
    assert len(_releases(platform)) == count + 1
    assert str(_releases(platform)[0]["message"]).endswith("after a failure")
    stayed = platform.slipway.up("--no-rollback")
    assert stayed.code == 1, stayed
    assert "going back" not in stayed.text
    platform.deploy(small(platform.port, release=good)).ended()
