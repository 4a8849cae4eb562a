"""Containers behind the gateway that go, or come back with another address, by themselves: no deployment is involved.

What happens is between Docker and the gateway's own container, so one engine shows it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Stacks
from tests.e2e.harness.blueprints import small
from tests.e2e.harness.docker_view import Seen
from tests.e2e.harness.engines import EMBEDDED
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.prober import get_release
from tests.e2e.harness.waiting import until

pytestmark = pytest.mark.e2e

_SENT = 12


@pytest.fixture(scope="module")
def gate(stacks: Stacks) -> Iterator[Platform]:
    """Return a platform with two replicas, deployed."""
    port = free_port()
    platform = stacks.new(EMBEDDED, small(port), port=port)
    platform.up().ended()
    yield platform
    stacks.remove(platform)


def _address(gate: Platform, container: str) -> str:
    networks = gate.daemon.api.inspect_container(container)["NetworkSettings"]["Networks"]
    return str(next(iter(networks.values()))["IPAddress"])


def _gateway(gate: Platform) -> Seen:
    return gate.world.of("gateway")[0]


def _asked(gate: Platform) -> list[str]:
    """Return the addresses that nginx's running configuration leads to."""
    code, text = gate.daemon.exec(_gateway(gate).id, "sh", "-c", "cat /etc/nginx/conf.d/run-*.conf")
    assert code == 0, text
    lines = [line.split() for line in text.splitlines() if line.strip().startswith("server ") and ":8000" in line]
    return sorted(words[1].partition(":")[0] for words in lines)


def _answered(gate: Platform) -> set[str]:
    """Send twelve requests and return the addresses that answered, by nginx's log."""
    path = f"/health?{secrets.token_hex(4)}"
    for _ in range(_SENT):
        assert get_release(gate.port, path)[0] == 200

    def logged() -> list[str]:
        text = gate.daemon.api.logs(_gateway(gate).id, stdout=True, stderr=False, tail=400).decode()
        lines = [json.loads(line) for line in text.splitlines() if path in line]
        return [line["upstream"].rpartition(", ")[2] for line in lines]

    until(lambda: len(logged()) == _SENT, "the log is written", 10)
    return {address.partition(":")[0] for address in logged()}


def test_a_replica_that_comes_back_with_another_address_serves_again(gate: Platform) -> None:
    """Docker starts it while somebody else has its address: the gateway finds it, and no request fails meanwhile."""
    one, other = gate.world.of("api")
    before = _address(gate, one.id)
    network = next(iter(gate.daemon.api.inspect_container(one.id)["NetworkSettings"]["Networks"]))
    image = gate.daemon.api.inspect_container(one.id)["Image"]
    labels = {"slipway.stack": gate.workspace.stack}
    with gate.prober() as probe:
        gate.daemon.api.stop(one.id)
        taker = gate.daemon.client.containers.run(
            image, ["-c", "exec sleep 600"], entrypoint="sh", network=network, labels=labels, detach=True
        )
        gate.daemon.api.start(one.id)
        after = _address(gate, one.id)
        assert after != before
        wanted = sorted((after, _address(gate, other.id)))
        until(lambda: _asked(gate) == wanted, f"nginx leads to {wanted}", 30)
        taker.remove(force=True)
        until(lambda: _answered(gate) == set(wanted), "both answer", 10)
    probe.answers.assert_none_failed()


def test_a_replica_that_is_gone_is_no_longer_asked(gate: Platform) -> None:
    """Removed by hand: another one answers every request, the gateway forgets it, and starts again without it.

    The next deployment brings it back, and finds out by itself that it must.
    """
    one, other = gate.world.of("api")
    left = _address(gate, other.id)
    with gate.prober() as probe:
        gate.daemon.api.remove_container(one.id, force=True)
        until(lambda: _asked(gate) == [left], "nginx no longer leads to it", 30)
    probe.answers.assert_none_failed()
    gate.daemon.api.restart(_gateway(gate).id)
    until(lambda: _gateway(gate).well, "the gateway is healthy", 30)
    assert gate.release() == "one"
    assert _asked(gate) == [left]
    with gate.prober() as probe:
        gate.up().ended()
    probe.answers.assert_none_failed(at_least=5)
    gate.world.assert_well(api=2, gateway=1)
    assert len(_asked(gate)) == 2
    assert len(_answered(gate)) == 2
    gate.assert_converged()


def test_a_whole_service_that_is_gone_comes_back(gate: Platform) -> None:
    """None of its replicas has an address: nginx starts even so, and finds them when they are back."""
    both = gate.world.ids("api")
    for each in both:
        gate.daemon.api.stop(each)
    gate.daemon.api.restart(_gateway(gate).id)
    until(lambda: _status(gate, "/.slipway/health") == 200, "the gateway is there", 30)
    assert _status(gate) == 502
    for each in both:
        gate.daemon.api.start(each)
    until(lambda: _status(gate) == 200, "the service answers again", 30)


def _status(gate: Platform, path: str = "/health") -> int:
    try:
        return get_release(gate.port, path)[0]
    except OSError:
        return 0
