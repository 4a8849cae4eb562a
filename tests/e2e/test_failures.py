"""Deployments that can't succeed: what goes on serving, what the message says, and how it ends well after all."""

from __future__ import annotations

import socket

import pytest

from tests.e2e.conftest import NewPlatform
from tests.e2e.harness.blueprints import Blueprint, new_release, service, small, tiny
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.waiting import until

pytestmark = pytest.mark.e2e


def _bad(port: int) -> Blueprint:
    blueprint = small(port, release="bad")
    blueprint["services"]["api"]["health"] = {"path": "/nowhere", "interval": "1s", "retries": 2, "wait": "8s"}
    return blueprint


def test_a_bad_release_leaves_the_old_one_serving(platform: Platform) -> None:
    """A release that never gets healthy fails by name, serves nobody, and goes with the next good one."""
    before, old, new = platform.world, platform.release(), new_release()
    with platform.prober() as probe:
        platform.deploy(_bad(platform.port)).failed("api")
        assert platform.world.ids("api") >= before.ids("api")
        assert platform.world.ids("queue", "gateway") == before.ids("queue", "gateway")
        assert platform.release() == old
        platform.deploy(small(platform.port, release=new)).ended()
    assert probe.answers.releases.keys() <= {old, new}
    assert platform.release() == new
    platform.world.assert_well(api=2)
    probe.answers.assert_none_failed()
    platform.assert_converged()


def test_a_taken_port_is_named_and_the_old_gateway_serves_on(platform: Platform) -> None:
    """Moving the gateway to a port that somebody has fails with the port's number; the old one goes on serving."""
    before, release = platform.world, platform.release()
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        with platform.prober() as probe:
            platform.deploy(small(port, release=release)).failed(str(port))
        assert platform.world.ids() == before.ids()
        probe.answers.assert_none_failed(at_least=5)
    platform.deploy(small(platform.port, release=release)).ended()
    platform.assert_settled()


def test_a_taken_port_stops_a_first_deployment_with_nothing_half_made(new_platform: NewPlatform) -> None:
    """From nothing: the message names the port, nothing was made, and it works once the port is free."""
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        blueprint = tiny()
        blueprint["networks"]["edge"] = {}
        blueprint["services"]["api"]["publish"] = [f"127.0.0.1:{port}:8000"]
        platform = new_platform(blueprint, port=port)
        platform.up().failed(str(port))
        assert platform.world.empty, f"half made: {platform.world}"
    platform.up().ended()
    assert platform.release() == "one"


def test_a_failing_job_stops_what_needs_it_and_runs_again(new_platform: NewPlatform) -> None:
    """A job's failure is the deployment's, with its last words; `up` tries it again; a mended one lets it pass."""
    port = free_port()
    blueprint = small(port)
    blueprint["jobs"] = {
        "prepare": {
            "image": "slipway/sample",
            "entrypoint": ["sh", "-c"],
            "command": ["echo these are my last words; exit 3"],
            "memory": "64MiB",
        }
    }
    blueprint["services"]["api"] = service(needs={"prepare": "completed"})
    platform = new_platform(blueprint, port=port)

    platform.up().failed("prepare", "these are my last words", "3")
    until(lambda: all(seen.well for seen in platform.world.of("queue")), "Docker has looked at what was started")
    first = platform.world
    first.assert_well(api=0, gateway=0)

    platform.up().failed("prepare", "these are my last words")
    again = platform.world.ids("prepare", roles={"job"}) - first.ids("prepare", roles={"job"})
    assert again, "the job did not run again"

    blueprint["jobs"]["prepare"]["command"] = ["echo done"]
    platform.deploy(blueprint).ended()
    platform.world.assert_well(api=1, gateway=1)
    platform.assert_settled()
