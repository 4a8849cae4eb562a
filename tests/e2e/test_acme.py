"""Certificates by ACME, against Pebble: obtained through the gateway, renewed, and kept where a challenge fails.

The scenarios stand in the order of a certificate's life, and share one platform for each engine.
"""

from __future__ import annotations

import copy
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.conftest import Stacks
from tests.e2e.harness import blueprints, certificates, tls
from tests.e2e.harness.hardening import CHECKS, probe
from tests.e2e.harness.pebble import DIRECTORY, Pebble
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.prober import Prober
from tests.e2e.harness.waiting import until

pytestmark = pytest.mark.e2e

ONE, TWO, THREE = "one.slipway.test", "two.slipway.test", "three.slipway.test"
SETTINGS = {"email": "ops@slipway.test", "agree_terms": True, "directory": DIRECTORY, "ca_bundle": "ca.pem"}


@dataclass
class Life:
    """The platform that these scenarios share, and its authority."""

    platform: Platform
    pebble: Pebble
    https: int
    root: str
    blueprint: dict[str, Any]
    gone: set[str] = field(default_factory=set)

    @property
    def renewal(self) -> str:
        """The container that renews."""
        return self.platform.world.of("gateway-certificates")[0].id

    def serial(self, host: str) -> int:
        """Return the number of the certificate that is served for a host; the authority must have signed it."""
        return tls.certificate(self.https, host, self.root).serial_number


@pytest.fixture(scope="session")
def life(engine: str, stacks: Stacks) -> Iterator[Life]:
    """Deploy a platform without HTTPS, put an authority on its network, and switch ACME on."""
    port, https = free_port(), free_port()
    blueprint = blueprints.tiny()
    blueprint["networks"] = {"edge": {}}
    blueprint["gateway"] = {
        "publish": f"127.0.0.1:{port}",
        "health_interval": "1s",
        "drain": "5s",
        "routes": [{"path": "/", "to": "api"}],
    }
    platform = stacks.new(engine, blueprint, port=port)
    platform.up().ended()
    gone: set[str] = set()
    with Pebble(platform.daemon, platform.workspace.stack, gone) as pebble:
        (platform.workspace.root / "ca.pem").write_text(pebble.trust, encoding="utf-8")
        blueprint["gateway"]["tls"] = {
            "mode": "acme",
            "publish": f"127.0.0.1:{https}",
            "hosts": [ONE, TWO],
            "acme": SETTINGS,
        }
        platform.deploy(blueprint).ended()
        yield Life(platform, pebble, https, pebble.root(), blueprint, gone)
    stacks.remove(platform)


def test_each_host_gets_a_certificate_that_browsers_would_trust(life: Life) -> None:
    """Signed by the authority and checked as a browser does, one a host, HTTP leading to HTTPS."""
    assert life.serial(ONE) != life.serial(TWO)
    assert tls.get(life.https, ONE, "/health", life.root).status == 200
    life.platform.world.assert_well(gateway=1, api=1, **{"gateway-certificates": 1})
    life.platform.assert_converged()


def test_keys_stay_in_their_volume(life: Life) -> None:
    """Readable by nginx's user alone, and neither in the state nor in anything that Docker shows."""
    code, modes = life.platform.daemon.exec(
        life.renewal, "sh", "-c", "cd /var/lib/acme && stat -c '%a %u' live/*/privkey.pem versions/*/privkey.pem"
    )
    assert (code, set(modes.split("\n")) - {""}) == (0, {"600 101"})
    _, key = life.platform.daemon.exec(life.renewal, "cat", f"/var/lib/acme/live/{ONE}/privkey.pem")
    secret = key.splitlines()[1]
    assert len(secret) > 40
    assert secret not in life.platform.workspace.state_file.read_text(encoding="utf-8")
    assert secret not in str(life.platform.daemon.inspect(life.platform.workspace.stack))


def test_what_obtains_certificates_is_hardened(life: Life) -> None:
    """As everything else that runs."""
    probes = probe(life.platform.daemon, life.platform.world)
    assert "gateway-certificates" in {item.part for item in probes}
    assert not [f"{item.part}: {name}" for item in probes for name, (holds, _) in CHECKS.items() if not holds(item)]


def test_a_renewal_drops_no_request_and_replaces_nothing(life: Life) -> None:
    """While requests come at a constant rate, every certificate is renewed and served; the containers stay."""
    before, there = {host: life.serial(host) for host in (ONE, TWO)}, life.platform.world.ids("gateway", "api")
    with Prober(life.https, host=ONE, trust=life.root) as prober:
        certificates.renew(life.platform, life.https, [ONE, TWO])
    prober.answers.assert_none_failed()
    assert all(life.serial(host) != serial for host, serial in before.items())
    assert life.platform.world.ids("gateway", "api") == there
    life.platform.assert_converged()


def test_either_starts_again_without_the_other(life: Life) -> None:
    """The gateway's process dies, and the one that renews: both come back by themselves, and a renewal is served."""
    api = life.platform.daemon.api
    for container in (life.platform.world.of("gateway")[0].id, life.renewal):
        os.kill(api.inspect_container(container)["State"]["Pid"], signal.SIGKILL)
        _await_another_run(life, container)
    certificates.renew(life.platform, life.https, [ONE, TWO])
    assert life.serial(ONE)


def test_a_failing_renewal_leaves_the_old_certificate_and_is_seen(life: Life) -> None:
    """The authority no longer finds a host: the old certificate is served on, and status says what is wrong."""
    before = life.serial(ONE)
    life.gone.add(ONE)
    for attempt in (1, 2, 3):
        certificates.ask(life.platform, life.renewal)
        _await_failures(life, attempt)
    until(lambda: _health(life) == "unhealthy", "the container that renews is unhealthy", 60)
    assert life.serial(ONE) == before
    assert "Some challenges have failed" in _log(life)
    status = life.platform.slipway.ask("status")
    assert status.code == 1
    assert "gateway-certificates" in status.text
    life.gone.clear()
    certificates.renew(life.platform, life.https, [ONE, TWO])
    until(lambda: all(seen.well for seen in life.platform.world.of()), "all is well again", 60)
    assert life.serial(ONE) != before


def test_a_failing_challenge_fails_the_deployment_and_the_next_one_mends_it(life: Life) -> None:
    """With certbot's message; the other hosts are served on, the new one by a placeholder until it is mended."""
    serials = {host: life.serial(host) for host in (ONE, TWO)}
    blueprint = copy.deepcopy(life.blueprint)
    blueprint["gateway"]["tls"]["hosts"] = [ONE, TWO, THREE]
    life.gone.add(THREE)
    failed = life.platform.deploy(blueprint)
    assert failed.code != 0
    assert f"obtaining the certificates of {ONE}, {THREE}, {TWO} failed" in failed.text
    assert "Some challenges have failed" in failed.text
    assert {host: life.serial(host) for host in (ONE, TWO)} == serials
    shown = tls.certificate(life.https, THREE)
    assert shown.issuer == shown.subject
    life.gone.clear()
    life.platform.up().ended()
    assert life.serial(THREE)
    assert {host: life.serial(host) for host in (ONE, TWO)} == serials
    life.platform.assert_converged()


def _await_failures(life: Life, number: int) -> None:
    until(lambda: _log(life).count(f"{ONE}: failed") >= number, f"renewal {number} failed", 60)


def _await_another_run(life: Life, container: str) -> None:
    def well() -> bool:
        (seen,) = [item for item in life.platform.world.containers if item.id == container]
        return seen.restarts > 0 and seen.state == "running" and seen.health == "healthy"

    until(well, "it runs again and is healthy", 60)


def _health(life: Life) -> str:
    return life.platform.daemon.world(life.platform.workspace.stack).of("gateway-certificates")[0].health


def _log(life: Life) -> str:
    return str(life.platform.daemon.api.logs(life.renewal).decode(errors="replace"))
