"""Server blocks: one a host name and protocol, one for every other name, one for nginx's own figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.nginx import headers, tls
from components.nginx.locations import health, locations
from components.nginx.model import (
    ACME_FOLDER,
    STATUS_PATH,
    STATUS_PORT,
    Balancing,
    GatewayRoute,
    Server,
)
from components.nginx.tree import Directive, block, line


@dataclass(frozen=True)
class _Host:
    """A host name with its routes; None is every name that has no block of its own."""

    name: str | None
    routes: Sequence[GatewayRoute]


def servers(routes: Sequence[GatewayRoute], server: Server, balancing: Mapping[str, Balancing]) -> Iterator[Directive]:
    """Yield the blocks that serve routes."""
    for host in _hosts(routes, server):
        refused = host.name is None and bool(server.hosts)
        secure = server.tls is not None
        if secure:
            yield from _https(host, server, balancing, refused=refused)
        plain = [*_names(host), *_plain(host, server, balancing, refused=refused)]
        yield block("server", [*(line("listen", str(port), *_default(host)) for port in server.ports), *plain])


def status_server() -> Directive:
    """Return the page for metrics; its port is never published."""
    private = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
    page = [line("access_log", "off"), line("stub_status"), *(line("allow", item) for item in private)]
    page.append(line("deny", "all"))
    body = [line("listen", str(STATUS_PORT)), line("server_name", "_"), block("location", page, "=", STATUS_PATH)]
    return block("server", [*body, block("location", [line("return", "404")], "/")])


def _hosts(routes: Sequence[GatewayRoute], server: Server) -> Iterable[_Host]:
    """Return each host name's routes: its own, and those of any host for the paths that it leaves open."""
    anywhere = [route for route in routes if route.host is None]
    yield _Host(None, anywhere)
    for name in sorted({*server.hosts, *(route.host for route in routes if route.host is not None)}):
        own = [route for route in routes if route.host == name]
        taken = {(route.path, route.exact) for route in own}
        yield _Host(name, [*own, *(route for route in anywhere if (route.path, route.exact) not in taken)])


def _plain(host: _Host, server: Server, balancing: Mapping[str, Balancing], *, refused: bool) -> Iterator[Directive]:
    if server.acme:
        challenge = [line("root", f"{ACME_FOLDER}/www"), line("default_type", "text/plain")]
        yield block("location", challenge, "^~", "/.well-known/acme-challenge/")
    if refused:
        yield from health(server)
        yield block("location", [line("return", "444")], "/")
    elif server.tls is not None and server.tls.redirect:
        yield from health(server)
        port = "" if server.tls.port == tls.HTTPS else f":{server.tls.port}"
        yield block("location", [line("return", "301", f"https://$host{port}$request_uri")], "/")
    else:
        yield from headers.of_server(server, https=False)
        yield from locations(host.routes, server, balancing, https=False)


def _https(host: _Host, server: Server, balancing: Mapping[str, Balancing], *, refused: bool) -> Iterator[Directive]:
    listen = tls.listen(server, _default(host))
    certificate = None if refused else tls.certificate_for(server, host.name)
    if certificate is None:
        yield block("server", [*listen, *_names(host), line("ssl_reject_handshake", "on")])
        return
    body = [*listen, *_names(host), *tls.certificate(certificate), *headers.of_server(server, https=True)]
    yield block("server", [*body, *locations(host.routes, server, balancing, https=True)])


def _names(host: _Host) -> list[Directive]:
    return [line("server_name", host.name or "_")]


def _default(host: _Host) -> list[str]:
    return [] if host.name else ["default_server"]
