"""Where a platform is probed: at the gateway's own published address, on a path that leads to a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from operate.docker_host import is_local
from operate.probe.model import CannotProbe, Probe
from settings.model import GATEWAY_PORT, TLS_PORT

if TYPE_CHECKING:
    from settings.model import Gateway, Platform, Route

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
_HERE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_USUAL: Final = {"http": 80, "https": 443}


def aim(platform: Platform, path: str, docker_host: str, rate: float) -> Probe:
    """Return a probe of a platform through its gateway.

    Certificates are not checked: the question is whether requests are answered while the platform changes.

    Args:
        platform: The platform.
        path: The path; empty to choose one: the health path of the first service that anybody may reach.
        docker_host: Address of the Docker daemon.
        rate: Requests a second.

    Raises:
        CannotProbe: There is no gateway, port or path to send to.
    """
    gateway = platform.gateway
    if gateway is None:
        raise CannotProbe(
            "--probe sends requests to the gateway, and this platform has none\n  fix: deploy without --probe"
        )
    scheme, place, port = _place(gateway, docker_host)
    route = next((item for item in gateway.routes if _open(item)), None)
    if not path:
        if route is None:
            raise CannotProbe(
                "--probe finds no route that leads everybody to a service, without a limit\n  fix: --probe=/PATH"
            )
        path = _path(platform, route)
    hosts = [route.host] if route is not None and route.host else list(gateway.hosts)
    name = hosts[0] if hosts else place
    number = "" if port == _USUAL[scheme] else f":{port}"
    url = f"{scheme}://{f'[{name}]' if ':' in name else name}{number}{path}"
    return Probe(
        urls=(url,), rate=rate, connect=f"[{place}]:{port}" if ":" in place else f"{place}:{port}", verify=False
    )


def _place(gateway: Gateway, docker_host: str) -> tuple[str, str, int]:
    """Return how and where the gateway is reached from here."""
    secure = gateway.tls is not None and (gateway.tls.redirect or not gateway.publish)
    wanted, scheme = (TLS_PORT, "https") if secure else (GATEWAY_PORT, "http")
    published = next((item for item in gateway.ports.values() if item.port == wanted), None)
    if published is None:
        raise CannotProbe(
            "--probe sends requests to a port that the gateway publishes, and it publishes none\n"
            "  fix: gateway.publish, or deploy without --probe"
        )
    address = published.address
    if not is_local(docker_host):
        there = urlsplit(docker_host).hostname or ""
        if address in _HERE:
            raise CannotProbe(
                f"--probe can't reach the gateway: it listens on {address} of {there}\n"
                f"  fix: run slipway on {there}, or deploy without --probe"
            )
        return scheme, there if address in _EVERYWHERE else address, published.host_port
    return scheme, _EVERYWHERE.get(address, address), published.host_port


def _open(route: Route) -> bool:
    """Whether everybody may send it as many GETs as they like."""
    closed = (route.basic_auth, route.auth, route.allow, route.deny, route.rate, route.connections)
    return bool(route.services) and not any(closed)


def _path(platform: Platform, route: Route) -> str:
    """Return a path of a route that its service most likely answers well: that of its health check."""
    service = platform.services[route.services[0]]
    health = service.health.path if service.health is not None else None
    if health is None or route.exact or route.rewrite is not None:
        return route.path
    if route.strip:
        return route.path.rstrip("/") + health
    return health if health.startswith(route.path) else route.path
