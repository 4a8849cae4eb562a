"""Network: one bridge network, found by its id."""

from __future__ import annotations

import pytest

from components import Network, NetworkArgs, Service, ServiceArgs
from testing import render

NETWORK = "docker:index/network:Network"


def test_a_network_is_one_bridge_network() -> None:
    """Exactly one child, autonamed, so a replacement can stand beside it."""
    graph = render(lambda: Network("backend", NetworkArgs(internal=True, labels={"b": "2", "a": "1"})))
    (child,) = graph.children("backend")
    assert (child.type, child.name) == (NETWORK, "backend-network")
    assert child.inputs == {
        "driver": "bridge",
        "internal": True,
        "labels": [{"label": "a", "value": "1"}, {"label": "b", "value": "2"}],
    }
    assert child.options.delete_before_replace is False
    assert graph["backend"].outputs == {"network_id": child.id}


def test_a_fixed_name_goes_before_its_replacement() -> None:
    """Docker allows two networks of one name, but nobody could tell them apart."""
    child = render(lambda: Network("backend", NetworkArgs(network_name="company")))["backend-network"]
    assert child.inputs["name"] == "company"
    assert child.options.delete_before_replace is True


def test_a_range_comes_with_its_gateway() -> None:
    """Both are said, since a range alone reads back with a gateway and would differ."""
    child = render(lambda: Network("edge", NetworkArgs(subnet="172.28.0.0/16", gateway="172.28.0.1")))["edge-network"]
    assert child.inputs["ipamConfigs"] == [{"subnet": "172.28.0.0/16", "gateway": "172.28.0.1"}]


@pytest.mark.parametrize("preview", [False, True])
def test_whoever_attaches_uses_the_id(preview: bool) -> None:
    """The id, not the name: replacing the network then replaces what is on it first."""

    def program() -> None:
        network = Network("backend", NetworkArgs(network_name="company"))
        Service("api", ServiceArgs(image="app", networks=[network.attach("api", "web", "api")]))

    graph = render(program, preview=preview)
    (attached,) = graph["api-0"].inputs["networksAdvanced"]
    assert attached["aliases"] == ["api", "web"]
    assert graph["api-0"].property_dependencies["networksAdvanced"] == {graph["backend-network"].urn}
    if not preview:
        assert attached["name"] == graph["backend-network"].id
