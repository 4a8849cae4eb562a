"""The whole of nginx.conf."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from components.nginx import headers, keys, limits, tls
from components.nginx.model import (
    CONFIG_FOLDER,
    ERRORS,
    FLAGS_VALID_S,
    LOG_SOCKET,
    Backend,
    Balancing,
    GatewayRoute,
    Server,
)
from components.nginx.servers import servers, status_server
from components.nginx.stream import stream
from components.nginx.tree import Directive, block, line, time
from components.nginx.upstreams import sticky_maps, upstream

_LOG: Final = (
    '{"time":"$time_iso8601","id":"$slipway_id","remote":"$remote_addr","host":"$host","method":"$request_method",'
    '"uri":"$request_uri","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,'
    '"upstream":"$upstream_addr","upstream_status":"$upstream_status","upstream_seconds":"$upstream_response_time"}'
)
_REPORT: Final = '{"upstream":"$proxy_host","status":$status,"seconds":$request_time}'
_CONNECTIONS: Final = 2000
"""Connections of one worker; a proxied one is two, each an open file, of which a container may have 4096."""
_TEMP: Final = "/tmp/nginx"  # noqa: S108 - a memory folder inside the container
_NEXT_REPLICA_S: Final = 2
"""Where connecting to a replica took all its time before a reload: how long the next one may then take to answer."""
_COMPRESSIBLE: Final = (
    "text/css", "text/plain", "text/xml", "text/javascript", "application/javascript", "application/json",
    "application/manifest+json", "application/xml", "image/svg+xml",
)  # fmt: skip


def render(
    routes: Sequence[GatewayRoute],
    upstreams: Mapping[str, Sequence[Backend]],
    server: Server,
    balancing: Mapping[str, Balancing] | None = None,
) -> str:
    """Return the text of nginx.conf.

    Args:
        routes: In any order: nginx takes an exact path first, then the longest prefix.
        upstreams: Backends by upstream name; one without any answers 502.
        server: What holds for all routes.
        balancing: How requests are spread, by upstream name. Default: in turn.
    """
    import crossplane  # noqa: PLC0415 - 30 ms that a program without a gateway need not spend

    return str(crossplane.build(list(_main(routes, upstreams, server, balancing or {})), indent=2)) + "\n"


def _main(
    routes: Sequence[GatewayRoute],
    upstreams: Mapping[str, Sequence[Backend]],
    server: Server,
    balancing: Mapping[str, Balancing],
) -> Iterable[Directive]:
    if server.tcp and server.stream_module:
        yield line("load_module", server.stream_module)
    yield line("daemon", "off")
    yield line("pid", f"{_TEMP}.pid")
    yield line("error_log", "/dev/stderr", "warn")
    # What makes it refuse a configuration at a reload, for the job that asked for it: no other container sees its log.
    yield line("error_log", f"{CONFIG_FOLDER}/{ERRORS}", "emerg")
    yield line("worker_processes", str(server.workers))
    # A reload must not cut what lasts: it waits for no more than ``drain_s``, and the workers live on with the rest.
    lasting = [route.timeout_s for route in routes if route.websocket or route.streaming]
    # Nor a request that is about to find out that its replica is gone, which is why the loop beside nginx reloads.
    finding = [route.connect_timeout_s + _NEXT_REPLICA_S for route in routes if route.upstream]
    yield line("worker_shutdown_timeout", time(max(server.drain_s, *lasting, *finding, 0)))
    yield block("events", [line("worker_connections", str(_CONNECTIONS))])
    yield block("http", _http(routes, upstreams, server, balancing))
    if server.tcp:
        yield stream(server.tcp, upstreams)


def _http(
    routes: Sequence[GatewayRoute],
    upstreams: Mapping[str, Sequence[Backend]],
    server: Server,
    balancing: Mapping[str, Balancing],
) -> Iterable[Directive]:
    yield from (
        line(f"{kind}_temp_path", f"{_TEMP}-{kind}") for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    if any(route.files for route in routes) or server.maintenance_page:
        yield line("include", server.mime_types)
        yield line("default_type", "application/octet-stream")
    yield line("log_format", "json", "escape=json", _LOG)
    # A line is at most a second late; without the buffer each request would be a write.
    yield line("access_log", "/dev/stdout", "json", "buffer=32k", "flush=1s")
    if server.report:
        # Datagrams to a file: nothing to connect to when nginx starts, and nothing to wait for while it serves.
        yield line("log_format", "report", "escape=json", _REPORT)
        yield line("access_log", f"syslog:server=unix:{LOG_SOCKET},nohostname,tag=gateway", "report")
    yield line("server_tokens", "off")
    yield line("absolute_redirect", "off")  # nginx knows its own port, and not the one that people come by
    yield line("server_names_hash_bucket_size", "128")  # a long host name does not fit into the default
    yield line("variables_hash_max_size", "2048")
    # Maintenance is looked up at each request and nearly always off: for a second, the disk need not be asked again.
    yield line("open_file_cache", "max=1000", "inactive=60s")
    yield line("open_file_cache_valid", time(FLAGS_VALID_S))
    yield line("open_file_cache_errors", "on")
    yield line("tcp_nodelay", "on")
    yield line("keepalive_timeout", "65s")
    yield line("client_max_body_size", f"{server.max_body_mib}m")
    yield line("client_header_timeout", "15s")
    yield line("client_body_timeout", "60s")
    yield line("reset_timedout_connection", "on")
    yield from _compression(server)
    yield from _trust(server)
    yield block("map", [line("default", "upgrade"), line("", "")], "$http_upgrade", "$connection_upgrade")
    # A well-formed id of the client's is kept, so that a request can be followed from end to end.
    yield block(
        "map", [line("default", "$request_id"), line("~^[A-Za-z0-9_-]{8,64}$", "$http_x_request_id")],
        "$http_x_request_id", "$slipway_id",
    )  # fmt: skip
    yield from headers.maps(server)
    yield from keys.maps(routes)
    yield from limits.zones(routes)
    yield from sticky_maps(balancing)
    if server.tls is not None:
        yield from tls.profile()
    used = {name for route in routes for name in (route.upstream, route.auth and route.auth.upstream) if name}
    for name in sorted(used):
        yield upstream(name, upstreams[name], balancing.get(name, Balancing()))
    yield status_server()
    yield from servers(routes, server, balancing)


def _compression(server: Server) -> Iterable[Directive]:
    if not server.compress:
        return
    yield line("gzip", "on")
    yield line("gzip_comp_level", "4")
    yield line("gzip_min_length", "1024")
    yield line("gzip_proxied", "any")
    yield line("gzip_vary", "on")
    yield line("gzip_types", *_COMPRESSIBLE)


def _trust(server: Server) -> Iterable[Directive]:
    if not server.trusted_proxies:
        return
    yield from (line("set_real_ip_from", address) for address in server.trusted_proxies)
    yield line("real_ip_header", "X-Forwarded-For")
    yield line("real_ip_recursive", "on")
    yield block("geo", [line("default", "0"), *(line(address, "1") for address in server.trusted_proxies)],
                "$realip_remote_addr", "$slipway_trusted")  # fmt: skip
    yield block("map", [line("default", "$scheme"), line("~^1:(https?)$", "$1")],
                "$slipway_trusted:$http_x_forwarded_proto", "$slipway_scheme")  # fmt: skip
