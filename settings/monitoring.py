"""Which containers watch a platform, as services that nobody has to describe: what they need, where they are, how big.

So every check of memory, ports and names counts them, and ``slipway`` shows them, as it does all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settings.model import (
    ALERTMANAGER_PORT,
    GRAFANA_PORT,
    PROMETHEUS_PORT,
    Alertmanager,
    Grafana,
    Monitoring,
    Platform,
    Service,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from settings.model import Route
    from settings.paths import Path

SECTION: Final = "monitoring"
PROMETHEUS: Final = "prometheus"
ALERTMANAGER: Final = "alertmanager"
GRAFANA: Final = "grafana"
GATEWAY_EXPORTER: Final = "gateway-exporter"
NGINX_EXPORTER: Final = "nginx-exporter"
HOST_EXPORTER: Final = "host-exporter"
CONTAINERS_EXPORTER: Final = "containers-exporter"
EXPORTERS: Final = "exporters"
"""Role of the image of all exporters."""
SERVERS: Final = (PROMETHEUS, ALERTMANAGER, GRAFANA)
"""What a route may lead to."""
OWN_PORT: Final = 9200
"""Port of Slipway's own exporters."""
DATABASE_PORT: Final = 9187
CACHE_PORT: Final = 9121
NGINX_PORT: Final = 9113
HOST_PORT: Final = 9100
_GO_MIB: Final = 48
_PYTHON_MIB: Final = 64
_EXPORTER_CPUS: Final = 0.25
_PYTHON_CPUS: Final = 0.5


def exporter_of(store: str) -> str:
    """Name the exporter of a database or cache."""
    return f"{store}-exporter"


def is_on(platform: Platform) -> bool:
    """Whether the platform is watched."""
    monitoring = platform.monitoring
    if monitoring is None:
        return False
    return platform.protect_data if monitoring.enabled is None else monitoring.enabled


def apply_monitoring(platform: Platform) -> Platform:
    """Return the platform without a monitoring that is off, and without the routes that lead to it."""
    if platform.monitoring is None or is_on(platform):
        return platform
    gateway = platform.gateway
    if gateway is not None:
        routes = [route for route in gateway.routes if not _leads_to_monitoring(route, platform)]
        gateway = gateway.model_copy(update={"routes": routes})
    return platform.model_copy(update={SECTION: None, "gateway": gateway})


def servers(platform: Platform) -> Mapping[str, Service]:
    """Return what a route may lead to: Prometheus, and Alertmanager and Grafana where they run."""
    return {name: service for name, service in watchers(platform) if name in SERVERS}


def watchers(platform: Platform) -> Iterator[tuple[str, Service]]:
    """Yield every container that watches, by its name; networks only of a platform whose defaults are filled in."""
    monitoring = platform.monitoring
    if monitoring is None or not is_on(platform):
        return
    for name in platform.databases:
        yield exporter_of(name), _exporter(monitoring, platform, exporter_of(name), DATABASE_PORT)
    for name in platform.caches:
        yield exporter_of(name), _exporter(monitoring, platform, exporter_of(name), CACHE_PORT)
    if platform.gateway is not None:
        yield NGINX_EXPORTER, _exporter(monitoring, platform, NGINX_EXPORTER, NGINX_PORT)
        yield GATEWAY_EXPORTER, _exporter(monitoring, platform, GATEWAY_EXPORTER, OWN_PORT, _PYTHON_MIB)
    if monitoring.host:
        yield HOST_EXPORTER, _exporter(monitoring, platform, HOST_EXPORTER, HOST_PORT)
        yield CONTAINERS_EXPORTER, _exporter(monitoring, platform, CONTAINERS_EXPORTER, OWN_PORT, _PYTHON_MIB)
    yield PROMETHEUS, _service(platform, PROMETHEUS, monitoring, PROMETHEUS_PORT, monitoring.image)
    if monitoring.receivers:
        own = monitoring.alertmanager
        yield ALERTMANAGER, _service(platform, ALERTMANAGER, own, ALERTMANAGER_PORT, own.image)
    if monitoring.grafana is not None:
        yield GRAFANA, _service(platform, GRAFANA, monitoring.grafana, GRAFANA_PORT, monitoring.grafana.image)


def monitoring_images(platform: Platform) -> Iterator[tuple[Path, str | None, str | None]]:
    """Yield, for each image that is used: where it can be said, what is said, and its role in the catalogue, if any."""
    monitoring = platform.monitoring
    if monitoring is None or not is_on(platform):
        return
    yield (SECTION, "image"), monitoring.image, PROMETHEUS
    yield (SECTION, "exporters_image"), monitoring.exporters_image, EXPORTERS
    if monitoring.receivers:
        yield (SECTION, ALERTMANAGER, "image"), monitoring.alertmanager.image, ALERTMANAGER
    if monitoring.grafana is not None:
        yield (SECTION, GRAFANA, "image"), monitoring.grafana.image, None


def _leads_to_monitoring(route: Route, platform: Platform) -> bool:
    return bool(route.targets) and all(name in SERVERS and name not in platform.services for name in route.targets)


def _exporter(monitoring: Monitoring, platform: Platform, name: str, port: int, memory_mib: int = _GO_MIB) -> Service:
    return Service().model_copy(
        update={
            "image": monitoring.exporters_image,
            "port": port,
            "memory_mib": memory_mib,
            "cpus": _PYTHON_CPUS if memory_mib == _PYTHON_MIB else _EXPORTER_CPUS,
            "networks": _networks(platform, name, published=False),
        }
    )


def _service(
    platform: Platform, name: str, own: Monitoring | Alertmanager | Grafana, port: int, image: str | None
) -> Service:
    return Service().model_copy(
        update={
            "image": image,
            "port": port,
            "memory_mib": own.memory_mib,
            "cpus": own.cpus,
            "publish": [own.publish] if own.publish else [],
            "networks": _networks(platform, name, published=own.publish is not None),
        }
    )


def _networks(platform: Platform, name: str, *, published: bool) -> list[str] | None:
    from settings.resolve_networks import networks_of_watcher  # noqa: PLC0415 - it needs the names of this module

    return networks_of_watcher(platform, name, publish=published)
