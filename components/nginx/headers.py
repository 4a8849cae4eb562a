"""Headers of answers: the server's on every status, unless the upstream sends its own; a route's in their place.

nginx drops every inherited ``add_header`` in a block that has one of its own, so a route that adds one states all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from components.nginx import keys
from components.nginx.model import GatewayRoute, Server
from components.nginx.tree import Directive, block, line

SECURITY: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-XSS-Protection": "0",
}
"""OWASP's HTTP Headers cheat sheet; a Content-Security-Policy is the service's own matter."""


def maps(server: Server) -> Iterable[Directive]:
    """Yield the variables that are empty where the upstream sent the header itself."""
    for name, value in sorted(server.headers.items()):
        slug = _slug(name)
        yield block("map", [line("", value), line("default", "")], f"$upstream_http_{slug}", f"$add_{slug}")
    # An upstream's own 429 keeps its own Retry-After.
    yield block("map", [line("429:", "1"), line("default", "")], "$status:$upstream_status", "$slipway_retry_after")


def of_server(server: Server, *, https: bool) -> Iterable[Directive]:
    """Yield the headers that hold where a route adds none."""
    yield line("add_header", "X-Request-Id", "$slipway_id", "always")
    yield from (line("add_header", name, f"$add_{_slug(name)}", "always") for name, _ in sorted(server.headers.items()))
    if https and server.tls is not None and server.tls.hsts_s:
        more = "; includeSubDomains" if server.tls.hsts_subdomains else ""
        yield line("add_header", "Strict-Transport-Security", f"max-age={server.tls.hsts_s}{more}", "always")


def of_route(route: GatewayRoute, server: Server, *, https: bool, sticky: bool) -> Iterable[Directive]:
    """Yield the headers of a route: nothing where the server's are all."""
    own = {name.lower(): (name, value) for name, value in route.headers.items()}
    limited = route.rate is not None or route.connections is not None
    if route.cache_control:
        own["cache-control"] = ("Cache-Control", route.cache_control)
    if not (own or sticky or limited or route.api_key):
        return
    yield from (item for item in of_server(server, https=https) if item["args"][0].lower() not in own)
    yield from _own(own, proxied=route.upstream is not None)
    if limited:
        yield line("add_header", "Retry-After", "$slipway_retry_after", "always")
    if route.api_key is not None:
        yield keys.header_of(route.api_key)
    if sticky:
        yield line("add_header", "Set-Cookie", "$slipway_set_sticky")


def _own(headers: Mapping[str, tuple[str, str | None]], *, proxied: bool) -> Iterable[Directive]:
    """Yield a route's headers in the place of the upstream's; one without a value is removed."""
    for key, (name, value) in sorted(headers.items()):
        if proxied:
            yield line("proxy_hide_header", name)
        if value is not None:
            # What is not found, or failed, must not be kept.
            yield line("add_header", name, value, *([] if key == "cache-control" else ["always"]))


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", name.lower())
