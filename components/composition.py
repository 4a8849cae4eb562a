"""From a resolved description to a graph of components. Every decision was made in ``settings``; this only connects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_random as random

from components import labels
from components.args import Dependency, NetworkAttachment, PublishedPort
from components.cache import Cache, CacheArgs
from components.database import Database, DatabaseArgs
from components.files import make_key
from components.gateway import Gateway, GatewayArgs
from components.images import ImageBuild, Images, ImagesArgs
from components.job import Job, JobArgs
from components.network import Network, NetworkArgs
from components.nginx_config import GatewayRoute, Server
from components.order import in_order_of_need
from components.replicas import Service, ServiceArgs, Workers, WorkersArgs
from components.translate import build_name, workload_args
from components.volume import data_volume
from settings.catalogue import Catalogue, CatalogueImage
from settings.load import Loaded
from settings.model import Condition, Platform, Publish, SecretSource, Workload
from settings.references import Reference


@dataclass
class _Parts:
    """What exists so far."""

    networks: dict[str, Network] = field(default_factory=dict)
    volumes: dict[str, pulumi.Output[str]] = field(default_factory=dict)
    databases: dict[str, Database] = field(default_factory=dict)
    caches: dict[str, Cache] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    workers: dict[str, Workers] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    secrets: dict[str, pulumi.Output[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Composition:
    """What became of a description."""

    exports: Mapping[str, Any]
    """What the stack exports: addresses, container names, database addresses without password."""
    containers: Sequence[pulumi.Resource]
    """Every container that runs, to wait for."""

    async def registered(self) -> None:
        """Return when the engine has answered for every container, well or badly.

        Not needed for a right result, but for a quick one: at a program's end the SDK waits for one of all its
        outstanding outputs, then for one of the rest, and so on, and a container has 75 of them. A preview of 500
        containers took 23 s instead of 8 s. What failed is left for the SDK to report.
        """
        await asyncio.gather(*(container.urn.future() for container in self.containers), return_exceptions=True)


class Composer:
    """Builds one platform's components, each after what it needs."""

    def __init__(
        self, loaded: Loaded, catalogue: Catalogue, config_secret: Callable[[str], pulumi.Output[str]]
    ) -> None:
        self.platform: Platform = loaded.platform
        self.loaded = loaded
        self.catalogue = catalogue
        self.config_secret = config_secret
        self.parts = _Parts()
        self.images = self._images()
        self.files_key = make_key("files-key", parent=None)

    def compose(self) -> dict[str, Any]:
        """Register everything and return what the stack exports."""
        self._secrets()
        self._foundations()
        for name in in_order_of_need(self.platform):
            self._part(name)
        gateway = self._gateway() if self.platform.gateway is not None else None
        return self._exports(gateway)

    def _images(self) -> Images:
        platform = self.platform
        workloads: list[tuple[str, Workload]] = [
            *platform.services.items(),
            *platform.workers.items(),
            *platform.jobs.items(),
        ]
        stores = [*platform.databases.values(), *platform.caches.values()]
        references = [store.image for store in stores] + [workload.image for _, workload in workloads]
        references += [platform.gateway.image] if platform.gateway else []
        carrier = self.catalogue.find("carrier", platform.images.family)
        references += [carrier.reference] if carrier else []
        return Images(
            "images",
            ImagesArgs(
                references=[reference for reference in references if reference],
                builds={
                    build_name(self.loaded.project, name): ImageBuild(
                        context=workload.build.context,
                        dockerfile=workload.build.dockerfile,
                        target=workload.build.target,
                        args=workload.build.args,
                    )
                    for name, workload in workloads
                    if workload.build
                },
            ),
        )

    def _secrets(self) -> None:
        for name, secret in self.platform.secrets.items():
            if secret.source is SecretSource.CONFIG:
                self.parts.secrets[name] = pulumi.Output.secret(self.config_secret(name))
                continue
            made = random.RandomPassword(
                f"{name.replace('_', '-')}-secret",
                random.RandomPasswordArgs(length=secret.length, special=False),
                opts=pulumi.ResourceOptions(protect=self.platform.protect_data or None),
            )
            self.parts.secrets[name] = pulumi.Output.secret(made.result)

    def _foundations(self) -> None:
        for name, network in self.platform.networks.items():
            self.parts.networks[name] = Network(
                name,
                NetworkArgs(
                    internal=network.internal,
                    subnet=network.subnet,
                    gateway=network.gateway,
                    network_name=network.name,
                    labels=self._labels(name, "network"),
                ),
            )
        for name, volume in self.platform.volumes.items():
            self.parts.volumes[name] = data_volume(
                f"{name}-data",
                parent=None,
                volume_name=volume.name,
                protect=bool(volume.protect),
                volume_labels=self._labels(name, "volume"),
                driver=volume.driver,
                driver_opts=volume.driver_opts,
            ).name

    def _part(self, name: str) -> None:
        platform, parts = self.platform, self.parts
        if name in platform.databases:
            parts.databases[name] = self._database(name)
        elif name in platform.caches:
            parts.caches[name] = self._cache(name)
        elif name in platform.jobs:
            job = platform.jobs[name]
            parts.jobs[name] = Job(name, JobArgs(**self._common(name, job, "job"), timeout_s=job.timeout_s))
        elif name in platform.workers:
            worker = platform.workers[name]
            parts.workers[name] = Workers(
                name, WorkersArgs(**self._common(name, worker, "workers"), replicas=worker.replicas)
            )
        else:
            service = platform.services[name]
            parts.services[name] = Service(
                name,
                ServiceArgs(**self._common(name, service, "service"), replicas=service.replicas, port=service.port),
            )

    def _common(self, name: str, workload: Workload, kind: str) -> dict[str, Any]:
        image = workload.image or build_name(self.loaded.project, name)
        return workload_args(
            workload,
            image=self.images.ids[image],
            files_image=self._carrier(),
            files_key=self.files_key,
            networks=self._attach(workload.networks, name, *workload.aliases),
            volumes=self.parts.volumes,
            needs=[
                dependency for other, condition in workload.needs.items() for dependency in self._need(other, condition)
            ],
            labels={**workload.labels, **self._labels(name, kind), **_metrics(workload)},
            lookup=self._lookup,
        )

    def _database(self, name: str) -> Database:
        database = self.platform.databases[name]
        image = self._catalogue_image("postgres")
        return Database(
            name,
            DatabaseArgs(
                image=self.images.ids[str(database.image)],
                user=image.user or DatabaseArgs.user,
                data_dir=str(image.facts.get("data_dir", DatabaseArgs.data_dir)),
                files_image=self._carrier(),
                files_key=self.files_key,
                database=database.database or name,
                role=database.user or name,
                networks=self._attach(database.networks, name),
                memory_mib=database.memory_mib,
                cpus=database.cpus,
                shm_size_mib=database.shm_size_mib,
                settings=database.settings,
                init=database.init,
                publish=_published(database.publish),
                volume_name=database.volume_name,
                protect=bool(database.protect),
                stop_grace_s=database.stop_grace_s,
                health_interval_s=database.health_interval_s,
                container_name=database.container_name,
                labels={**database.labels, **self._labels(name, "database")},
                volume_labels=self._labels(name, "database"),
            ),
        )

    def _cache(self, name: str) -> Cache:
        cache = self.platform.caches[name]
        image = self._catalogue_image("redis")
        return Cache(
            name,
            CacheArgs(
                image=self.images.ids[str(cache.image)],
                user=image.user or CacheArgs.user,
                files_image=self._carrier(),
                files_key=self.files_key,
                networks=self._attach(cache.networks, name),
                memory_mib=cache.memory_mib,
                max_memory_mib=cache.max_memory_mib,
                cpus=cache.cpus,
                eviction=cache.eviction,
                persistent=cache.persistence == "aof",
                settings=cache.settings,
                publish=_published(cache.publish),
                volume_name=cache.volume_name,
                protect=bool(cache.protect),
                stop_grace_s=cache.stop_grace_s,
                health_interval_s=cache.health_interval_s,
                container_name=cache.container_name,
                labels={**cache.labels, **self._labels(name, "cache")},
                volume_labels=self._labels(name, "cache"),
            ),
        )

    def _gateway(self) -> Gateway:
        gateway = self.platform.gateway
        assert gateway is not None  # noqa: S101 - the only caller asks
        image = self._catalogue_image("nginx")
        targets = {route.to: self.parts.services[route.to] for route in gateway.routes}
        return Gateway(
            "gateway",
            GatewayArgs(
                image=self.images.ids[str(gateway.image)],
                user=image.user or GatewayArgs.user,
                routes=[
                    GatewayRoute(
                        upstream=route.to,
                        path=route.path,
                        exact=route.exact,
                        host=route.host,
                        strip=route.strip,
                        websocket=route.websocket,
                        timeout_s=route.timeout_s,
                    )
                    for route in gateway.routes
                ],
                upstreams={name: _addresses(service) for name, service in targets.items()},
                networks=self._attach(gateway.networks, "gateway"),
                publish=_published(gateway.publish),
                server=Server(workers=gateway.workers, max_body_mib=gateway.max_body_mib, drain_s=gateway.drain_s),
                memory_mib=gateway.memory_mib,
                cpus=gateway.cpus,
                health_interval_s=gateway.health_interval_s,
                container_name=gateway.container_name,
                # Names resolve only while their containers run, and a release must not name one that isn't healthy.
                needs=[container for service in targets.values() for container in service.containers],
                labels=self._labels("gateway", "gateway"),
            ),
        )

    def _need(self, name: str, condition: Condition) -> Sequence[Dependency]:
        parts = self.parts
        if name in parts.jobs:
            job = parts.jobs[name]
            return [job.succeeded if condition is Condition.COMPLETED else job.container]
        store = parts.databases.get(name) or parts.caches.get(name)
        if store is not None:
            return [store.container]
        return list((parts.services.get(name) or parts.workers[name]).containers)

    def _lookup(self, reference: Reference) -> pulumi.Input[str]:
        if reference.section == "secrets":
            return self.parts.secrets[reference.name]
        if reference.section == "platform":
            return self.platform.name
        if reference.section == "stack":
            return self.loaded.stack
        if reference.section == "environment":
            return self.loaded.environment or ""
        if reference.section == "services":
            port = self.platform.services[reference.name].port
            return {"host": reference.name, "port": str(port), "url": f"http://{reference.name}:{port}"}[
                reference.attribute
            ]
        store = self.parts.databases.get(reference.name) or self.parts.caches[reference.name]
        described = self.platform.databases.get(reference.name)
        known: Mapping[str, pulumi.Input[str]] = {
            "host": store.host,
            "port": str(store.port),
            "password": store.password,
            "url": store.url,
            **({"database": described.database or "", "user": described.user or ""} if described else {}),
            **({"url_without_password": store.url_without_password} if isinstance(store, Database) else {}),
        }
        return known[reference.attribute]

    def _attach(self, networks: Iterable[str] | None, *names: str) -> list[NetworkAttachment]:
        return [self.parts.networks[network].attach(*names) for network in networks or ()]

    def _carrier(self) -> pulumi.Output[str] | None:
        carrier = self.catalogue.find("carrier", self.platform.images.family)
        return self.images.ids[carrier.reference] if carrier else None

    def _catalogue_image(self, role: str) -> CatalogueImage:
        family = self.platform.images.family
        return self.catalogue.find(role, family) or CatalogueImage(role=role, family=family, reference="")

    def _labels(self, part: str, kind: str) -> dict[str, str]:
        return {
            labels.PROJECT: self.loaded.project,
            labels.STACK: self.loaded.stack,
            labels.PART: part,
            labels.KIND: kind,
        }

    def containers(self) -> list[pulumi.Resource]:
        """Return every container registered so far but the carriers of files, which these wait for."""
        parts = self.parts
        replicas: list[Service | Workers] = [*parts.services.values(), *parts.workers.values()]
        single: list[Database | Cache | Job] = [
            *parts.databases.values(),
            *parts.caches.values(),
            *parts.jobs.values(),
        ]
        return [
            *(container for part in replicas for container in part.containers),
            *(part.container for part in single),
        ]

    def _exports(self, gateway: Gateway | None) -> dict[str, Any]:
        published = _published(self.platform.gateway.publish) if self.platform.gateway else []
        exports: dict[str, Any] = {
            "platform": self.platform.name,
            "urls": [_url(port) for port in published],
            "replicas": {
                **{name: service.container_names for name, service in self.parts.services.items()},
                **{name: workers.container_names for name, workers in self.parts.workers.items()},
            },
            "databases": {name: database.url_without_password for name, database in self.parts.databases.items()},
        }
        if gateway is not None:
            exports["gateway"] = gateway.container.name
        return exports


def compose(loaded: Loaded, catalogue: Catalogue, config_secret: Callable[[str], pulumi.Output[str]]) -> Composition:
    """Register a platform's resources.

    Args:
        loaded: The resolved description.
        catalogue: Images by role.
        config_secret: Returns a secret of the stack's configuration as a secret Output.
    """
    composer = Composer(loaded, catalogue, config_secret)
    return Composition(composer.compose(), composer.containers())


def _metrics(workload: Workload) -> dict[str, str]:
    return {labels.METRICS: f":{workload.metrics.port}{workload.metrics.path}"} if workload.metrics else {}


def _addresses(service: Service) -> pulumi.Output[list[str]]:
    port = service.port
    return service.container_names.apply(lambda names: [f"{name}:{port}" for name in names])


def _published(ports: Iterable[Publish]) -> list[PublishedPort]:
    return [
        PublishedPort(port=port.port, host_port=port.host_port, address=port.address, protocol=port.protocol)
        for port in ports
    ]


def _url(port: PublishedPort) -> str:
    host = "localhost" if port.address in {"0.0.0.0", "127.0.0.1"} else port.address  # noqa: S104 - read, not bound
    return f"http://{host}" + ("" if port.host_port == 80 else f":{port.host_port}")  # noqa: PLR2004 - HTTP's own port
