"""Limits by client: requests a second, and connections at a time. What is beyond them gets 429."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Final

from components.nginx.model import GatewayRoute
from components.nginx.tree import Directive, block, line

_ZONE: Final = "4m"
"""Room for about 64,000 addresses (16,000 a MiB, nginx's own figure)."""
_DIGITS: Final = 8


def zones(routes: Sequence[GatewayRoute]) -> Iterable[Directive]:
    """Yield what counts.

    A zone's name holds what it counts by: at a reload nginx refuses a known name with another key, and the limits of
    routes that did not change go on counting where they were.
    """
    limited = [route for route in routes if route.rate is not None]
    for header in sorted({route.rate.header for route in limited if route.rate and route.rate.header}):
        variable = _variable(header)
        yield block(
            "map",
            [line("", "$binary_remote_addr"), line("default", f"$http_{variable}")],
            f"$http_{variable}",
            f"$limit_by_{variable}",
        )
    seen = set()
    for route in routes:
        rate = route.rate
        if rate is not None and _name(route) not in seen:
            key = f"$limit_by_{_variable(rate.header)}" if rate.header else "$binary_remote_addr"
            yield line("limit_req_zone", key, f"zone=rate-{_name(route)}:{_ZONE}", f"rate={_rate(rate.per_second)}")
        if route.connections is not None and _name(route) not in seen:
            yield line("limit_conn_zone", "$binary_remote_addr", f"zone=connections-{_name(route)}:{_ZONE}")
        seen.add(_name(route))


def of_route(route: GatewayRoute) -> Iterable[Directive]:
    """Yield the limits of a route."""
    if route.rate is not None:
        burst = [f"burst={route.rate.burst}", "nodelay"] if route.rate.burst else []
        yield line("limit_req", f"zone=rate-{_name(route)}", *burst)
        yield line("limit_req_status", "429")
    if route.connections is not None:
        yield line("limit_conn", f"connections-{_name(route)}", str(route.connections))
        yield line("limit_conn_status", "429")
    if route.max_body_mib is not None:
        yield line("client_max_body_size", f"{route.max_body_mib}m")
    yield from (line("deny", address) for address in route.deny)
    if route.allow:
        yield from (line("allow", address) for address in route.allow)
        yield line("deny", "all")


def _name(route: GatewayRoute) -> str:
    """Name a route's zone; not by ``exact``, since a route may become two locations that count together."""
    text = "|".join((route.host or "", route.path.rstrip("/") or "/", str(route.rate), str(route.connections)))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _rate(per_second: float) -> str:
    """Write a rate in whole numbers, as nginx wants it."""
    return f"{per_second:.0f}r/s" if per_second == int(per_second) else f"{max(1, round(per_second * 60))}r/m"


def _variable(header: str | None) -> str:
    return re.sub(r"[^a-z0-9]", "_", (header or "").lower())
