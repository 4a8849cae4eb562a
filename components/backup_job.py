"""Backups of a platform: a container that holds the schedule and does the work, and what it needs to read everything.

In the order of their needs: for each database a role that may read and not write, made by a container that runs once;
for each user whose volumes are backed up a reader, without a network, that hands them out on a Unix socket; the
scheduler. None of them holds Docker's socket or a capability. What a set is: docs/adr/0011-backup-sets.md.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pulumi
import pulumi_docker as docker
import pulumi_random as random

from components import labels
from components.args import Dependency, HealthCheck, NetworkAttachment, VolumeMount, WorkloadArgs
from components.container import make_container
from components.outcome import success_of
from components.probes import script
from components.volume import data_volume
from components.workload import make_files

ROLE: Final = "slipway_backup"
"""The database role that backups read with."""
PORT: Final = 9750
"""Where the scheduler tells its metrics."""
_SECRETS: Final = "/run/secrets"
_FOLDER: Final = "/etc/slipway-backup"
_SOCKETS: Final = "/run/volumes"
_LENGTH: Final = 32
_PASSPHRASE_LENGTH: Final = 40
_HEALTH: Final = ("CMD", "slipway-backup", "health")


@dataclass(frozen=True, kw_only=True)
class DatabaseToBackUp:
    """A PostgreSQL database."""

    name: str
    """Name of the store in a set."""
    host: str
    """Name of the server."""
    port: int = 5432
    """Its port."""
    database: str
    """Name of the database."""
    role: pulumi.Input[str]
    """A role that may make roles."""
    password: pulumi.Input[str]
    """Its password."""
    server: Dependency
    """The server, to wait for."""


@dataclass(frozen=True, kw_only=True)
class CacheToBackUp:
    """A Redis server."""

    name: str
    """Name of the store in a set."""
    host: str
    """Name of the server."""
    port: int = 6379
    """Its port."""
    password: pulumi.Input[str]
    """Its password."""
    server: Dependency
    """The server, to wait for."""


@dataclass(frozen=True, kw_only=True)
class VolumeToBackUp:
    """A named volume."""

    name: str
    """Name of the store in a set."""
    volume_name: pulumi.Input[str]
    """Name of the volume on the host."""
    user: str
    """Numeric ``uid:gid`` of who may read all of it."""


@dataclass(frozen=True, kw_only=True)
class S3Destination:
    """A place in a store that speaks S3."""

    name: str
    """Name of the destination."""
    endpoint: str
    """Address of the store."""
    bucket: str
    """Bucket."""
    prefix: str
    """Folder in it."""
    access_key: pulumi.Input[str]
    """Id of the key."""
    secret_key: pulumi.Input[str]
    """The key."""
    region: str | None = None
    """Region, where the store asks for one."""
    ca_bundle: str | None = None
    """PEM text of the certificates by which the store is trusted. Default: the image's."""


@dataclass(frozen=True, kw_only=True)
class BackupJobArgs:
    """Arguments of :class:`BackupJob`."""

    image: pulumi.Input[str]
    """Image id, or a reference pinned by digest, of ``images/backup``, built on the servers' PostgreSQL."""
    user: str = "70:70"
    """Numeric ``uid:gid`` of PostgreSQL in that image."""
    project: str
    """Under which name, with ``stack``, sets are kept."""
    stack: str
    """See ``project``."""
    platform: str
    """What messages call it."""
    databases: Sequence[DatabaseToBackUp] = ()
    """Databases."""
    caches: Sequence[CacheToBackUp] = ()
    """Caches."""
    volumes: Sequence[VolumeToBackUp] = ()
    """Volumes."""
    checkpoint: bool = True
    """Whether the stack's own state is part of a set; ``slipway`` leaves it there."""
    local: str | None = "local"
    """Name of the destination on this host. None: there is none, and ``s3`` holds at least one."""
    s3: Sequence[S3Destination] = ()
    """Further destinations."""
    passphrase: pulumi.Input[str] | None = None
    """With what sets are encrypted. Default: a generated secret."""
    schedule: str | None = "0 2 * * *"
    """Cron expression of five fields. None: only when asked."""
    timezone: str = "UTC"
    """Time zone of the schedules."""
    keep: Mapping[str, int] = field(default_factory=lambda: {"days": 30})
    """Which sets stay: ``days``, ``last``, ``daily``, ``weekly``, ``monthly``."""
    verify: bool = True
    """Whether each set is restored to prove it."""
    read_all: str | None = "0 4 * * 0"
    """When all that is stored is read. None: never."""
    alert_after_s: float = 93_600.0
    """Age of the newest verified set from which it is time to act."""
    webhook: pulumi.Input[str] | None = None
    """Address that is told of the ends of runs. Default: nobody is."""
    webhook_on: Sequence[str] = ("failure", "success")
    """Of which ends."""
    webhook_template: str = "slack"
    """``slack`` or ``json``."""
    networks: Sequence[NetworkAttachment] = ()
    """Networks on which the stores, and destinations elsewhere, are reached."""
    memory_mib: int = 512
    """Memory limit in MiB."""
    cpus: float = 1.0
    """CPU limit."""
    tmpfs: Mapping[str, int] = field(default_factory=lambda: {"/tmp": 64})  # noqa: S108 - inside the container
    """Memory folders that the image needs, in MiB."""
    volume_name: str | None = None
    """A fixed name of the volume of the local destination, so that kept sets are found again. Default: generated."""
    work_volume_name: str | None = None
    """A fixed name of the volume in which sets are made. Default: generated."""
    protect: bool = True
    """Whether deleting the local sets or the passphrase is refused."""
    container_name: str | None = None
    """A fixed container name. Default: generated."""
    files_image: pulumi.Input[str] | None = None
    """Image of the never-started containers that carry files. Default: ``image``."""
    files_key: pulumi.Input[str] | None = None
    """Secret with which files are hashed for a label."""
    metrics: bool = True
    """Whether a label says where its metrics are."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its containers and volumes."""


class BackupJob(pulumi.ComponentResource):
    """Backup sets by a schedule, each restored to prove it."""

    passphrase: pulumi.Output[str]
    """With what sets are encrypted (secret): who loses it and the host has lost them."""
    volume_name: pulumi.Output[str] | None
    """Name of the volume of the local destination on the host."""
    container: docker.Container
    """The scheduler."""

    def __init__(self, name: str, args: BackupJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:BackupJob", name, {}, opts)
        if args.local is None and not args.s3:
            raise ValueError(f"BackupJob {name}: a destination is needed")
        self.passphrase = self._passphrase(name, args)
        secrets: dict[str, pulumi.Input[str]] = {f"{_SECRETS}/backup-passphrase": self.passphrase}
        ready: list[Dependency] = [cache.server for cache in args.caches]
        for database in args.databases:
            secrets[f"{_SECRETS}/database-{database.name}"], made = self._role(name, args, database)
            ready.append(made)
        for cache in args.caches:
            secrets[f"{_SECRETS}/cache-{cache.name}"] = cache.password
        for place in args.s3:
            secrets[f"{_SECRETS}/s3-{place.name}-access-key"] = place.access_key
            secrets[f"{_SECRETS}/s3-{place.name}-secret-key"] = place.secret_key
        if args.webhook is not None:
            secrets[f"{_SECRETS}/backup-webhook"] = args.webhook
        mounts = [VolumeMount(volume_name=self._work(name, args).name, path="/work")]
        self.volume_name = None
        if args.local is not None:
            self.volume_name = data_volume(
                f"{name}-data",
                parent=self,
                volume_name=args.volume_name,
                protect=args.protect,
                volume_labels=args.labels,
            ).name
            mounts.append(VolumeMount(volume_name=self.volume_name, path="/backups"))
        if args.volumes:
            sockets = docker.Volume(
                f"{name}-sockets",
                docker.VolumeArgs(labels=_scratch_labels(args.labels)),
                opts=pulumi.ResourceOptions(parent=self, ignore_changes=["labels"], delete_before_replace=False),
            )
            mounts.append(VolumeMount(volume_name=sockets.name, path=_SOCKETS))
            ready += self._readers(name, args, sockets.name)
        workload = WorkloadArgs(
            image=args.image,
            user=args.user,
            secret_files=secrets,
            files={
                f"{_FOLDER}/config.json": configuration(args),
                **{f"{_FOLDER}/{place.name}-ca.pem": place.ca_bundle for place in args.s3 if place.ca_bundle},
            },
            files_image=args.files_image,
            files_key=args.files_key,
            health=HealthCheck(test=_HEALTH, interval_s=10.0, timeout_s=10.0, start_period_s=30.0),
            networks=args.networks,
            needs=ready,
            memory_mib=args.memory_mib,
            cpus=args.cpus,
            volumes=mounts,
            tmpfs=args.tmpfs,
            stop_signal="SIGTERM",
            stop_grace_s=30.0,
            container_name=args.container_name,
            labels=args.labels,
        )
        files = make_files(name, workload, parent=self)
        self.container = make_container(
            f"{name}-server",
            workload,
            role="server",
            parent=self,
            extra_volumes=files.mounts,
            needs=files.ready,
            extra_labels={labels.REPLICA: "0", **({labels.METRICS: f":{PORT}/metrics"} if args.metrics else {})},
        )
        self.register_outputs({"volume_name": self.volume_name})

    def _passphrase(self, name: str, args: BackupJobArgs) -> pulumi.Output[str]:
        if args.passphrase is not None:
            return pulumi.Output.secret(args.passphrase)
        made = random.RandomPassword(
            f"{name}-passphrase",
            random.RandomPasswordArgs(length=_PASSPHRASE_LENGTH, special=False),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect or None),
        )
        return pulumi.Output.secret(made.result)

    def _work(self, name: str, args: BackupJobArgs) -> docker.Volume:
        """Register the volume in which sets are made: what is in it can be made again, so it goes with the platform."""
        return docker.Volume(
            f"{name}-work",
            docker.VolumeArgs(name=args.work_volume_name, labels=_scratch_labels(args.labels)),
            opts=pulumi.ResourceOptions(
                parent=self, ignore_changes=["labels"], delete_before_replace=args.work_volume_name is not None
            ),
        )

    def _role(
        self, name: str, args: BackupJobArgs, database: DatabaseToBackUp
    ) -> tuple[pulumi.Output[str], pulumi.Output[pulumi.Resource]]:
        """Register the role of a database; return its password, and what to wait for."""
        password = random.RandomPassword(
            f"{name}-{database.name}-password",
            random.RandomPasswordArgs(length=_LENGTH, special=False),
            opts=pulumi.ResourceOptions(parent=self),
        )
        job = WorkloadArgs(
            image=args.image,
            user=args.user,
            entrypoint=["sh", "-c", script("postgres-backup-role.sh")],
            command=[],
            env={
                "PGHOST": database.host,
                "PGPORT": str(database.port),
                "PGDATABASE": database.database,
                "PGUSER": database.role,
                "PGCONNECT_TIMEOUT": "10",
                "ROLE": ROLE,
            },
            secret_files={f"{_SECRETS}/owner": database.password, f"{_SECRETS}/role": password.result},
            networks=[replace(network, aliases=()) for network in args.networks],
            needs=[database.server],
            memory_mib=64,
            files_image=args.files_image,
            files_key=args.files_key,
            labels=args.labels,
        )
        files = make_files(f"{name}-{database.name}-role", job, parent=self)
        container = make_container(
            f"{name}-{database.name}-role",
            job,
            role="job",
            parent=self,
            extra_volumes=files.mounts,
            needs=files.ready,
            one_shot=True,
            timeout_s=60.0,
        )
        done = success_of(container, f"role {ROLE} of {database.name}", job.secret_files.values())
        return pulumi.Output.secret(password.result), done

    def _readers(self, name: str, args: BackupJobArgs, sockets: pulumi.Output[str]) -> list[Dependency]:
        """Register a reader for each user whose volumes are backed up."""
        of_user: dict[str, list[VolumeToBackUp]] = defaultdict(list)
        for volume in args.volumes:
            of_user[volume.user].append(volume)
        return [
            make_container(
                f"{name}-reader-{user.replace(':', '-')}",
                WorkloadArgs(
                    image=args.image,
                    user=user,
                    command=["read-volumes", _SOCKETS],
                    volumes=[
                        *(
                            VolumeMount(volume_name=volume.volume_name, path=f"/data/{volume.name}", read_only=True)
                            for volume in volumes
                        ),
                        VolumeMount(volume_name=sockets, path=_SOCKETS),
                    ],
                    health=HealthCheck(test=["CMD", "test", "-S", f"{_SOCKETS}/{volumes[-1].name}.sock"]),
                    memory_mib=64,
                    cpus=0.5,
                    tmpfs={"/tmp": 1},  # noqa: S108 - inside the container
                    stop_signal="SIGTERM",
                    labels=args.labels,
                ),
                role="reader",
                parent=self,
                extra_labels={labels.REPLICA: str(number)},
            )
            for number, (user, volumes) in enumerate(sorted(of_user.items()), 1)
        ]


def configuration(args: BackupJobArgs) -> str:
    """Return the file that tells the container what to do; it holds no secret."""
    stores: list[dict[str, Any]] = [
        {
            "name": database.name,
            "kind": "postgres",
            "host": database.host,
            "port": database.port,
            "database": database.database,
            "user": ROLE,
            "password_file": f"{_SECRETS}/database-{database.name}",
        }
        for database in args.databases
    ]
    stores += [
        {
            "name": cache.name,
            "kind": "redis",
            "host": cache.host,
            "port": cache.port,
            "password_file": f"{_SECRETS}/cache-{cache.name}",
        }
        for cache in args.caches
    ]
    stores += [
        {"name": volume.name, "kind": "volume", "socket": f"{_SOCKETS}/{volume.name}.sock"} for volume in args.volumes
    ]
    if args.checkpoint:
        stores.append({"name": "checkpoint", "kind": "checkpoint", "folder": "/work/checkpoint"})
    destinations: list[dict[str, Any]] = []
    if args.local is not None:
        destinations.append({"name": args.local, "kind": "local", "path": "/backups/repository"})
    destinations += [
        {
            "name": place.name,
            "kind": "s3",
            "endpoint": place.endpoint,
            "bucket": place.bucket,
            "prefix": place.prefix,
            "region": place.region,
            "access_key_file": f"{_SECRETS}/s3-{place.name}-access-key",
            "secret_key_file": f"{_SECRETS}/s3-{place.name}-secret-key",
            "ca_file": f"{_FOLDER}/{place.name}-ca.pem" if place.ca_bundle else None,
        }
        for place in args.s3
    ]
    hook = {
        "url_file": f"{_SECRETS}/backup-webhook",
        "on": list(args.webhook_on),
        "template": args.webhook_template,
    }
    document = {
        "format": 1,
        "project": args.project,
        "stack": args.stack,
        "platform": args.platform,
        "schedule": args.schedule,
        "timezone": args.timezone,
        "keep": dict(args.keep),
        "stores": stores,
        "destinations": destinations,
        "passphrase_file": f"{_SECRETS}/backup-passphrase",
        "webhook": hook if args.webhook is not None else None,
        "verify": args.verify,
        "read_all": args.read_all,
        "alert_after_s": args.alert_after_s,
        "metrics_port": PORT,
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _scratch_labels(part_labels: Mapping[str, str]) -> list[docker.VolumeLabelArgs]:
    """Label a volume as one that holds no data: what keeps data is found by its kind."""
    marked = {**part_labels, labels.KIND: "scratch"}
    return [docker.VolumeLabelArgs(label=key, value=value) for key, value in sorted(marked.items())]
