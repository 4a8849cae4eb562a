"""nginx's configuration as a tree of directives, written by a library that knows how to quote them.

Pure functions: from routes to text. Out of scope here: TLS, limits, authentication and caching.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

Directive = dict[str, Any]
"""A directive as crossplane has it: ``directive``, ``args`` and, for a block, ``block``."""

LISTEN_PORT: Final = 8080
"""Port inside the container; above 1024, since nginx is not root."""
HEALTH_PATH: Final = "/.slipway/health"
"""Answered by the gateway itself, on every host name."""
_LOG: Final = (
    '{"time":"$time_iso8601","id":"$request_id","remote":"$remote_addr","host":"$host","method":"$request_method",'
    '"uri":"$request_uri","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,'
    '"upstream":"$upstream_addr","upstream_status":"$upstream_status","upstream_seconds":"$upstream_response_time"}'
)
_CONNECTIONS: Final = 2000
"""Connections of one worker; a proxied one is two, each an open file, of which a container may have 4096."""
_TEMP: Final = "/tmp/nginx"  # noqa: S108 - a memory folder inside the container


@dataclass(frozen=True, kw_only=True)
class GatewayRoute:
    """A rule that leads requests to an upstream."""

    upstream: str
    """Name of a :class:`Upstream`."""
    path: str = "/"
    """Path prefix, or the whole path with ``exact``."""
    exact: bool = False
    """Whether only this very path matches."""
    host: str | None = None
    """Host name. Default: any."""
    strip: bool = False
    """Whether the prefix is removed before the request is passed on."""
    websocket: bool = False
    """Whether the connection may become a websocket."""
    timeout_s: float = 60.0
    """The longest silence of the upstream, in seconds."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """Limits that hold for all routes."""

    workers: int = 2
    """Worker processes."""
    max_body_mib: int = 16
    """Largest request body in MiB."""
    drain_s: float = 30.0
    """The longest that requests in flight may go on after a reload, in seconds."""


def render(routes: Sequence[GatewayRoute], upstreams: Mapping[str, Sequence[str]], server: Server) -> str:
    """Return the text of nginx.conf.

    Args:
        routes: In any order: nginx takes an exact path first, then the longest prefix.
        upstreams: ``host:port`` addresses by upstream name; one without any answers 502.
        server: Limits.
    """
    import crossplane  # noqa: PLC0415 - 30 ms that a program without a gateway need not spend

    return str(crossplane.build(_main(routes, upstreams, server), indent=2)) + "\n"


def _main(routes: Sequence[GatewayRoute], upstreams: Mapping[str, Sequence[str]], server: Server) -> list[Directive]:
    return [
        _line("daemon", "off"),
        _line("pid", f"{_TEMP}.pid"),
        _line("error_log", "/dev/stderr", "warn"),
        _line("worker_processes", str(server.workers)),
        _line("worker_shutdown_timeout", f"{server.drain_s:g}s"),
        _block("events", [_line("worker_connections", str(_CONNECTIONS))]),
        _block("http", _http(routes, upstreams, server)),
    ]


def _http(
    routes: Sequence[GatewayRoute], upstreams: Mapping[str, Sequence[str]], server: Server
) -> Iterable[Directive]:
    yield from (
        _line(f"{kind}_temp_path", f"{_TEMP}-{kind}") for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    yield _line("log_format", "json", "escape=json", _LOG)
    yield _line("access_log", "/dev/stdout", "json")
    yield _line("server_tokens", "off")
    yield _line("server_names_hash_bucket_size", "128")  # a long host name does not fit into the default
    yield _line("tcp_nodelay", "on")
    yield _line("keepalive_timeout", "65s")
    yield _line("client_max_body_size", f"{server.max_body_mib}m")
    yield _line("client_header_timeout", "15s")
    yield _line("client_body_timeout", "60s")
    yield _block("map", [_line("default", "upgrade"), _line("", "")], "$http_upgrade", "$connection_upgrade")
    used = {route.upstream for route in routes}
    for name in sorted(used):
        yield _upstream(name, upstreams[name])
    by_host: dict[str | None, list[GatewayRoute]] = defaultdict(list)
    for route in routes:
        by_host[route.host].append(route)
    anywhere = by_host.pop(None, [])
    yield _server("_", anywhere, default=True)
    for host, own in sorted(by_host.items(), key=lambda item: str(item[0])):
        taken = {(route.path, route.exact) for route in own}
        shared = [route for route in anywhere if (route.path, route.exact) not in taken]
        yield _server(str(host), [*own, *shared], default=False)


def _upstream(name: str, addresses: Sequence[str]) -> Directive:
    servers = [_line("server", address, "max_fails=2", "fail_timeout=2s") for address in addresses]
    # An upstream block must not be empty; nothing listens on this port, so a service with no replica answers 502.
    return _block("upstream", [*(servers or [_line("server", "127.0.0.1:9")]), _line("keepalive", "32")], f"to-{name}")


def _server(host: str, routes: Sequence[GatewayRoute], *, default: bool) -> Directive:
    block = [
        _line("listen", str(LISTEN_PORT), *(["default_server"] if default else [])),
        _line("server_name", host),
        _block("location", [_line("access_log", "off"), _line("return", "200", "ok\n")], "=", HEALTH_PATH),
    ]
    block += [
        _location(route) for route in sorted(_whole_steps(routes), key=lambda route: (not route.exact, route.path))
    ]
    if not any(route.path == "/" and not route.exact for route in routes):
        block.append(_block("location", [_line("return", "404")], "/"))
    return _block("server", block)


def _whole_steps(routes: Iterable[GatewayRoute]) -> Iterator[GatewayRoute]:
    """Let a prefix that is removed end with a slash: without ``/v1`` alone, ``/v1/jobs`` would become ``//jobs``."""
    for route in routes:
        if route.strip and not route.exact and not route.path.endswith("/"):
            yield replace(route, exact=True)
            yield replace(route, path=f"{route.path}/")
        else:
            yield route


def _location(route: GatewayRoute) -> Directive:
    # A URI after the upstream makes nginx exchange the matched prefix for it.
    target = f"http://to-{route.upstream}" + ("/" if route.strip else "")
    connection = "$connection_upgrade" if route.websocket else ""
    block = [
        _line("proxy_pass", target),
        _line("proxy_http_version", "1.1"),
        _line("proxy_set_header", "Host", "$host"),
        _line("proxy_set_header", "X-Request-Id", "$request_id"),
        _line("proxy_set_header", "X-Real-IP", "$remote_addr"),
        _line("proxy_set_header", "X-Forwarded-For", "$remote_addr"),
        _line("proxy_set_header", "X-Forwarded-Host", "$http_host"),
        _line("proxy_set_header", "X-Forwarded-Proto", "$scheme"),
        _line("proxy_set_header", "Connection", connection),
        *([_line("proxy_set_header", "Upgrade", "$http_upgrade")] if route.websocket else []),
        _line("proxy_connect_timeout", "5s"),
        _line("proxy_send_timeout", f"{route.timeout_s:g}s"),
        _line("proxy_read_timeout", f"{route.timeout_s:g}s"),
        _line("proxy_next_upstream", "error", "timeout"),
        _line("proxy_next_upstream_tries", "3"),
    ]
    return _block("location", block, *(["="] if route.exact else []), route.path)


def _line(name: str, *args: str) -> Directive:
    return {"directive": name, "args": list(args)}


def _block(name: str, block: Iterable[Directive], *args: str) -> Directive:
    return {"directive": name, "args": list(args), "block": list(block)}
