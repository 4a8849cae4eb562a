"""From the description of a database or cache to its component."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.cache import Cache, CacheArgs
from components.database import Database, DatabaseArgs
from components.database_tls import DatabaseTls
from components.translate import published_ports

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.around import Around
    from settings.model import Cache as CacheModel
    from settings.model import Database as DatabaseModel
    from settings.model import DatabaseTls as TlsModel


def make_database(
    name: str, database: DatabaseModel, around: Around, *, rotation: int, secrets: Mapping[str, pulumi.Output[str]]
) -> Database:
    """Register a described database; ``rotation`` counts the steps of its logins, ``secrets`` are the platform's."""
    image = around.catalogue("postgres")
    own = around.labels(name, "database")
    return Database(
        name,
        DatabaseArgs(
            image=around.images[str(database.image)],
            user=image.user or DatabaseArgs.user,
            data_dir=str(image.facts.get("data_dir", DatabaseArgs.data_dir)),
            files_image=around.carrier,
            files_key=around.files_key,
            database=database.database or name,
            role=database.user or name,
            networks=around.attach(database.networks, name),
            memory_mib=database.memory_mib,
            cpus=database.cpus,
            shm_size_mib=database.shm_size_mib,
            settings=database.settings,
            init=database.init,
            publish=published_ports(database.publish),
            volume_name=database.volume_name,
            rotation=rotation,
            tls=_tls(database.tls, secrets) if database.tls else None,
            protect=bool(database.protect),
            stop_grace_s=database.stop_grace_s,
            health_interval_s=database.health_interval_s,
            container_name=database.container_name,
            labels={**database.labels, **own},
            volume_labels=own,
        ),
    )


def _tls(tls: TlsModel, secrets: Mapping[str, pulumi.Output[str]]) -> DatabaseTls:
    given = {name: secrets[secret] for name in ("certificate", "key", "ca") if (secret := getattr(tls, name))}
    return DatabaseTls(**given, sslmode=tls.clients.value)


def make_cache(name: str, cache: CacheModel, around: Around, *, rotation: int) -> Cache:
    """Register a described cache; ``rotation`` counts the steps of its passwords."""
    image = around.catalogue("redis")
    own = around.labels(name, "cache")
    return Cache(
        name,
        CacheArgs(
            image=around.images[str(cache.image)],
            user=image.user or CacheArgs.user,
            files_image=around.carrier,
            files_key=around.files_key,
            networks=around.attach(cache.networks, name),
            memory_mib=cache.memory_mib,
            max_memory_mib=cache.max_memory_mib,
            cpus=cache.cpus,
            eviction=cache.eviction,
            persistent=cache.persistence == "aof",
            settings=cache.settings,
            publish=published_ports(cache.publish),
            volume_name=cache.volume_name,
            rotation=rotation,
            protect=bool(cache.protect),
            stop_grace_s=cache.stop_grace_s,
            health_interval_s=cache.health_interval_s,
            container_name=cache.container_name,
            labels={**cache.labels, **own},
            volume_labels=own,
        ),
    )
