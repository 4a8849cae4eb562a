"""What the gateway does, by its nginx.conf."""

from __future__ import annotations

from tests.systems.look.view import Check, View


def routed(path: str, part: str, *words: str, host: str | None = None) -> Check:
    """The gateway leads a path to a part, with these directives."""

    def look(view: View) -> None:
        block = view.location(path, host)
        assert part in block, block
        for word in words:
            assert word in block, block

    return look


def no_route(path: str) -> Check:
    """The gateway has no such path."""

    def look(view: View) -> None:
        assert f"location {path} " not in view.nginx

    return look


def balanced(part: str) -> Check:
    """The gateway names every replica."""

    def look(view: View) -> None:
        for container in view.replicas(part):
            name = container.outputs.get("name") or container.name
            assert f"server {name}:" in view.nginx, view.nginx

    return look


def nginx_has(*words: str) -> Check:
    """nginx.conf holds these words."""

    def look(view: View) -> None:
        for word in words:
            assert word in view.nginx, word

    return look
