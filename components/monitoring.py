"""What watches a platform: Prometheus, Alertmanager, Grafana, and exporters for what has no metrics itself.

All of it follows from what is there. A change of configuration is a new volume of files, and Prometheus is replaced
over its data, which no change touches. Containers are read by the ids that the graph knows, so that their exporter,
which has no data, is another one after each release; everything else finds what it reads by name, and stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pulumi
import pulumi_docker as docker
import pulumi_random as random

from components import exporters, labels
from components.args import Dependency, HealthCheck, NetworkAttachment, PublishedPort, VolumeMount, WorkloadArgs
from components.container import make_container
from components.exporters import Exporters, Running
from components.grafana import grafana_env, grafana_files
from components.probes import http_probe
from components.prometheus import (
    Limits,
    Notify,
    Scrape,
    Timing,
    Watched,
    alertmanager_config,
    prometheus_config,
    rules_file,
)
from components.prometheus.config import duration
from components.volume import data_volume
from components.workload import make_files

PROMETHEUS_PORT: Final = 9090
ALERTMANAGER_PORT: Final = 9093
GRAFANA_PORT: Final = 3000
_CONFIG: Final = "/etc/slipway/prometheus.yml"
_RULES: Final = "/etc/slipway/alerts.yml"
_SECRETS: Final = "/run/secrets"
_NOBODY: Final = "65534:65534"
_PASSWORD_LENGTH: Final = 32
_RESEND_S: Final = 60.0
_TOLD_EACH: Final = 4


@dataclass(frozen=True, kw_only=True)
class ServerArgs:
    """Prometheus, Alertmanager or Grafana."""

    image: pulumi.Input[str]
    """Image id, or a reference pinned by digest, with the contract of the public image."""
    networks: Sequence[NetworkAttachment] = ()
    """Networks to join."""
    publish: Sequence[PublishedPort] = ()
    """Ports of the host that lead here; none of the three is fit for an open one."""
    path: str = "/"
    """Path under which it is reached through a gateway, and so under which it serves."""
    user: str = _NOBODY
    """Numeric ``uid:gid`` in that image."""
    memory_mib: int = 512
    """Memory limit in MiB."""
    cpus: float = 1.0
    """CPU limit."""
    volume_name: str | None = None
    """A fixed name of its volume on the host. Default: generated."""


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """Arguments of :class:`Monitoring`."""

    prometheus: ServerArgs
    """Prometheus."""
    exporters_image: pulumi.Input[str]
    """Image of the exporters (images/exporters)."""
    alertmanager: ServerArgs | None = None
    """Alertmanager. Default: none; Prometheus shows its alerts, and tells nobody."""
    receivers: Mapping[str, Notify] = field(default_factory=dict)
    """Who is told, by name."""
    receiver_secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Each receiver's address, or mail password."""
    grafana: ServerArgs | None = None
    """Grafana. Default: none."""
    grafana_password: pulumi.Input[str] | None = None
    """Password of its ``admin``. Default: a generated one."""
    grafana_settings: Mapping[str, str] = field(default_factory=dict)
    """Further environment of Grafana."""
    workloads: Sequence[Scrape] = ()
    """What has metrics of its own."""
    databases: Mapping[str, exporters.Database] = field(default_factory=dict)
    """PostgreSQL servers, by the name of their exporter."""
    caches: Mapping[str, exporters.Cache] = field(default_factory=dict)
    """Redis servers, by the name of their exporter."""
    gateway: exporters.Gateway | None = None
    """The gateway, which reports its requests (``Server.report``) through :attr:`Monitoring.report`."""
    host: Sequence[NetworkAttachment] | None = None
    """A network for the exporters of the host and of the containers. Default: neither is watched."""
    watched: Watched = field(default_factory=Watched)
    """Which alerts there are."""
    limits: Limits = field(default_factory=Limits)
    """From where on each thing is an alert."""
    off: Sequence[str] = ()
    """Alerts that are left out."""
    timing: Timing = field(default_factory=Timing)
    """How often metrics are read."""
    retention_s: float = 1_296_000.0
    """How long they are kept, in seconds."""
    retention_size_mib: int = 1024
    """Most room that they take on the disk."""
    protect: bool = True
    """Whether deleting its data or credentials is refused."""
    health_interval_s: float = 5.0
    """Seconds between two health probes."""
    files_image: pulumi.Input[str] | None = None
    """Image of the never-started containers that carry files. Default: each container's own."""
    files_key: pulumi.Input[str] | None = None
    """Secret with which files are hashed for a label."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of all containers."""


@dataclass(frozen=True)
class Server:
    """What a gateway's route needs of one of the three servers."""

    containers: Sequence[docker.Container]
    """Its one container."""
    container_names: pulumi.Output[Sequence[str]]
    """Docker's name of it."""
    port: int
    """Its port."""


class Monitoring(pulumi.ComponentResource):
    """Prometheus with its alerts, and all that it reads. Call :meth:`watch` when everything else is registered."""

    containers: dict[str, docker.Container]
    """Its containers by name."""
    servers: dict[str, Server]
    """Prometheus, Alertmanager and Grafana, as far as they run, for routes that lead there."""
    report: VolumeMount | None
    """What a gateway mounts to report its requests."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:Monitoring", name, {}, opts)
        self._args = args
        self.containers = {}
        self.servers = {}
        self.report = None
        self._exporters = Exporters(
            image=args.exporters_image,
            parent=self,
            files_image=args.files_image,
            files_key=args.files_key,
            health_interval_s=args.health_interval_s,
            labels=args.labels,
        )
        scrapes = [*self._of_servers(), *args.workloads]
        if args.gateway is not None:
            scrapes.append(self._exporters.nginx_scrape("nginx-exporter", args.gateway.host))
        if args.host is not None:
            self.containers["host-exporter"], scrape = self._exporters.host("host-exporter", args.host)
            scrapes += [scrape, self._exporters.containers_scrape("containers-exporter")]
        if args.alertmanager is not None:
            self._alertmanager(args.alertmanager)
            path = f"{args.alertmanager.path.rstrip('/')}/metrics"
            scrapes.append(
                Scrape(part="alertmanager", host="alertmanager", port=ALERTMANAGER_PORT, path=path, kind="monitoring")
            )
        self._prometheus(args.prometheus, scrapes)
        if args.grafana is not None:
            self._grafana(args.grafana)
        self.register_outputs({})

    def watch(self, running: Sequence[Running], gateway: Dependency | None = None) -> None:
        """Register what can only be watched once it is known.

        Args:
            running: Every container that should run.
            gateway: The gateway serves.
        """
        args = self._args
        if args.gateway is not None and gateway is not None:
            self.containers["nginx-exporter"] = self._exporters.nginx("nginx-exporter", args.gateway, [gateway])
        own = [
            Running(part=name, kind="monitoring", replica=0, container=container)
            for name, container in self.containers.items()
        ]
        if args.host is not None:
            self.containers["containers-exporter"] = self._exporters.containers(
                "containers-exporter", args.host, [*running, *own]
            )

    def _of_servers(self) -> list[Scrape]:
        args = self._args
        scrapes = []
        for name, database in args.databases.items():
            self.containers[name], scrape = self._exporters.database(name, database, protect=args.protect)
            scrapes.append(scrape)
        for name, cache in args.caches.items():
            self.containers[name], scrape = self._exporters.cache(name, cache)
            scrapes.append(scrape)
        if args.gateway is not None:
            self.containers["gateway-exporter"], scrape, self.report = self._exporters.gateway(
                "gateway-exporter", args.gateway
            )
            scrapes.append(scrape)
        return scrapes

    def _prometheus(self, server: ServerArgs, scrapes: Sequence[Scrape]) -> None:
        args = self._args
        path = server.path.rstrip("/")
        own = Scrape(
            part="prometheus", host="localhost", port=PROMETHEUS_PORT, path=f"{path}/metrics", kind="monitoring",
            job="prometheus",
        )  # fmt: skip
        told = None
        if args.alertmanager is not None:
            told = f"alertmanager:{ALERTMANAGER_PORT}{args.alertmanager.path.rstrip('/')}"
        self._serve(
            "prometheus",
            server,
            (PROMETHEUS_PORT, f"{path}/-/ready"),
            "/prometheus",
            entrypoint=["prometheus"],
            command=[
                f"--config.file={_CONFIG}",
                "--storage.tsdb.path=/prometheus",
                f"--storage.tsdb.retention.time={int(args.retention_s)}s",
                f"--storage.tsdb.retention.size={args.retention_size_mib}MB",
                # Four times this is how long Alertmanager believes in an alert of a Prometheus that was replaced since.
                f"--rules.alert.resend-delay={duration(min(_RESEND_S, _TOLD_EACH * args.timing.interval_s))}",
                f"--web.listen-address=:{PROMETHEUS_PORT}",
                *([f"--web.external-url={path}/", f"--web.route-prefix={path}/"] if path else []),
                "--log.level=warn",
            ],
            files={
                _CONFIG: prometheus_config([own, *scrapes], args.timing, _RULES, told),
                _RULES: rules_file(args.watched, args.limits, args.timing, args.off),
            },
            stop_grace_s=30.0,
        )

    def _alertmanager(self, server: ServerArgs) -> None:
        args = self._args
        path = server.path.rstrip("/")
        text = pulumi.Output.all(**args.receiver_secrets).apply(
            lambda known: alertmanager_config(args.receivers, known, args.timing)
        )
        self._serve(
            "alertmanager",
            server,
            (ALERTMANAGER_PORT, f"{path}/-/ready"),
            "/alertmanager",
            entrypoint=["alertmanager"],
            command=[
                f"--config.file={_SECRETS}/alertmanager.yml",
                "--storage.path=/alertmanager",
                f"--web.listen-address=:{ALERTMANAGER_PORT}",
                "--cluster.listen-address=",
                *([f"--web.external-url=http://localhost{path}/", f"--web.route-prefix={path}/"] if path else []),
                "--log.level=warn",
            ],
            secret_files={f"{_SECRETS}/alertmanager.yml": text},
        )

    def _grafana(self, server: ServerArgs) -> None:
        args = self._args
        password = args.grafana_password
        if password is None:
            password = random.RandomPassword(
                "grafana-password",
                random.RandomPasswordArgs(length=_PASSWORD_LENGTH, special=False),
                opts=pulumi.ResourceOptions(parent=self, protect=args.protect or None),
            ).result
        prometheus = f"http://prometheus:{PROMETHEUS_PORT}{args.prometheus.path.rstrip('/')}"
        self._serve(
            "grafana",
            server,
            (GRAFANA_PORT, f"{server.path.rstrip('/')}/api/health"),
            "/var/lib/grafana",
            env={**grafana_env(server.path, f"{_SECRETS}/password"), **args.grafana_settings},
            secret_files={f"{_SECRETS}/password": password},
            files=grafana_files(prometheus, args.timing, args.watched),
            needs=[self.containers["prometheus"]],
        )

    def _serve(self, name: str, server: ServerArgs, probe: tuple[int, str], data_dir: str, **own: Any) -> None:
        args = self._args
        part_labels = {**args.labels, labels.PART: name, labels.KIND: "monitoring"}
        data = data_volume(
            f"{name}-data",
            parent=self,
            volume_name=server.volume_name,
            protect=args.protect,
            volume_labels=part_labels,
        )
        port, path = probe
        workload = WorkloadArgs(
            image=server.image,
            user=server.user,
            files_image=args.files_image,
            files_key=args.files_key,
            networks=[replace(network, aliases=(name,)) for network in server.networks],
            publish=server.publish,
            memory_mib=server.memory_mib,
            cpus=server.cpus,
            processes=1024,
            health=HealthCheck(
                test=http_probe(port, path), interval_s=args.health_interval_s, timeout_s=5.0, start_period_s=60.0,
                wait_s=180.0,
            ),
            volumes=[VolumeMount(volume_name=data.name, path=data_dir)],
            tmpfs={"/tmp": 16},  # noqa: S108 - inside the container
            labels=part_labels,
            replace_first=True,
            **own,
        )  # fmt: skip
        files = make_files(name, workload, parent=self)
        container = make_container(
            f"{name}-server",
            workload,
            role="server",
            parent=self,
            extra_volumes=files.mounts,
            needs=files.ready,
            extra_labels={labels.REPLICA: "0"},
        )
        self.containers[name] = container
        self.servers[name] = Server((container,), container.name.apply(lambda known: [known]), port)
