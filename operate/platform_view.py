"""What commands need to know of a platform's description: addresses, sizes, ports and images, part by part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from settings.model import GATEWAY_PORTS, TLS_PORT, Gateway, Job, ModelServer
from settings.monitoring import servers
from settings.parts import BACKUPS_NAME, STORE_SECTIONS, parts, stores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings import Loaded, Platform
    from settings.model import Publish, Volume
    from settings.parts import Part, Store

_STORE_PORTS: Final = {"postgres": 5432, "redis": 6379, "qdrant": 6333, "ollama": 11434}
_HTTP: Final = 80
_HTTPS: Final = 443
_ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::", "127.0.0.1"})  # noqa: S104 - compared, not bound


@dataclass(frozen=True)
class HostPort:
    """A port of the host that the platform takes."""

    part: str
    """The part that publishes it."""
    address: str
    """The address that it listens on."""
    port: int
    """The port of the host."""
    protocol: str
    """``tcp`` or ``udp``."""

    def __str__(self) -> str:
        """Return ``127.0.0.1:8080/tcp``."""
        return f"{self.address}:{self.port}/{self.protocol}"


def addresses(loaded: Loaded) -> dict[str, str]:
    """Return where each part is reached: from outside if it is published, else by its name on the networks."""
    found: dict[str, str] = {}
    hosts = {name: host for versions in loaded.versions.values() for name, host in versions.hosts.items()}
    for part in parts(loaded.platform):
        published = _published(part)
        port = _port(part)
        if published:
            found[part.name] = ", ".join(dict.fromkeys(_outside(part, item) for item in published))
        elif port is not None:
            found[part.name] = f"{hosts.get(part.name, part.name)}:{port}"
    return found


def urls(platform: Platform) -> list[str]:
    """Return the addresses at which the gateway answers a browser on this machine."""
    if platform.gateway is None:
        return []
    return [_url(port) for place, port in platform.gateway.ports.items() if place[0] != "tcp"]


def host_ports(platform: Platform) -> list[HostPort]:
    """Return every port of the host that the platform takes."""
    return [
        HostPort(part.name, publish.address, publish.host_port, str(publish.protocol))
        for part in parts(platform)
        for publish in _published(part)
    ]


def replicas(platform: Platform) -> dict[str, int]:
    """Return how many containers of each part should run all the time."""
    return {part.name: getattr(part.spec, "replicas", 1) for part in parts(platform) if not isinstance(part.spec, Job)}


def limits_mib(platform: Platform) -> int:
    """Return the sum of the memory limits of all that runs at the same time, in MiB."""
    return sum(
        part.spec.memory_mib * getattr(part.spec, "replicas", 1)
        for part in parts(platform)
        if not isinstance(part.spec, Job)
    )


def biggest_cpus(platform: Platform) -> tuple[str, float]:
    """Return the part with the highest CPU limit, and that limit; an empty name if there is no part."""
    limits = [(part.name, float(part.spec.cpus)) for part in parts(platform)]
    return max(limits, key=lambda item: item[1], default=("", 0.0))


def protected_parts(platform: Platform) -> dict[str, bool]:
    """Return for each part that keeps data whether its data are protected."""
    kept: dict[str, Store | Volume] = {**{name: store for _, name, store in stores(platform)}, **platform.volumes}
    own = {name: platform.protect_data if item.protect is None else item.protect for name, item in kept.items()}
    if platform.backups is not None:
        own[BACKUPS_NAME] = platform.protect_data
    watching = platform.monitoring
    if watching is not None:
        protect = platform.protect_data if watching.protect is None else watching.protect
        own |= dict.fromkeys(servers(platform), protect)
    return own


def catalogue_roles(loaded: Loaded) -> list[str]:
    """Return the roles of Slipway's catalogue whose images this platform uses."""
    used = set(_images(loaded.platform))
    family = str(loaded.platform.images.family)
    found = []
    for role in loaded.catalogue.roles:
        image = loaded.catalogue.find(role, family)
        if image is not None and (image.reference in used or role == "carrier"):
            found.append(role)
    return found


def _images(platform: Platform) -> Iterator[str]:
    for part in parts(platform):
        if part.spec.image:
            yield part.spec.image
        if isinstance(part.spec, ModelServer) and part.spec.keeper_image:
            yield part.spec.keeper_image
        if isinstance(part.spec, Gateway) and part.spec.tls and part.spec.tls.acme and part.spec.tls.acme.image:
            yield part.spec.tls.acme.image


def _published(part: Part) -> list[Publish]:
    return list(part.spec.ports.values() if isinstance(part.spec, Gateway) else part.spec.publish or ())


def _port(part: Part) -> int | None:
    if part.section in STORE_SECTIONS:
        return _STORE_PORTS[str(getattr(part.spec, "engine", ""))]
    port = getattr(part.spec, "port", None)
    return port if isinstance(port, int) else None


def _outside(part: Part, publish: Publish) -> str:
    if isinstance(part.spec, Gateway) and publish.port in {*GATEWAY_PORTS, TLS_PORT}:
        return _url(publish)
    suffix = "" if publish.protocol == "tcp" else f"/{publish.protocol}"
    return f"{publish.address}:{publish.host_port}{suffix}"


def _url(publish: Publish) -> str:
    host = "localhost" if publish.address in _ANY_ADDRESS else publish.address
    scheme, usual = ("https", _HTTPS) if publish.port == TLS_PORT else ("http", _HTTP)
    return f"{scheme}://{host}" + ("" if publish.host_port == usual else f":{publish.host_port}")
