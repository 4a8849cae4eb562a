"""From a resolved description to a graph of components. Every decision was made in ``settings``; this only connects."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_random as random

from components import labels
from components.args import NetworkAttachment
from components.around import Around
from components.backup_parts import make_backups
from components.certificates import SERIAL, Certificates
from components.certificates_parts import PART, make_certificates
from components.external_database import external_database
from components.files import make_key
from components.gateway import Gateway, GatewayArgs
from components.gateway_parts import GatewayParts
from components.image_parts import make_images
from components.job import Job, JobArgs
from components.model_parts import make_model_server, make_vector_store
from components.monitoring_parts import MonitoringParts
from components.network import Network, NetworkArgs
from components.order import in_order_of_need
from components.parts import Parts
from components.replicas import Service, ServiceArgs, Workers, WorkersArgs
from components.rotation import make_seed, value_of
from components.store_parts import make_cache, make_database
from components.translate import published_ports, workload_args
from components.volume import data_volume
from settings.catalogue import Catalogue, CatalogueImage
from settings.load import Loaded
from settings.model import Backups as BackupsModel
from settings.model import Gateway as GatewayModel
from settings.model import Job as JobModel
from settings.model import JobPhase, Platform, Relaxation, SecretSource, Workload
from settings.parts import BACKUPS_NAME, built_image, routed_parts, workloads

_DIGITS: Final = 16


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
        self.parts = Parts()
        for versions in loaded.versions.values():
            self.parts.hosts |= versions.hosts
        self.images = make_images(loaded, catalogue)
        self.files_key = make_key("files-key", parent=None)

    def compose(self) -> dict[str, Any]:
        """Register everything and return what the stack exports."""
        self._secrets()
        for name, database in self.loaded.externals.items():
            password = self.parts.secrets[database.external.password] if database.external else None
            assert password is not None  # noqa: S101 - what is external says so
            self.parts.externals[name] = external_database(database, password)
        self._warn()
        self._foundations()
        for name in in_order_of_need(self.platform):
            self._part(name)
        self._monitoring()
        gateway = self._gateway() if self.platform.gateway is not None else None
        if self.platform.backups is not None:
            self._backups(self.platform.backups)
        if self.parts.monitoring is not None:
            self.parts.monitoring.watch(self.parts.running(gateway), gateway.container if gateway else None)
        for name, job in self.platform.jobs.items():
            if job.phase is JobPhase.AFTER:
                self.parts.jobs[name] = self._after(name, job, gateway)
        return self.parts.exports(self.loaded, gateway)

    def _warn(self) -> None:
        """Say aloud what has power over the host, at each preview and deployment."""
        for _, name, workload in workloads(self.platform):
            rights = [
                (workload.privileged, Relaxation.PRIVILEGED, "every right on the host"),
                (workload.host_network, Relaxation.HOST_NETWORK, "the host's own network"),
            ]
            given = [(reason, what) for has, reason, what in rights if has]
            if given:
                reasons = "; ".join(workload.relax[reason] for reason, _ in given)
                pulumi.log.warn(f"{name} has {' and '.join(what for _, what in given)}: {reasons}")
        if (backups := self.platform.backups) is not None and backups.pause:
            names = ", ".join(backups.pause)
            pulumi.log.warn(
                f"{BACKUPS_NAME}-pauser has Docker's socket, which is every right on the host: backups.pause of {names}"
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
            if step := self.loaded.rotations.get(name, 0):
                seed = make_seed(
                    f"{name.replace('_', '-')}-secret-seed", parent=None, protect=self.platform.protect_data
                )
                self.parts.secrets[name] = value_of(seed, f"value {step}", secret.length)

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
        rotation = self.loaded.rotations.get(name, 0)
        if name in platform.databases:
            described = platform.databases[name]
            parts.databases[name] = make_database(
                name, described, self._around(), rotation=rotation, secrets=parts.secrets
            )
        elif name in platform.caches:
            parts.caches[name] = make_cache(name, platform.caches[name], self._around(), rotation=rotation)
        elif name in platform.vector_stores:
            parts.vector_stores[name] = make_vector_store(name, platform.vector_stores[name], self._around())
        elif name in platform.model_servers:
            parts.model_servers[name] = make_model_server(name, platform.model_servers[name], self._around())
        elif name in platform.jobs:
            job = platform.jobs[name]
            if job.phase is not JobPhase.AFTER:
                manual = job.phase is JobPhase.MANUAL
                parts.jobs[name] = Job(
                    name, JobArgs(**self._common(name, job, "job"), timeout_s=job.timeout_s, manual=manual)
                )
        elif name in platform.workers:
            worker = platform.workers[name]
            parts.workers[name] = Workers(
                name, WorkersArgs(**self._common(name, worker, "workers"), replicas=worker.replicas)
            )
        else:
            service = platform.services[name]
            parts.services[name] = Service(
                parts.host(name),
                ServiceArgs(**self._common(name, service, "service"), replicas=service.replicas, port=service.port),
            )

    def _around(self) -> Around:
        return Around(
            self.images.ids, self._carrier(), self.files_key, self._attach, self._labels, self._catalogue_image
        )

    def _after(self, name: str, job: JobModel, gateway: Gateway | None) -> Job:
        """Register a job that runs when the release serves, and again when any of its containers is another one."""
        common = self._common(name, job, "job")
        running = [*self.parts.services.values(), *self.parts.workers.values()]
        names = pulumi.Output.all(*(part.container_names for part in running))
        release = names.apply(lambda known: hashlib.sha256(json.dumps(known).encode()).hexdigest()[:_DIGITS])
        common["env"] = {**common["env"], "SLIPWAY_RELEASE": release}
        common["needs"] = [
            *common["needs"],
            *(container for part in running for container in part.containers),
            *([gateway.reloaded] if gateway is not None else []),
        ]
        return Job(name, JobArgs(**common, timeout_s=job.timeout_s))

    def _common(self, name: str, workload: Workload, kind: str) -> dict[str, Any]:
        build = workload.build
        described = self.loaded.described_name(name)
        image = built_image(self.loaded.project, described, build) if build else str(workload.image)
        made = workload_args(
            workload,
            image=self.images.ids[image],
            files_image=self._carrier(),
            files_key=self.files_key,
            networks=self._attach(workload.networks, self.parts.host(name), *workload.aliases),
            volumes=self.parts.volumes,
            needs=[
                dependency
                for other, condition in workload.needs.items()
                for dependency in self.parts.need(other, condition)
            ],
            labels={**workload.labels, **self._labels(name, kind), **_metrics(workload)},
            lookup=lambda reference: self.parts.value_of(reference, self.loaded),
        )
        return {**made, "files": {**made["files"], **self.parts.authorities(workload)}}

    def _gateway(self) -> Gateway:
        gateway = self.platform.gateway
        assert gateway is not None  # noqa: S101 - the only caller asks
        image = self._catalogue_image("nginx")
        found = GatewayParts(self.loaded, self.parts, self.files_key, image)
        routed = [self.parts.route_target(name) for name in routed_parts(self.platform)]
        report = self.parts.monitoring.report if self.parts.monitoring else None
        passed = [self.parts.store(name) for name in gateway.tcp]
        certificates = self._certificates(gateway)
        made = Gateway(
            "gateway",
            GatewayArgs(
                image=self.images.ids[str(gateway.image)],
                user=image.user or GatewayArgs.user,
                routes=found.routes,
                upstreams=found.upstreams,
                balancing=found.balancing,
                files=found.files,
                files_key=self.files_key,
                networks=self._attach(gateway.networks, "gateway"),
                publish=published_ports(gateway.ports.values()),
                server=found.server,
                traffic=found.traffic,
                memory_mib=gateway.memory_mib,
                cpus=gateway.cpus,
                health_interval_s=gateway.health_interval_s,
                container_name=gateway.container_name,
                # Names resolve only while their containers run, and a release must not name one that isn't healthy.
                needs=[
                    *(container for service in routed for container in service.containers),
                    *(store.container for store in passed),
                    *([certificates.ready] if certificates else []),
                ],
                volumes=[*([certificates.mount] if certificates else []), *([report] if report else [])],
                watch=SERIAL if certificates else None,
                labels=self._labels("gateway", "gateway"),
            ),
        )
        if certificates:
            certificates.obtain("gateway", self._attach(gateway.networks), made.reloaded)
            self.parts.certificates = certificates
        return made

    def _monitoring(self) -> None:
        if self.platform.monitoring is not None:
            self.parts.monitoring = MonitoringParts(
                self.loaded,
                self.catalogue,
                self.parts,
                image_ids=self.images.ids,
                attach=self._attach,
                files_image=self._carrier(),
                files_key=self.files_key,
            ).make()

    def _certificates(self, gateway: GatewayModel) -> Certificates | None:
        acme = gateway.tls.acme if gateway.tls else None
        if acme is None:
            return None
        return make_certificates(
            gateway,
            image=self.images.ids[str(acme.image)],
            known=self._catalogue_image("certbot"),
            part_labels=self._labels(PART, "certificates"),
        )

    def _backups(self, backups: BackupsModel) -> None:
        self.parts.backups = make_backups(
            self.loaded,
            self.parts,
            image=self.images.ids[str(backups.image)],
            known=self._catalogue_image("backup"),
            networks=self._attach(backups.networks, BACKUPS_NAME),
            files_image=self._carrier(),
            files_key=self.files_key,
            part_labels=self._labels(BACKUPS_NAME, "backups"),
        )

    def _attach(self, networks: Iterable[str] | None, *names: str) -> list[NetworkAttachment]:
        return [self.parts.networks[network].attach(*names) for network in networks or ()]

    def _carrier(self) -> pulumi.Output[str] | None:
        carrier = self.catalogue.find("carrier", self.platform.images.family)
        return self.images.ids[carrier.reference] if carrier else None

    def _catalogue_image(self, role: str) -> CatalogueImage:
        family = self.platform.images.family
        return self.catalogue.find(role, family) or CatalogueImage(role=role, family=family, reference="")

    def _labels(self, part: str, kind: str) -> dict[str, str]:
        versions = self.loaded.versions.get(self.loaded.described_name(part))
        slot = versions.slots[part] if versions else ""
        return {
            labels.PROJECT: self.loaded.project,
            labels.STACK: self.loaded.stack,
            labels.PART: self.loaded.described_name(part),
            labels.KIND: kind,
            **({labels.SLOT: slot} if slot else {}),
        }


def compose(loaded: Loaded, catalogue: Catalogue, config_secret: Callable[[str], pulumi.Output[str]]) -> Composition:
    """Register a platform's resources.

    Args:
        loaded: The resolved description.
        catalogue: Images by role.
        config_secret: Returns a secret of the stack's configuration as a secret Output.
    """
    composer = Composer(loaded, catalogue, config_secret)
    return Composition(composer.compose(), composer.parts.containers())


def _metrics(workload: Workload) -> dict[str, str]:
    return {labels.METRICS: f":{workload.metrics.port}{workload.metrics.path}"} if workload.metrics else {}
