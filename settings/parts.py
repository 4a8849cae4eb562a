"""The parts of a platform under one roof: every name that others can need, refer to or reach by DNS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from settings.model import (
    Backups,
    Build,
    Cache,
    Database,
    Gateway,
    Job,
    ModelServer,
    Platform,
    Service,
    Strategy,
    VectorStore,
    Worker,
    Workload,
)
from settings.monitoring import SECTION, servers, watchers
from settings.versions import OTHER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.paths import Path

GATEWAY_NAME: Final = "gateway"
BACKUPS_NAME: Final = "backups"
_ALONE: Final = (GATEWAY_NAME, BACKUPS_NAME)
_NEEDED_BY_NONE: Final = (*_ALONE, SECTION)
WORKLOAD_SECTIONS: Final = ("services", "workers", "jobs")
STORE_SECTIONS: Final = ("databases", "caches", "vector_stores", "model_servers")
ROUTE_SECTIONS: Final = ("services", "model_servers", "vector_stores")
"""What a route can lead to."""
Store: TypeAlias = Database | Cache | VectorStore | ModelServer


@dataclass(frozen=True)
class Part:
    """A part with the place where it is declared."""

    section: str
    """One of :data:`STORE_SECTIONS` or :data:`WORKLOAD_SECTIONS`, ``gateway``, ``backups`` or ``monitoring``."""
    name: str
    """Its name, which is also its DNS name."""
    spec: Workload | Store | Gateway | Backups
    """What the description says of it."""

    @property
    def path(self) -> Path:
        """Where it stands: ``services.api``; ``gateway`` for the gateway."""
        return (self.section,) if self.section in _ALONE else (self.section, self.name)


def stores(platform: Platform) -> Iterator[tuple[str, str, Store]]:
    """Yield section, name and declaration of every part that Slipway brings and that keeps data."""
    for section in STORE_SECTIONS:
        declared: dict[str, Store] = getattr(platform, section)
        for name, store in declared.items():
            yield section, name, store


def workloads(platform: Platform) -> Iterator[tuple[str, str, Workload]]:
    """Yield section, name and declaration of every service, worker and job."""
    services: dict[str, Service] = platform.services
    workers: dict[str, Worker] = platform.workers
    jobs: dict[str, Job] = platform.jobs
    for section, declared in (("services", services), ("workers", workers), ("jobs", jobs)):
        for name, workload in declared.items():
            yield section, name, workload


def parts(platform: Platform) -> Iterator[Part]:
    """Yield every part that has a name of its own on the networks."""
    for section, name, store in stores(platform):
        yield Part(section, name, store)
    for section, name, workload in workloads(platform):
        yield Part(section, name, workload)
    if platform.gateway is not None:
        yield Part(GATEWAY_NAME, GATEWAY_NAME, platform.gateway)
    if platform.backups is not None:
        yield Part(BACKUPS_NAME, BACKUPS_NAME, platform.backups)
    for name, watcher in watchers(platform):
        yield Part(SECTION, name, watcher)


def built_image(project: str, part: str, build: Build) -> str:
    """Name the image that is built for a part."""
    return f"{project}-{part}" + (f":{build.tag}" if build.tag else "")


def part_names(platform: Platform) -> frozenset[str]:
    """Return the names of all parts that another one may need."""
    return frozenset(part.name for part in parts(platform) if part.section not in _NEEDED_BY_NONE)


def route_target(platform: Platform, name: str) -> Service | ModelServer | VectorStore | None:
    """Return the part of this name that a route can lead to, what watches included, or ``None``."""
    return next(
        (getattr(platform, section)[name] for section in ROUTE_SECTIONS if name in getattr(platform, section)),
        servers(platform).get(name),
    )


def routed_parts(platform: Platform) -> list[str]:
    """Return the parts that the gateway talks to, each once: those that decide who may pass, and versions, too."""
    routes = platform.gateway.routes if platform.gateway is not None else []
    named = [name for route in routes for name in (*route.services, *([route.auth.to] if route.auth else []))]
    return [
        version
        for name in dict.fromkeys(named)
        if (part := route_target(platform, name)) is not None
        for version in (name, name + OTHER)
        if version == name or (_has_versions(part) and version in platform.services)
    ]


def _has_versions(part: Service | ModelServer | VectorStore) -> bool:
    return isinstance(part, Service) and part.release.strategy is not Strategy.ROLLING
