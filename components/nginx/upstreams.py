"""Upstreams: the containers behind a name, and how requests are spread over them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from components.nginx.model import Backend, Balancing
from components.nginx.tree import Directive, block, line

_KEEPALIVE: Final = "32"
_COOKIE: Final = "slipway_route"


def upstream(name: str, backends: Sequence[Backend], balancing: Balancing) -> Directive:
    """Return the block of one upstream."""
    body: list[Directive] = []
    if balancing.sticky:
        body.append(line("hash", "$slipway_sticky", "consistent"))
    elif balancing.method != "round_robin":
        body.append(line(balancing.method))
    # Whole seconds: nginx takes no less here.
    health = [f"max_fails={balancing.max_fails}", f"fail_timeout={math.ceil(balancing.fail_timeout_s)}s"]
    servers = [
        line("server", backend.address, *([f"weight={backend.weight}"] if backend.weight > 1 else []), *health)
        for backend in backends
        if backend.weight
    ]
    # An upstream block must not be empty; nothing listens on this port, so a service with no replica answers 502.
    body += servers or [line("server", "127.0.0.1:9")]
    body.append(line("keepalive", _KEEPALIVE))
    return block("upstream", body, upstream_name(name))


def upstream_name(name: str) -> str:
    """Return the name of an upstream's block, which is no host's."""
    return f"to-{name}"


def sticky_maps(balancing: Mapping[str, Balancing]) -> Iterable[Directive]:
    """Yield the cookie by which a client comes back to its backend, and what sets it at the first answer."""
    if not any(item.sticky for item in balancing.values()):
        return
    known = "~^[0-9a-f]{32}$"
    cookie = f"$cookie_{_COOKIE}"
    yield block("map", [line(known, cookie), line("default", "$request_id")], cookie, "$slipway_sticky")
    fresh = f"{_COOKIE}=$request_id; Path=/; HttpOnly; SameSite=Lax"
    yield block("map", [line(known, ""), line("default", fresh)], cookie, "$slipway_set_sticky")
