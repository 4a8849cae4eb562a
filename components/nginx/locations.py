"""Location blocks: what becomes of a request that matches a route."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from components.nginx import headers, keys, limits
from components.nginx.model import (
    CONFIG_FOLDER,
    FLAGS_FOLDER,
    HEALTH_PATH,
    Balancing,
    GatewayRoute,
    Redirect,
    Server,
    SubrequestAuth,
)
from components.nginx.tree import Directive, block, line, time
from components.nginx.upstreams import upstream_name

MAINTENANCE_PATH: Final = "/.slipway/maintenance"
_AUTH_PATH: Final = "/.slipway/auth"


def locations(
    routes: Sequence[GatewayRoute], server: Server, balancing: Mapping[str, Balancing], *, https: bool
) -> Iterator[Directive]:
    """Yield the locations of a server block."""
    yield from health(server)
    yield _maintenance(server, https=https)
    checks: list[SubrequestAuth] = []
    for route in routes:
        if route.auth is not None and route.auth not in checks:
            checks.append(route.auth)
    for index, check in enumerate(checks):
        yield _auth(check, index)
    for route in sorted(_unique(routes, server), key=lambda route: (not route.exact, route.path)):
        sticky = route.upstream is not None and balancing.get(route.upstream, Balancing()).sticky
        auth = checks.index(route.auth) if route.auth is not None else None
        yield _location(route, server, https=https, sticky=sticky, auth=auth)
    if not any(route.path == "/" and not route.exact for route in routes):
        yield block("location", [line("return", "404")], "/")


def health(server: Server) -> Iterator[Directive]:
    """Yield where the gateway says that it is well, whatever else is not."""
    for path in dict.fromkeys((HEALTH_PATH, server.health_path)):
        if path:
            yield block("location", [line("access_log", "off"), line("return", "200", "ok\n")], "=", path)


def _maintenance(server: Server, *, https: bool) -> Directive:
    """Return where a request goes that maintenance turned away; its status stays 503.

    A path and not a name: nginx reads it with GET, so that a POST gets the page too.
    """
    body = [line("internal"), *headers.of_server(server, https=https)]
    body.append(line("add_header", "Retry-After", str(server.maintenance_retry_s), "always"))
    body.append(line("add_header", "Cache-Control", "no-store", "always"))
    if server.maintenance_page:
        body.append(line("default_type", "text/html"))
        body.append(line("alias", f"{CONFIG_FOLDER}/{server.maintenance_page}"))
    else:
        body.append(line("default_type", "text/plain"))
        body.append(line("return", "503", "Down for maintenance. Please try again soon.\n"))
    return block("location", body, "=", MAINTENANCE_PATH)


def _auth(check: SubrequestAuth, index: int) -> Directive:
    return block(
        "location",
        [
            line("internal"),
            line("proxy_pass", f"http://{upstream_name(check.upstream)}{check.path}"),
            line("proxy_http_version", "1.1"),
            line("proxy_pass_request_body", "off"),
            line("proxy_set_header", "Host", "$host"),
            line("proxy_set_header", "Content-Length", ""),
            line("proxy_set_header", "Connection", ""),
            line("proxy_set_header", "X-Request-Id", "$slipway_id"),
            line("proxy_set_header", "X-Real-IP", "$remote_addr"),
            line("proxy_set_header", "X-Original-URI", "$request_uri"),
            line("proxy_set_header", "X-Original-Method", "$request_method"),
            line("proxy_connect_timeout", "5s"),
            line("proxy_read_timeout", "10s"),
        ],
        "=",
        f"{_AUTH_PATH}-{index}",
    )


def _unique(routes: Sequence[GatewayRoute], server: Server) -> Iterator[GatewayRoute]:
    """Yield what becomes a location, each path once: nginx refuses a second one.

    The gateway's own come first, then what a route says, then what another one implies.
    """
    taken = {(path, True) for path in (HEALTH_PATH, MAINTENANCE_PATH, server.health_path)}
    said: list[GatewayRoute] = []
    implied: list[GatewayRoute] = []
    for route in routes:
        for variant in _variants(route):
            own = (variant.path, variant.exact) == (route.path, route.exact)
            (said if own else implied).append(variant)
    for variant in (*said, *implied):
        if (variant.path, variant.exact) not in taken:
            taken.add((variant.path, variant.exact))
            yield variant


def _variants(route: GatewayRoute) -> Iterator[GatewayRoute]:
    """Yield a route with what it implies: the path with and without its final slash."""
    bare, whole = route.path.rstrip("/"), f"{route.path.rstrip('/')}/"
    if route.slash != "leave" and bare:
        kept, other = (whole, bare) if route.slash == "add" else (bare, whole)
        lead = Redirect(to=kept)
        yield GatewayRoute(redirect=lead, path=other, exact=True, host=route.host, headers=route.headers)
        if route.exact or route.slash == "remove":
            yield replace(route, path=kept, exact=True)
        if not route.exact:
            yield replace(route, path=whole)
    elif _replacement(route) is not None and not route.exact and bare and not route.path.endswith("/"):
        # Without ``/v1`` alone, ``/v1/jobs`` with its prefix removed would become ``//jobs``.
        yield replace(route, exact=True)
        yield replace(route, path=whole)
    else:
        yield route


def _replacement(route: GatewayRoute) -> str | None:
    return route.rewrite if route.rewrite is not None else "/" if route.strip else None


def _location(route: GatewayRoute, server: Server, *, https: bool, sticky: bool, auth: int | None) -> Directive:
    body: list[Directive] = []
    if route.redirect is None:
        flags = ("maintenance", *(f"maintenance.{service}" for service in route.services))
        body += (block("if", [line("return", "503")], "-f", f"{FLAGS_FOLDER}/{flag}") for flag in flags)
        body.append(line("error_page", "503", MAINTENANCE_PATH))
    body += keys.of_route(route)
    body += limits.of_route(route)
    if route.basic_auth is not None:
        body.append(line("auth_basic", route.basic_auth.realm))
        body.append(line("auth_basic_user_file", f"{CONFIG_FOLDER}/{route.basic_auth.file}"))
    if route.auth is not None:
        body.append(line("auth_request", f"{_AUTH_PATH}-{auth}"))
    body += headers.of_route(route, server, https=https, sticky=sticky)
    compress = server.compress if route.compress is None else route.compress
    if server.compress and (route.streaming or not compress):
        body.append(line("gzip", "off"))
    body += _action(route, server)
    return block("location", body, *_match(route))


def _match(route: GatewayRoute) -> list[str]:
    return ["=", route.path] if route.exact else [route.path]


def _action(route: GatewayRoute, server: Server) -> Iterable[Directive]:
    if route.redirect is not None:
        rest = "$request_uri" if route.redirect.keep_path else "" if "?" in route.redirect.to else "$is_args$args"
        to = route.redirect.to.rstrip("/") if route.redirect.keep_path else route.redirect.to
        yield line("return", str(route.redirect.status), f"{to}{rest}")
    elif route.answer is not None:
        yield line("default_type", route.answer.content_type)
        yield line("return", str(route.answer.status), route.answer.body)
    elif route.files is not None:
        yield line("root", f"{CONFIG_FOLDER}/{route.files.root}")
        yield line("index", route.files.index)
        yield line("try_files", "$uri", f"$uri/{route.files.index}", route.files.fallback or "=404")
    else:
        yield from _proxy(route, server)


def _proxy(route: GatewayRoute, server: Server) -> Iterable[Directive]:
    # A URI after the upstream makes nginx exchange the matched path for it.
    yield line("proxy_pass", f"http://{upstream_name(str(route.upstream))}{_target(route)}")
    yield line("proxy_http_version", "1.1")
    forwarded = "$proxy_add_x_forwarded_for" if server.trusted_proxies else "$remote_addr"
    passed = {
        "Host": "$host",
        "X-Request-Id": "$slipway_id",
        "X-Real-IP": "$remote_addr",
        "X-Forwarded-For": forwarded,
        "X-Forwarded-Host": "$http_host",
        "X-Forwarded-Proto": "$slipway_scheme" if server.trusted_proxies else "$scheme",
        "Connection": "$connection_upgrade" if route.websocket else "",
        **({"Upgrade": "$http_upgrade"} if route.websocket else {}),
    }
    if route.api_key is not None:
        passed |= dict.fromkeys(keys.HEADERS, "")
    if route.auth is not None:
        for name in route.auth.headers:
            variable = name.lower().replace("-", "_")
            yield line("auth_request_set", f"$auth_{variable}", f"$upstream_http_{variable}")
            passed[name] = f"$auth_{variable}"
    passed |= route.request_headers
    yield from (line("proxy_set_header", name, value) for name, value in passed.items())
    yield line("proxy_connect_timeout", time(route.connect_timeout_s))
    yield line("proxy_send_timeout", time(route.timeout_s if route.send_timeout_s is None else route.send_timeout_s))
    yield line("proxy_read_timeout", time(route.timeout_s))
    if route.retries:
        # Without ``non_idempotent``: a POST of which anything was sent is never sent again.
        yield line("proxy_next_upstream", "error", "timeout")
        yield line("proxy_next_upstream_tries", str(route.retries + 1))
    else:
        yield line("proxy_next_upstream", "off")
    if route.streaming:
        yield line("proxy_buffering", "off")
    if route.stream_upload:
        yield line("proxy_request_buffering", "off")


def _target(route: GatewayRoute) -> str:
    replacement = _replacement(route)
    if replacement is None:
        return ""
    if route.exact or replacement.endswith("/"):
        return replacement
    return f"{replacement}/" if route.path.endswith("/") else replacement
