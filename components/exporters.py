"""Exporters: small containers that turn the figures of a server, of the gateway or of the host into metrics.

None gets the Docker socket, which is root on the host. What containers use stands in cgroup files, and what runs in
them in /proc; both are mounted read-only, into a container without rights, and the graph says which is which.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pulumi
import pulumi_docker as docker
import pulumi_random as random

from components import labels
from components.args import BindMount, Dependency, HealthCheck, NetworkAttachment, VolumeMount, WorkloadArgs
from components.container import make_container
from components.nginx.model import LOG_FOLDER, LOG_SOCKET, STATUS_PATH, STATUS_PORT, TLS_PORT
from components.outcome import success_of
from components.probes import http_probe, script
from components.prometheus import Scrape
from components.workload import make_files

DATABASE_PORT: Final = 9187
CACHE_PORT: Final = 9121
NGINX_PORT: Final = 9113
HOST_PORT: Final = 9100
OWN_PORT: Final = 9200
METRICS_ROLE: Final = "slipway_metrics"
"""The role of a database that only reads figures."""
_SECRETS: Final = "/run/secrets"
_CONTAINERS: Final = "/etc/slipway/containers.json"
_PASSWORD_LENGTH: Final = 32
_USER: Final = "65534:65534"
_PROCESSES: Final = 1024
"""Counted for the user on the whole host, and Prometheus and all exporters are one user."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """A PostgreSQL server to watch."""

    host: str
    """Its name on the networks."""
    database: str
    """Name of a database to log in to."""
    role: str
    """A role that may make roles."""
    password: pulumi.Input[str]
    """Its password."""
    server: docker.Container
    """Its container."""
    image: pulumi.Input[str]
    """An image with ``psql``."""
    user: str
    """Numeric ``uid:gid`` in that image."""
    networks: Sequence[NetworkAttachment]
    """One of its networks, without names."""
    encrypted: bool = False
    """Whether it takes encrypted connections alone."""
    port: int = 5432
    """Its port."""


@dataclass(frozen=True, kw_only=True)
class Cache:
    """A Redis server to watch."""

    host: str
    """Its name on the networks."""
    password: pulumi.Input[str]
    """Its password."""
    server: docker.Container
    """Its container."""
    networks: Sequence[NetworkAttachment]
    """One of its networks, without names."""
    port: int = 6379
    """Its port."""


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """The gateway to watch."""

    host: str
    """Its name on the networks."""
    user: str
    """Numeric ``uid:gid`` of nginx: it writes to the exporter's socket."""
    networks: Sequence[NetworkAttachment]
    """One network where Prometheus is, and one of the gateway's, without names."""
    tls_hosts: Sequence[str] = ()
    """Host names whose certificates are read."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A container that should run."""

    part: str
    """Its part."""
    kind: str
    """Kind of the part."""
    replica: int
    """Its number."""
    container: docker.Container
    """Itself."""


@dataclass(frozen=True, kw_only=True)
class Exporters:
    """What all exporters of a platform share, and how each is made."""

    image: pulumi.Input[str]
    """Image with all of them; see images/exporters."""
    parent: pulumi.Resource
    """The component that owns them."""
    files_image: pulumi.Input[str] | None = None
    """Image of the never-started containers that carry files."""
    files_key: pulumi.Input[str] | None = None
    """Secret with which files are hashed for a label."""
    health_interval_s: float = 5.0
    """Seconds between two health probes."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of all containers."""

    def database(self, name: str, args: Database, *, protect: bool) -> tuple[docker.Container, Scrape]:
        """Register the exporter of a database, after a role of its own."""
        password = random.RandomPassword(
            f"{name}-password",
            random.RandomPasswordArgs(length=_PASSWORD_LENGTH, special=False),
            opts=pulumi.ResourceOptions(parent=self.parent, protect=protect or None),
        ).result
        made = self._role(name, args, password)
        sslmode = "require" if args.encrypted else "disable"
        container = self._make(
            name,
            entrypoint=["prometheus-postgres-exporter"],
            command=[f"--web.listen-address=:{DATABASE_PORT}", "--log.level=warn"],
            env={
                "DATA_SOURCE_URI": f"{args.host}:{args.port}/{args.database}?sslmode={sslmode}&connect_timeout=5",
                "DATA_SOURCE_USER": METRICS_ROLE,
                "DATA_SOURCE_PASS_FILE": f"{_SECRETS}/password",
            },
            secret_files={f"{_SECRETS}/password": password},
            networks=args.networks,
            needs=[made],
            probe=(DATABASE_PORT, "/"),
        )
        return container, Scrape(part=args.host, host=name, port=DATABASE_PORT, kind="database")

    def cache(self, name: str, args: Cache) -> tuple[docker.Container, Scrape]:
        """Register the exporter of a cache; it logs in as clients do, since Redis has one login here."""
        address = f"redis://{args.host}:{args.port}"
        container = self._make(
            name,
            entrypoint=["prometheus-redis-exporter"],
            command=[
                f"--web.listen-address=:{CACHE_PORT}",
                f"--redis.addr={address}",
                "--connection-timeout=5s",
                f"--redis.password-file={_SECRETS}/passwords.json",
            ],
            secret_files={
                f"{_SECRETS}/passwords.json": pulumi.Output.secret(
                    pulumi.Output.from_input(args.password).apply(lambda known: json.dumps({address: known}))
                )
            },
            networks=args.networks,
            needs=[args.server],
            probe=(CACHE_PORT, "/health"),
        )
        return container, Scrape(part=args.host, host=name, port=CACHE_PORT, kind="cache")

    def gateway(self, name: str, args: Gateway) -> tuple[docker.Container, Scrape, VolumeMount]:
        """Register the exporter that the gateway reports its requests to, and the volume with its socket."""
        volume = docker.Volume(
            f"{name}-socket",
            docker.VolumeArgs(labels=self._volume_labels(name)),
            opts=pulumi.ResourceOptions(parent=self.parent, delete_before_replace=False, ignore_changes=["labels"]),
        )
        container = self._make(
            name,
            entrypoint=["slipway-exporter"],
            command=[
                "gateway",
                f"--socket={LOG_SOCKET}",
                *(["--tls", f"{args.host}:{TLS_PORT}"] if args.tls_hosts else []),
                *(word for host in args.tls_hosts for word in ("--host", host)),
            ],
            user=args.user,
            volumes=[VolumeMount(volume_name=volume.name, path=LOG_FOLDER, own=True)],
            networks=args.networks,
            memory_mib=64,
            cpus=0.5,
            probe=(OWN_PORT, "/health"),
            replace_first=True,
        )
        scrape = Scrape(part=args.host, host=name, port=OWN_PORT, kind="gateway", own_labels=True)
        return container, scrape, VolumeMount(volume_name=volume.name, path=LOG_FOLDER, read_only=True)

    def nginx(self, name: str, args: Gateway, needs: Sequence[Dependency]) -> docker.Container:
        """Register the exporter of nginx's own figures."""
        return self._make(
            name,
            entrypoint=["prometheus-nginx-exporter"],
            command=[
                f"-web.listen-address=:{NGINX_PORT}",
                f"-nginx.scrape-uri=http://{args.host}:{STATUS_PORT}{STATUS_PATH}",
                "-nginx.retries=10",
            ],
            networks=args.networks,
            needs=needs,
            probe=(NGINX_PORT, "/"),
        )

    def host(self, name: str, networks: Sequence[NetworkAttachment]) -> tuple[docker.Container, Scrape]:
        """Register the exporter of the host: CPUs, memory, disks. Its network is the containers exporter's to read."""
        container = self._make(
            name,
            entrypoint=["prometheus-node-exporter"],
            command=[
                f"--web.listen-address=:{HOST_PORT}",
                "--path.rootfs=/host",
                "--path.procfs=/host/proc",
                "--path.sysfs=/host/sys",
                "--collector.disable-defaults",
                *(f"--collector.{each}" for each in ("cpu", "diskstats", "filesystem", "loadavg", "meminfo", "pressure",
                                                     "stat", "time", "uname", "vmstat")),
                "--log.level=warn",
            ],
            binds=[BindMount(source="/", path="/host")],
            networks=networks,
            probe=(HOST_PORT, "/"),
        )  # fmt: skip
        return container, Scrape(part="host", host=name, port=HOST_PORT, kind="host")

    def containers(
        self, name: str, networks: Sequence[NetworkAttachment], running: Sequence[Running]
    ) -> docker.Container:
        """Register the exporter of the containers; another one for each set of them, with the same series."""
        said = [{"part": item.part, "kind": item.kind, "replica": str(item.replica)} for item in running]
        text = pulumi.Output.all(*(item.container.id for item in running)).apply(
            lambda ids: json.dumps(dict(zip(ids, said, strict=True)), indent=1, sort_keys=True) + "\n"
        )
        return self._make(
            name,
            entrypoint=["slipway-exporter"],
            command=["containers", f"--containers={_CONTAINERS}"],
            files={_CONTAINERS: text},
            binds=[
                BindMount(source="/proc", path="/host/proc"),
                BindMount(source="/sys/fs/cgroup", path="/host/cgroup"),
            ],
            networks=networks,
            memory_mib=64,
            cpus=0.5,
            probe=(OWN_PORT, "/health"),
        )

    @staticmethod
    def containers_scrape(name: str) -> Scrape:
        """Return how the exporter of the containers is read, which is known before there are any."""
        return Scrape(part="host", host=name, port=OWN_PORT, kind="host", own_labels=True)

    @staticmethod
    def nginx_scrape(name: str, host: str) -> Scrape:
        """Return how the exporter of nginx is read, which is known before there is one."""
        return Scrape(part=host, host=name, port=NGINX_PORT, kind="gateway")

    def _role(self, name: str, args: Database, password: pulumi.Output[str]) -> pulumi.Output[pulumi.Resource]:
        """Register the container that makes the exporter's role; once more where the server is another one."""
        job = WorkloadArgs(
            image=args.image,
            user=args.user,
            entrypoint=["sh", "-c", script("postgres-metrics.sh")],
            command=[],
            env={
                "PGHOST": args.host,
                "PGPORT": str(args.port),
                "PGDATABASE": args.database,
                "PGUSER": args.role,
                "PGCONNECT_TIMEOUT": "10",
                "ROLE": METRICS_ROLE,
                "SERVER": args.server.id,
            },
            secret_files={f"{_SECRETS}/login": args.password, f"{_SECRETS}/password": password},
            networks=[replace(network, aliases=()) for network in args.networks],
            needs=[args.server],
            memory_mib=64,
            files_image=self.files_image,
            files_key=self.files_key,
            labels=self._labels(name),
        )
        files = make_files(f"{name}-role", job, parent=self.parent)
        container = make_container(
            f"{name}-role",
            job,
            role="job",
            parent=self.parent,
            extra_volumes=files.mounts,
            needs=files.ready,
            one_shot=True,
            timeout_s=60.0,
        )
        return success_of(container, f"making the role of {name}", job.secret_files.values())

    def _make(
        self, name: str, *, networks: Sequence[NetworkAttachment], probe: tuple[int, str], **own: Any
    ) -> docker.Container:
        """Register one exporter, healthy when its page answers."""
        port, path = probe
        settings: dict[str, Any] = {
            "image": self.image,
            "files_image": self.files_image,
            "files_key": self.files_key,
            "user": _USER,
            "networks": [replace(network, aliases=(name,)) for network in networks],
            "health": HealthCheck(test=http_probe(port, path), interval_s=self.health_interval_s, timeout_s=5.0),
            "memory_mib": 48,
            "cpus": 0.25,
            "processes": _PROCESSES,
            "tmpfs": {"/tmp": 4},  # noqa: S108 - inside the container
            "labels": self._labels(name),
        }
        args = WorkloadArgs(**(settings | own))
        files = make_files(name, args, parent=self.parent)
        return make_container(
            f"{name}-server",
            args,
            role="server",
            parent=self.parent,
            extra_volumes=files.mounts,
            needs=files.ready,
            extra_labels={labels.REPLICA: "0"},
        )

    def _labels(self, name: str) -> dict[str, str]:
        return {**self.labels, labels.PART: name, labels.KIND: "exporter"}

    def _volume_labels(self, name: str) -> list[docker.VolumeLabelArgs]:
        return [docker.VolumeLabelArgs(label=key, value=value) for key, value in sorted(self._labels(name).items())]
