"""TCP pass-through: a port of the gateway that leads, unread, to a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from components.nginx.model import Backend, TcpRoute
from components.nginx.tree import Directive, block, line, time
from components.nginx.upstreams import upstream_name


def stream(routes: Sequence[TcpRoute], upstreams: Mapping[str, Sequence[Backend]]) -> Directive:
    """Return the block of all pass-through ports."""
    return block("stream", _body(routes, upstreams))


def _body(routes: Sequence[TcpRoute], upstreams: Mapping[str, Sequence[Backend]]) -> Iterator[Directive]:
    yield line(
        "log_format", "tcp", "escape=json",
        '{"time":"$time_iso8601","remote":"$remote_addr","port":$server_port,"status":$status,"sent":$bytes_sent,'
        '"received":$bytes_received,"seconds":$session_time,"upstream":"$upstream_addr"}',
    )  # fmt: skip
    yield line("access_log", "/dev/stdout", "tcp", "buffer=32k", "flush=1s")
    for route in routes:
        servers = [line("server", backend.address) for backend in upstreams[route.upstream]]
        yield block("upstream", servers or [line("server", "127.0.0.1:9")], upstream_name(route.upstream))
        yield block(
            "server",
            [
                line("listen", str(route.port)),
                line("proxy_pass", upstream_name(route.upstream)),
                line("proxy_connect_timeout", "5s"),
                line("proxy_timeout", time(route.idle_s)),
            ],
        )
