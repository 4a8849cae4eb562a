"""From the description of a platform to what watches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields

import pulumi

from components import exporters, labels
from components.args import NetworkAttachment
from components.model_server import KEEPER_PORT, keeper_host
from components.monitoring import Monitoring, MonitoringArgs, ServerArgs
from components.parts import Parts
from components.prometheus import Limits, Mail, Notify, Scrape, Timing, Watched
from components.translate import published_ports
from settings.catalogue import Catalogue, CatalogueImage
from settings.certificates import tls_hosts
from settings.load import Loaded
from settings.model import METRICS_PORT, Platform, Receiver, Service
from settings.model import Monitoring as MonitoringModel
from settings.monitoring import (
    ALERTMANAGER,
    CONTAINERS_EXPORTER,
    GATEWAY_EXPORTER,
    GRAFANA,
    HOST_EXPORTER,
    PROMETHEUS,
    exporter_of,
    watchers,
)
from settings.parts import BACKUPS_NAME, GATEWAY_NAME

Attach = Callable[[Sequence[str] | None], list[NetworkAttachment]]
_GRAFANA_USER = "472:0"
"""The official image's; its folders are group 0's."""


class MonitoringParts:
    """What the arguments of a monitoring are made of.

    Args:
        loaded: The resolved description; it has a monitoring.
        catalogue: Images by role.
        parts: The components that exist.
        image_ids: Image id by reference.
        attach: Returns networks by name, as a container joins them.
        files_image: Image of the never-started containers that carry files.
        files_key: Secret with which files are hashed.
    """

    def __init__(
        self,
        loaded: Loaded,
        catalogue: Catalogue,
        parts: Parts,
        *,
        image_ids: Mapping[str, pulumi.Output[str]],
        attach: Attach,
        files_image: pulumi.Output[str] | None,
        files_key: pulumi.Output[str],
    ) -> None:
        assert loaded.platform.monitoring is not None  # noqa: S101 - the only caller asks
        self._platform: Platform = loaded.platform
        self._model: MonitoringModel = loaded.platform.monitoring
        self._loaded = loaded
        self._catalogue = catalogue
        self._parts = parts
        self._ids = image_ids
        self._attach = attach
        self._files = (files_image, files_key)
        self._specs = dict(watchers(self._platform))

    def make(self) -> Monitoring:
        """Register what can be registered before the gateway."""
        model, platform, specs = self._model, self._platform, self._specs
        grafana = model.grafana
        password = grafana.password if grafana else None
        return Monitoring(
            "monitoring",
            MonitoringArgs(
                prometheus=self._server(PROMETHEUS, model.volume_name),
                exporters_image=self._ids[str(model.exporters_image)],
                alertmanager=self._server(ALERTMANAGER, model.alertmanager.volume_name) if model.receivers else None,
                receivers={name: _notify(receiver) for name, receiver in model.receivers.items()},
                receiver_secrets={
                    name: self._parts.secrets[secret]
                    for name, receiver in model.receivers.items()
                    if (secret := _secret(receiver)) is not None
                },
                grafana=self._server(GRAFANA, grafana.volume_name, user=_GRAFANA_USER) if grafana else None,
                grafana_password=self._parts.secrets[password] if password else None,
                grafana_settings=grafana.env if grafana else {},
                workloads=[*self._workloads(), *self._makers()],
                databases={exporter_of(name): self._database(name) for name in platform.databases},
                caches={
                    exporter_of(name): exporters.Cache(
                        host=cache.host,
                        password=cache.password,
                        server=cache.container,
                        networks=self._networks(exporter_of(name)),
                    )
                    for name, cache in self._parts.caches.items()
                },
                gateway=self._gateway(),
                host=self._networks(HOST_EXPORTER) if HOST_EXPORTER in specs else None,
                watched=self._watched(),
                limits=Limits(**{item.name: getattr(model.alerts, item.name) for item in fields(Limits)}),
                off=model.alerts.off,
                timing=Timing(interval_s=model.interval_s, hold_s=model.hold_s, window_s=model.window_s),
                retention_s=model.retention_s,
                retention_size_mib=model.retention_size_mib,
                protect=bool(model.protect),
                files_image=self._files[0],
                files_key=self._files[1],
                labels={labels.PROJECT: self._loaded.project, labels.STACK: self._loaded.stack},
            ),
        )

    def _server(self, name: str, volume_name: str | None, user: str | None = None) -> ServerArgs:
        spec = self._specs[name]
        known = self._known(name)
        return ServerArgs(
            image=self._ids[str(spec.image)],
            networks=self._networks(name),
            publish=published_ports(spec.publish),
            path=route_path(self._platform, name),
            user=user or known.user or ServerArgs.user,
            memory_mib=spec.memory_mib,
            cpus=spec.cpus,
            volume_name=volume_name,
        )

    def _known(self, role: str) -> CatalogueImage:
        family = self._platform.images.family
        return self._catalogue.find(role, family) or CatalogueImage(role=role, family=family, reference="")

    def _networks(self, name: str) -> list[NetworkAttachment]:
        return self._attach(self._specs[name].networks)

    def _database(self, name: str) -> exporters.Database:
        made, described = self._parts.databases[name], self._platform.databases[name]
        return exporters.Database(
            host=made.host,
            database=described.database or name,
            role=made.role,
            password=made.password,
            server=made.container,
            encrypted=made.ca is not None,
            image=self._ids[str(described.image)],
            user=self._known("postgres").user or "70:70",
            networks=self._networks(exporter_of(name)),
        )

    def _gateway(self) -> exporters.Gateway | None:
        gateway = self._platform.gateway
        if gateway is None:
            return None
        hosts = (gateway.tls.hosts or tls_hosts(gateway) or ["localhost"]) if gateway.tls else []
        return exporters.Gateway(
            host=GATEWAY_NAME,
            user=self._known("nginx").user or "101:101",
            networks=self._networks(GATEWAY_EXPORTER),
            tls_hosts=[host for host in hosts if not host.startswith("*.")],
        )

    def _workloads(self) -> list[Scrape]:
        return [
            Scrape(
                part=self._parts.host(name),  # each version of a service is watched under its own name
                host=self._parts.host(name),
                port=workload.metrics.port,
                path=workload.metrics.path,
                kind="service" if isinstance(workload, Service) else "workers",
                replicas=True,
            )
            for name, workload in (*self._platform.services.items(), *self._platform.workers.items())
            if workload.metrics is not None and not workload.host_network and workload.replicas
        ]

    def _makers(self) -> list[Scrape]:
        """Return what tells of backups, and of models: parts that nobody else describes."""
        found = [
            Scrape(part=name, host=keeper_host(name), port=KEEPER_PORT, kind="model_server")
            for name, server in self._platform.model_servers.items()
            if server.models
        ]
        if self._platform.backups is not None:
            found.append(Scrape(part=BACKUPS_NAME, host=BACKUPS_NAME, port=METRICS_PORT, kind="backups"))
        return found

    def _watched(self) -> Watched:
        platform = self._platform
        workloads = tuple(scrape.part for scrape in self._workloads())
        return Watched(
            gateway=platform.gateway is not None,
            databases=bool(platform.databases),
            caches=bool(platform.caches),
            host=CONTAINERS_EXPORTER in self._specs,
            # Whoever has metrics may be what makes the backups.
            backups=platform.backups is not None or bool(workloads),
            certificates=platform.gateway is not None and platform.gateway.tls is not None,
            alertmanager=ALERTMANAGER in self._specs,
            workloads=workloads,
        )


def route_path(platform: Platform, name: str) -> str:
    """Return the path of the route that leads to a server of the monitoring, so that it serves under it."""
    routes = platform.gateway.routes if platform.gateway else ()
    return next((route.path for route in routes if list(route.targets) == [name]), "/")


def _notify(receiver: Receiver) -> Notify:
    email = receiver.email
    return Notify(
        way="webhook" if receiver.webhook else "slack" if receiver.slack else "email",
        severities=[severity.value for severity in receiver.severities],
        repeat_s=receiver.repeat_s,
        channel=receiver.channel,
        mail=Mail(to=email.to, sender=email.sender, server=email.server, user=email.user, tls=email.tls)
        if email
        else None,
    )


def _secret(receiver: Receiver) -> str | None:
    return receiver.webhook or receiver.slack or (receiver.email.password if receiver.email else None)
