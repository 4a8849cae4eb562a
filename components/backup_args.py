"""Arguments of the component that makes backups, and what each kind of store needs to be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components.args import Dependency, NetworkAttachment


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
class OutsideToBackUp:
    """A PostgreSQL database that somebody else runs: no role is made there, the one that is given reads it."""

    name: str
    """Name of the store in a set."""
    host: str
    """Name or address of the server."""
    port: int = 5432
    """Its port."""
    database: str
    """Name of the database."""
    role: str
    """A role that may read all of it."""
    password: pulumi.Input[str]
    """Its password."""
    tls: str = "require"
    """``sslmode``: ``disable``, ``require`` or ``verify-full``."""
    ca_bundle: str | None = None
    """PEM text of the certificates by which the server is trusted. Default: the image's."""


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
class VectorsToBackUp:
    """A vector store: its snapshots."""

    name: str
    """Name of the store in a set."""
    url: pulumi.Input[str]
    """Where it answers."""
    api_key: pulumi.Input[str]
    """Its key."""
    server: Dependency
    """The server, to wait for."""


@dataclass(frozen=True, kw_only=True)
class ModelsToBackUp:
    """A model server: the list of its models, which are fetched again."""

    name: str
    """Name of the store in a set."""
    url: str
    """Where it answers."""
    servers: Sequence[Dependency]
    """Its containers, to wait for."""


@dataclass(frozen=True, kw_only=True)
class VolumeToBackUp:
    """A named volume."""

    name: str
    """Name of the store in a set."""
    volume_name: pulumi.Input[str]
    """Name of the volume on the host."""
    user: str
    """Numeric ``uid:gid`` of who may read all of it."""
    pause: bool = False
    """Whether what writes it stands still while it is archived."""


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
class PointInTime:
    """How databases are kept restorable to any moment: base backups, and the write-ahead log since, stored away."""

    ship_every_s: float = 30.0
    """Seconds between two looks whether there is log to store away."""
    base_every_s: float = 86_400.0
    """Age of a base backup from which a new one is made."""
    keep_s: float = 604_800.0
    """How far back moments stay restorable."""
    wal_limit_mib: int = 1024
    """How much log waits at most to be stored away. The server's own bound is its ``max_slot_wal_keep_size``."""
    alert_after_s: float = 600.0
    """Seconds of writes that are not stored away from which it is time to act."""


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
    outside: Sequence[OutsideToBackUp] = ()
    """Databases that somebody else runs."""
    caches: Sequence[CacheToBackUp] = ()
    """Caches."""
    vector_stores: Sequence[VectorsToBackUp] = ()
    """Vector stores."""
    model_servers: Sequence[ModelsToBackUp] = ()
    """Model servers."""
    volumes: Sequence[VolumeToBackUp] = ()
    """Volumes."""
    pause_limit_s: float = 60.0
    """Seconds for which what writes a volume stands still at most."""
    docker_socket: str = "/var/run/docker.sock"
    """Docker's socket on its host, for the container that holds what writes a volume; only where one asks for it."""
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
    point_in_time: PointInTime | None = None
    """Whether and how databases are restorable to any moment, too. Default: to the moments of the sets."""
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
