"""A configuration that nginx refuses: the deployment fails with nginx's words, and the old one serves on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.harness.blueprints import Blueprint, small
from tests.e2e.harness.ports import free_port

if TYPE_CHECKING:
    from tests.e2e.harness.platform import Platform

pytestmark = pytest.mark.e2e


def _bad(port: int, release: str) -> Blueprint:
    """Return what no check can know before: a generated password is no certificate."""
    blueprint = small(port, release=release)
    blueprint["secrets"] = {"certificate": {"source": "generated"}, "key": {"source": "generated"}}
    blueprint["gateway"]["tls"] = {
        "mode": "files",
        "publish": f"127.0.0.1:{free_port()}",
        "certificates": [{"certificate": "certificate", "key": "key"}],
    }
    return blueprint


def _live(platform: Platform) -> str:
    code, text = platform.daemon.exec(platform.world.of("gateway")[0].id, "cat", "/etc/nginx/conf.d/live.conf")
    assert code == 0
    return text


def test_a_refused_configuration_leaves_the_old_one_serving(platform: Platform) -> None:
    """The message is nginx's; the gateway, its configuration and the old replicas stay, and no request fails."""
    release, gateway, live = platform.release(), platform.world.ids("gateway"), _live(platform)
    with platform.prober() as probe:
        platform.deploy(_bad(platform.port, release)).failed(
            "the check of the configuration of gateway", "[emerg]", "cannot load certificate"
        )
        assert platform.world.ids("gateway") == gateway
        assert _live(platform) == live
        platform.deploy(small(platform.port, release=release)).ended()
    probe.answers.assert_none_failed(at_least=5)
    assert platform.release() == release
    platform.assert_converged()
