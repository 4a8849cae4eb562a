"""scale, restart and maintenance on a platform under requests: none is dropped that need not be."""

from __future__ import annotations

import http.client

import pytest

from tests.e2e.harness.platform import Platform
from tests.e2e.harness.prober import get_release

pytestmark = pytest.mark.e2e


def test_scale_and_restart_fail_no_request(platform: Platform) -> None:
    """More replicas, fewer, fresh ones: those that stay are the same containers."""
    before = platform.world
    engine = ("--engine", platform.engine, "--yes")
    with platform.prober() as probe:
        platform.slipway.ask("scale", "api=4", *engine).ended()
        assert platform.world.ids("api") > before.ids("api")
        platform.slipway.ask("scale", "api=2", *engine).ended()
        assert platform.world.ids("api") == before.ids("api")
        platform.slipway.ask("restart", "api", *engine).ended()
    after = platform.world
    assert not after.ids("api") & before.ids("api")
    assert after.ids("gateway", "queue") == before.ids("gateway", "queue")
    after.assert_well(api=2, gateway=1, queue=1)
    probe.answers.assert_none_failed()
    platform.assert_converged()
    assert "api: {replicas: 2}" in platform.workspace.settings_file.read_text() or (
        "replicas: 2" in platform.workspace.settings_file.read_text()
    )


def test_maintenance_closes_and_opens_at_once(platform: Platform) -> None:
    """503 in between and nothing else; the gateway's own health is never closed; status says it loudly."""
    assert get_release(platform.port)[0] == http.client.OK
    said = platform.slipway.ask("maintenance", "on", "api").ended()
    assert "in maintenance: api" in said.text
    try:
        assert get_release(platform.port)[0] == http.client.SERVICE_UNAVAILABLE
        assert get_release(platform.port, "/.slipway/health")[0] == http.client.OK
        assert "in maintenance: api" in platform.slipway.ask("status").ended().text
    finally:
        platform.slipway.ask("maintenance", "off").ended()
    assert get_release(platform.port)[0] == http.client.OK
    assert '"all": false' in platform.slipway.ask("maintenance", "status", "--json").ended().out
