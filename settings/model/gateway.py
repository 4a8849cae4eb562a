"""The gateway: the one door from outside, and its routes."""
# ruff: noqa: RUF012, TC001 - pydantic copies mutable defaults, and needs the names of annotations when it runs

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from settings.model.base import Model, Name
from settings.model.ports import Publish, publish_form
from settings.units import Cpus, MemoryMiB, Seconds

GATEWAY_PORT = 8080
"""Port on which the gateway listens inside its container."""


def _publish_gateway(value: object) -> object:
    """Read ``8080`` and ``127.0.0.1:8080``, which lead to the gateway's own port."""
    return publish_form(value, GATEWAY_PORT)


def _as_list(value: object) -> object:
    return value if isinstance(value, list) or value is None else [value]


_PublishGateway = Annotated[Publish, BeforeValidator(_publish_gateway, json_schema_input_type=Publish | str | int)]


class Route(Model):
    """A rule that leads requests to a service."""

    to: Name
    """The service."""
    path: str = Field(default="/", pattern=r"""^/[^\s{};"']*$""")
    """Path prefix (or, with ``exact``, the whole path)."""
    exact: bool = False
    """Whether only this very path matches."""
    host: str | None = Field(default=None, pattern=r"^[a-z0-9*]([a-z0-9.*-]*[a-z0-9])?$")
    """Host name. Default: any."""
    strip: bool = False
    """Whether the prefix is removed before the request is passed on."""
    websocket: bool = False
    """Whether the connection may become a websocket."""
    timeout_s: Seconds = Field(default=60.0, alias="timeout", le=7200)
    """The longest silence of the service while a request waits, at most 7200 s."""


class Gateway(Model):
    """nginx in front of the services."""

    routes: list[Route] = Field(min_length=1)
    """Where requests go; the longest matching path wins, an exact one first."""
    publish: Annotated[
        list[_PublishGateway],
        BeforeValidator(_as_list, json_schema_input_type=list[_PublishGateway] | _PublishGateway),
    ] = []
    """Ports of the host, such as ``127.0.0.1:8080``; one needs no list."""
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
    """The longest that requests in flight may go on after a reload, before their connection is closed."""
    health_interval_s: Seconds = Field(default=5.0, alias="health_interval")
    """Time between two health probes, and before the first."""
    container_name: str | None = None
    """A fixed container name. Default: generated."""
    workers: int = Field(default=2, ge=1, le=64)
    """nginx worker processes."""
