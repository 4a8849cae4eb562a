"""Networks, and who is on which."""

from __future__ import annotations

from tests.systems.look.view import Check, View


def on(part: str, *networks: str) -> Check:
    """It is on exactly these networks."""

    def look(view: View) -> None:
        assert view.networks(part) == set(networks)

    return look


def network(name: str, *, internal: bool, host_name: str | None = None) -> Check:
    """A network, whether it is internal, and its name on the host."""

    def look(view: View) -> None:
        inputs = view.graph.find(f"{name}-network", "Network").inputs
        assert bool(inputs.get("internal")) is internal
        assert inputs["driver"] == "bridge"
        if host_name is not None:
            assert inputs["name"] == host_name

    return look
