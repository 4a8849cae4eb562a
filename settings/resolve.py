"""Fills in everything that a description leaves open, so that the components have nothing to decide.

Pure and tolerant: what can't be resolved (a dangling reference, an unknown role) stays open, and a check says so.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from settings.backups import outside
from settings.catalogue import OWN_PREFIX
from settings.model import (
    GRAFANA_IMAGE,
    BackupKind,
    Condition,
    Health,
    OnFailure,
    Persistence,
    RestartPolicy,
    Service,
)
from settings.monitoring import ALERTMANAGER, EXPORTERS, GRAFANA, PROMETHEUS, SECTION
from settings.parts import BACKUPS_NAME, GATEWAY_NAME, STORE_SECTIONS, WORKLOAD_SECTIONS
from settings.resolve_networks import resolve_networks
from settings.texts import references_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from settings.catalogue import Catalogue, CatalogueImage
    from settings.model import (
        Backups,
        BindMount,
        Cache,
        Database,
        Gateway,
        ModelServer,
        Monitoring,
        Platform,
        Route,
        Tls,
        VectorStore,
        Volume,
        Workload,
    )

DEFAULT_USER: Final = "10001:10001"
"""User of a workload whose image the catalogue does not know: numeric, not root, and nobody on a usual host."""
DEFAULT_MAX_RESTARTS: Final = 5
"""Restarts under ``on-failure``; CIS Docker 5.15 allows no more."""
GATEWAY_ROLE: Final = "nginx"
CERTBOT_ROLE: Final = "certbot"
BACKUP_ROLE: Final = "backup"
KEEPER_ROLE: Final = "models"
"""What fetches the models of a model server."""
_DATA_SHARE: Final = (3, 4)  # of a cache's memory; the rest is for buffers and copy-on-write while it saves
_MODEL_TIMEOUT_S: Final = 600.0

_W = TypeVar("_W", bound="Workload")


@dataclass(frozen=True)
class Names:
    """What names on the host are made of."""

    project: str
    stack: str
    root: str = ""
    """The project's folder."""

    def of(self, *words: str) -> str:
        """Return a name that is unique to the stack: ``<project>-<stack>-<words>``."""
        return "-".join((self.project, self.stack, *words))


def resolve(platform: Platform, names: Names, catalogue: Catalogue) -> Platform:
    """Return the platform with every default filled in."""
    return _Resolver(without_externals(platform), names, catalogue, reaches_out=bool(outside(platform))).resolve()


def externals(platform: Platform) -> dict[str, Database]:
    """Return the databases that somebody else runs, with their names filled in."""
    return {
        key: database.model_copy(
            update={
                "database": database.database or key.replace("-", "_"),
                "user": database.user or key.replace("-", "_"),
            }
        )
        for key, database in platform.databases.items()
        if database.external is not None
    }


def without_externals(platform: Platform) -> Platform:
    """Return what is left to build: nobody waits for, joins or counts a database that somebody else runs."""
    gone = externals(platform)
    if not gone:
        return platform
    kept = {key: database for key, database in platform.databases.items() if key not in gone}
    sections: dict[str, Any] = {
        section: {
            name: workload.model_copy(
                update={"needs": {other: what for other, what in workload.needs.items() if other not in gone}}
            )
            for name, workload in getattr(platform, section).items()
        }
        for section in WORKLOAD_SECTIONS
    }
    return platform.model_copy(update={"databases": kept, **sections})


class Images:
    """Turns image names of a description into references."""

    def __init__(self, platform: Platform, catalogue: Catalogue) -> None:
        self._family = platform.images.family.value
        self._own = platform.images.references
        self._catalogue = catalogue

    def entry(self, image: str | None) -> CatalogueImage | None:
        """Return what the catalogue knows of an image written ``slipway/<role>``."""
        if image is None or not image.startswith(OWN_PREFIX):
            return None
        return self._catalogue.find(image.removeprefix(OWN_PREFIX), self._family)

    def reference(self, image: str | None) -> str | None:
        """Return the reference for an image: looked up for ``slipway/<role>``, else as written."""
        if image is None or not image.startswith(OWN_PREFIX):
            return image
        role = image.removeprefix(OWN_PREFIX)
        entry = self.entry(image)
        return self._own.get(role) or (entry.reference if entry is not None else image)


def implied_needs(name: str, workload: Workload, platform: Platform) -> dict[str, Condition]:
    """Return what a workload's references imply: the other part is there before it starts.

    A store is healthy; a service healthy if it has a health check, else started.
    """
    needs: dict[str, Condition] = {}
    for reference in references_in(workload):
        if reference.name == name:
            continue
        if reference.section in STORE_SECTIONS and reference.name in getattr(platform, reference.section):
            needs[reference.name] = Condition.HEALTHY
        elif reference.section == "services" and (service := platform.services.get(reference.name)) is not None:
            needs[reference.name] = Condition.HEALTHY if service.health is not None else Condition.STARTED
    return needs


class _Resolver:
    """Fills in one part after the other."""

    def __init__(self, platform: Platform, names: Names, catalogue: Catalogue, *, reaches_out: bool) -> None:
        self._platform = platform
        self._names = names
        self._images = Images(platform, catalogue)
        self._networks = resolve_networks(platform, reaches_out=reaches_out)

    def resolve(self) -> Platform:
        platform = self._platform
        return platform.model_copy(
            update={
                "volumes": {key: self._volume(key, volume) for key, volume in platform.volumes.items()},
                "databases": {key: self._database(key, database) for key, database in platform.databases.items()},
                "caches": {key: self._cache(key, cache) for key, cache in platform.caches.items()},
                "vector_stores": {key: self._vectors(key, item) for key, item in platform.vector_stores.items()},
                "model_servers": {key: self._models(key, item) for key, item in platform.model_servers.items()},
                "services": self._workloads("services", platform.services),
                "workers": self._workloads("workers", platform.workers),
                "jobs": self._workloads("jobs", platform.jobs),
                "on_failure": platform.on_failure or (OnFailure.ROLLBACK if platform.protect_data else OnFailure.STAY),
                "gateway": None if platform.gateway is None else self._gateway(platform.gateway),
                "backups": None if platform.backups is None else self._backups(platform.backups),
                "monitoring": None if platform.monitoring is None else self._monitoring(platform.monitoring),
            }
        )

    def _protect(self, own: bool | None) -> bool:
        return self._platform.protect_data if own is None else own

    def _volume(self, key: str, volume: Volume) -> Volume:
        return volume.model_copy(
            update={"name": volume.name or self._names.of(key), "protect": self._protect(volume.protect)}
        )

    def _gateway(self, gateway: Gateway) -> Gateway:
        return gateway.model_copy(
            update={
                "image": self._images.reference(gateway.image or OWN_PREFIX + GATEWAY_ROLE),
                "networks": self._networks[GATEWAY_NAME, GATEWAY_NAME],
                "tls": gateway.tls and self._tls(gateway.tls),
                "routes": [self._route(route) for route in gateway.routes],
            }
        )

    def _backups(self, backups: Backups) -> Backups:
        prefix = f"{self._names.project}/{self._names.stack}"
        return backups.model_copy(
            update={
                "image": self._images.reference(backups.image or OWN_PREFIX + BACKUP_ROLE),
                "networks": self._networks[BACKUPS_NAME, BACKUPS_NAME],
                "before_deploy": self._protect(backups.before_deploy),
                "volume_name": backups.volume_name or self._names.of(BACKUPS_NAME, "data"),
                "work_volume_name": backups.work_volume_name or self._names.of(BACKUPS_NAME, "work"),
                "destinations": {
                    name: destination.model_copy(update={"prefix": destination.prefix or prefix})
                    if destination.kind is BackupKind.S3
                    else destination
                    for name, destination in backups.destinations.items()
                },
            }
        )

    def _route(self, route: Route) -> Route:
        """Let a model answer word by word, and take its time: most of an answer's first word is waiting for it."""
        if not any(name in self._platform.model_servers for name in route.services):
            return route
        usual = {"streaming": True, "timeout_s": _MODEL_TIMEOUT_S}
        return route.model_copy(
            update={key: value for key, value in usual.items() if key not in route.model_fields_set}
        )

    def _monitoring(self, monitoring: Monitoring) -> Monitoring:
        alertmanager, grafana = monitoring.alertmanager, monitoring.grafana
        return monitoring.model_copy(
            update={
                "enabled": True,
                "image": self._images.reference(monitoring.image or OWN_PREFIX + PROMETHEUS),
                "exporters_image": self._images.reference(monitoring.exporters_image or OWN_PREFIX + EXPORTERS),
                "networks": self._networks[SECTION, PROMETHEUS],
                "protect": self._protect(monitoring.protect),
                "volume_name": monitoring.volume_name or self._names.of(PROMETHEUS, "data"),
                "alertmanager": alertmanager.model_copy(
                    update={
                        "image": self._images.reference(alertmanager.image or OWN_PREFIX + ALERTMANAGER),
                        "volume_name": alertmanager.volume_name or self._names.of(ALERTMANAGER, "data"),
                    }
                ),
                "grafana": grafana
                and grafana.model_copy(
                    update={
                        "image": self._images.reference(grafana.image or GRAFANA_IMAGE),
                        "volume_name": grafana.volume_name or self._names.of(GRAFANA, "data"),
                    }
                ),
            }
        )

    def _tls(self, tls: Tls) -> Tls:
        if tls.acme is None:
            return tls
        filled = {
            "image": self._images.reference(tls.acme.image or OWN_PREFIX + CERTBOT_ROLE),
            "volume_name": tls.acme.volume_name or self._names.of(GATEWAY_NAME, "certificates"),
        }
        return tls.model_copy(update={"acme": tls.acme.model_copy(update=filled)})

    def _database(self, key: str, database: Database) -> Database:
        plain = key.replace("-", "_")
        return database.model_copy(
            update={
                "image": self._images.reference(database.image or OWN_PREFIX + database.engine.value),
                "networks": self._networks["databases", key],
                "database": database.database or plain,
                "user": database.user or plain,
                "protect": self._protect(database.protect),
                "volume_name": database.volume_name or self._names.of(key, "data"),
                "settings": {**self._log_settings(key), **database.settings},
            }
        )

    def _log_settings(self, database: str) -> dict[str, str]:
        """Return what a server needs to be restorable to any moment."""
        backups = self._platform.backups
        if backups is None or backups.point_in_time is None or database in backups.exclude:
            return {}
        return {"wal_level": "replica", "max_slot_wal_keep_size": f"{backups.point_in_time.wal_limit_mib}MB"}

    def _cache(self, key: str, cache: Cache) -> Cache:
        share, whole = _DATA_SHARE
        durable = cache.persistence is not Persistence.NONE
        return cache.model_copy(
            update={
                "image": self._images.reference(cache.image or OWN_PREFIX + cache.engine.value),
                "networks": self._networks["caches", key],
                "max_memory_mib": cache.max_memory_mib or max(1, cache.memory_mib * share // whole),
                "protect": self._protect(cache.protect) and durable,
                "volume_name": (cache.volume_name or self._names.of(key, "data")) if durable else None,
            }
        )

    def _vectors(self, key: str, store: VectorStore) -> VectorStore:
        return store.model_copy(
            update={
                "image": self._images.reference(store.image or OWN_PREFIX + store.engine.value),
                "networks": self._networks["vector_stores", key],
                "protect": self._protect(store.protect),
                "volume_name": store.volume_name or self._names.of(key, "data"),
                "snapshots_volume_name": store.snapshots_volume_name or self._names.of(key, "snapshots"),
            }
        )

    def _models(self, key: str, server: ModelServer) -> ModelServer:
        return server.model_copy(
            update={
                "image": self._images.reference(server.image or OWN_PREFIX + server.engine.value),
                "keeper_image": self._images.reference(server.keeper_image or OWN_PREFIX + KEEPER_ROLE),
                "networks": self._networks["model_servers", key],
                "protect": self._protect(server.protect),
                "volume_name": server.volume_name or self._names.of(key, "data"),
            }
        )

    def _workloads(self, section: str, workloads: Mapping[str, _W]) -> dict[str, _W]:
        return {
            name: workload.model_copy(update=self._filled(name, workload) | {"networks": self._networks[section, name]})
            for name, workload in workloads.items()
        }

    def _bind(self, bind: BindMount) -> BindMount:
        if not is_of_the_project(bind.source):
            return bind
        return bind.model_copy(update={"source": posixpath.normpath(posixpath.join(self._names.root, bind.source))})

    def _filled(self, name: str, workload: Workload) -> dict[str, Any]:
        entry = self._images.entry(workload.image)
        filled: dict[str, Any] = {
            "image": self._images.reference(workload.image),
            "user": workload.user or (entry.user if entry is not None else None) or DEFAULT_USER,
            "needs": implied_needs(name, workload, self._platform) | workload.needs,
            "health": _health(workload),
            "binds": [self._bind(bind) for bind in workload.binds],
        }
        if entry is not None and "tmpfs" not in workload.model_fields_set:
            filled["tmpfs"] = workload.tmpfs | dict(entry.tmpfs)
        if workload.restart is RestartPolicy.ON_FAILURE and workload.max_restarts is None:
            filled["max_restarts"] = DEFAULT_MAX_RESTARTS
        return filled


def is_of_the_project(source: str) -> bool:
    """Whether a bind mount's source is written relative to the project."""
    return source == "." or source.startswith("./")


def _health(workload: Workload) -> Health | None:
    health = workload.health
    if health is None or health.path is None or health.port is not None or not isinstance(workload, Service):
        return health
    return health.model_copy(update={"port": workload.port})
