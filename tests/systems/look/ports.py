"""Ports of the host that lead to parts, and those that parts listen on."""

from __future__ import annotations

from tests.systems.look.view import Check, View


def unpublished(*parts: str) -> Check:
    """No port of the host leads to them."""

    def look(view: View) -> None:
        for part in parts:
            for container in view.replicas(part):
                assert not container.inputs.get("ports"), part

    return look


def published(part: str, *ports: tuple[str, int, int]) -> Check:
    """Exactly these ports of the host (address, host port, container port) lead to it."""

    def look(view: View) -> None:
        found = {(item["ip"], item["external"], item["internal"]) for item in view.container(part).inputs["ports"]}
        assert found == set(ports)

    return look


def publishes(part: str, *ports: tuple[str, int]) -> Check:
    """These ports of the host (address, host port) lead to it, perhaps among others."""

    def look(view: View) -> None:
        found = {(item["ip"], item["external"]) for item in view.container(part).inputs.get("ports") or ()}
        assert set(ports) <= found

    return look


def listens(part: str, port: int) -> Check:
    """A port inside its container, by which its health is asked or others reach it."""

    def look(view: View) -> None:
        container = view.container(part)
        asked = " ".join(str(word) for word in container.inputs["healthcheck"]["tests"])
        known = {"pg_isready": 5432, "redis-cli": 6379}
        ports = {number for word, number in known.items() if word in asked}
        named = [item for item in view.graph if item.custom and f"{part}:{port}" in str(item.inputs)]
        led = "Gateway" in {item.type.rpartition(":")[2] for item in view.graph} and f"{container.name}" in view.nginx
        assert (
            str(port) in asked.replace("/", " ").replace(":", " ").split()
            or port in ports
            or named
            or (led and f":{port}" in view.nginx)
        ), asked

    return look
