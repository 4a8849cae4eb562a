"""The gateway: the one door from outside."""
# ruff: noqa: RUF012, TC001 - pydantic copies mutable defaults, and needs the names of annotations when it runs

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from settings.model.base import Model, Name
from settings.model.ports import Publish, publish_form
from settings.model.routes import HeaderName, HeaderValue, HostName, PathText, Route
from settings.model.tls import Tls, TlsMode
from settings.units import Cpus, MemoryMiB, Port, Seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

GATEWAY_PORT: Final = 8080
"""Port on which the gateway listens inside its container."""
GATEWAY_PORTS: Final = (GATEWAY_PORT, 8082, 8083, 8084)
"""All of them: each port of the host needs one of its own, since Docker does not keep the order of two that lead to one
and each deployment would replace the gateway."""


def _publish_gateway(value: object) -> object:
    """Read ``8080`` and ``127.0.0.1:8080``, which lead to the gateway's own port."""
    return publish_form(value, GATEWAY_PORT)


def _as_list(value: object) -> object:
    return value if isinstance(value, list) or value is None else [value]


def _a_port_each(ports: Sequence[Publish]) -> list[Publish]:
    """Lead each further port of the host to a port of its own, as long as there are any."""
    free = [
        number for number in GATEWAY_PORTS if number not in {port.port for port in ports if port.port != GATEWAY_PORT}
    ]
    found: list[Publish] = []
    for port in ports:
        own = port.port == GATEWAY_PORT and port.protocol == "tcp" and free
        found.append(port.model_copy(update={"port": free.pop(0)}) if own else port)
    return found


def _unless_off(tls: Tls | None) -> Tls | None:
    """Leave nothing of HTTPS that is switched off, so that nobody has to ask twice."""
    return None if tls is None or tls.mode is TlsMode.OFF else tls


_PublishGateway = Annotated[Publish, BeforeValidator(_publish_gateway, json_schema_input_type=Publish | str | int)]


class TcpRoute(Model):
    """A port that leads, unread and unprotected by the gateway, to a store."""

    host_port: Port
    """Port of the host."""
    address: str = "127.0.0.1"
    """Address of the host to listen on."""
    reason: Annotated[str, Field(min_length=10)]
    """Why a store must be reached from outside."""
    idle_s: Seconds = Field(default=3600.0, alias="idle")
    """The longest silence before a connection is closed."""


class Gateway(Model):
    """nginx in front of the services."""

    routes: list[Route] = Field(min_length=1)
    """Where requests go; the longest matching path wins, an exact one first."""
    publish: Annotated[
        list[_PublishGateway],
        BeforeValidator(_as_list, json_schema_input_type=list[_PublishGateway] | _PublishGateway),
        AfterValidator(_a_port_each),
    ] = []
    """Ports of the host, such as ``127.0.0.1:8080``, at most four; one needs no list."""
    tls: Annotated[Tls | None, AfterValidator(_unless_off)] = None
    """HTTPS. Default: none."""
    hosts: list[HostName] = []
    """Host names that it serves; requests for any other are closed unanswered. Default: any."""
    headers: dict[HeaderName, HeaderValue] = {}
    """Headers of every answer, on every status, unless the service sends its own; an empty one removes a security
    header that is there by default (docs/gateway.md)."""
    compress: bool = True
    """Whether text is compressed for clients that can read it so."""
    trusted_proxies: list[str] = []
    """Addresses and ranges of proxies before it whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed."""
    health_path: PathText | None = None
    """A path, such as ``/health``, on which the gateway says that it is well, as it does on ``/.slipway/health``."""
    maintenance_page: str | None = None
    """HTML file of the project that is shown during ``slipway maintenance``. Default: one line of text."""
    maintenance_retry_s: Seconds = Field(default=60.0, alias="maintenance_retry")
    """When clients are told to try again then."""
    tcp: dict[Name, TcpRoute] = {}
    """Databases and caches that are passed through to the outside: by name only, and with the reason."""
    image: str | None = None
    """Image reference. Default: the catalogue's nginx."""
    networks: list[Name] | None = None
    """Networks to join. Default: the first that is not internal, and one of each service that it leads to."""
    memory_mib: MemoryMiB = Field(default=128, alias="memory")
    """Memory limit."""
    cpus: Cpus = 1.0
    """CPU limit."""
    max_body_mib: MemoryMiB = Field(default=16, alias="max_body")
    """Largest request body."""
    drain_s: Seconds = Field(default=30.0, alias="drain")
    """The longest that a release waits for requests in flight before old replicas get their stop signal. Then nginx
    closes their connections (but no sooner than 2 s after a route's ``connect_timeout``), except where a route is for
    websockets or streams: those last as long as their service and the route's ``timeout`` let them."""
    health_interval_s: Seconds = Field(default=5.0, alias="health_interval")
    """Time between two health probes, and before the first."""
    container_name: str | None = None
    """A fixed container name. Default: generated."""
    workers: int = Field(default=2, ge=1, le=64)
    """nginx worker processes."""

    @property
    def ports(self) -> dict[tuple[str | int, ...], Publish]:
        """Every port of the host that leads to it, by where it stands below ``gateway``."""
        found: dict[tuple[str | int, ...], Publish] = {}
        found.update({("publish", index): port for index, port in enumerate(self.publish)})
        if self.tls is not None:
            found["tls", "publish"] = self.tls.publish
        for name, port in self.tcp.items():
            found["tcp", name] = Publish(port=port.host_port, host_port=port.host_port, address=port.address)
        return found
