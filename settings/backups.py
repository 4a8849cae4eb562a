"""What a platform's backups are made of: every store that keeps data, unless it is left out by name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from settings.model import CHECKPOINT, Persistence
from settings.parts import workloads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.model import Platform, Workload


class StoreKind(StrEnum):
    """Kinds of stores, as the backup's image knows them."""

    POSTGRES = "postgres"
    REDIS = "redis"
    QDRANT = "qdrant"
    OLLAMA = "ollama"
    VOLUME = "volume"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class BackedUp:
    """A store that is backed up."""

    name: str
    """Its key in the description."""
    kind: StoreKind
    """What it is."""


def candidates(platform: Platform) -> Iterator[BackedUp]:
    """Yield everything that keeps data: stores (caches that outlive a restart), volumes, the stack's own state."""
    for name in platform.databases:
        yield BackedUp(name, StoreKind.POSTGRES)
    for name, cache in platform.caches.items():
        if cache.persistence is not Persistence.NONE:
            yield BackedUp(name, StoreKind.REDIS)
    for name in platform.vector_stores:
        yield BackedUp(name, StoreKind.QDRANT)
    for name in platform.model_servers:
        yield BackedUp(name, StoreKind.OLLAMA)
    for name in platform.volumes:
        yield BackedUp(name, StoreKind.VOLUME)
    yield BackedUp(CHECKPOINT, StoreKind.CHECKPOINT)


def outside(platform: Platform) -> list[str]:
    """Return the databases of others that are backed up, by a platform as it is declared."""
    if platform.backups is None:
        return []
    return [
        name
        for name, database in platform.databases.items()
        if database.external is not None and name not in platform.backups.exclude
    ]


def backed_up(platform: Platform) -> list[BackedUp]:
    """Return the stores of the platform that are backed up; none where it has no backups."""
    if platform.backups is None:
        return []
    return [store for store in candidates(platform) if store.name not in platform.backups.exclude]


def writers_of(platform: Platform, volume: str) -> list[tuple[str, str, Workload]]:
    """Return the workloads that mount a volume, those that write it first."""
    found = [
        (mount.read_only, section, name, workload)
        for section, name, workload in workloads(platform)
        for mount in workload.volumes
        if mount.volume == volume
    ]
    return [(section, name, workload) for _, section, name, workload in sorted(found, key=lambda item: item[0])]
