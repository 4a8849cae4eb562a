"""PostgreSQL on a volume that outlives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import pulumi
import pulumi_docker as docker
import pulumi_random as random

from components import labels
from components.args import Dependency, HealthCheck, NetworkAttachment, PublishedPort, VolumeMount, WorkloadArgs
from components.container import make_container
from components.database_tls import DatabaseTls, query, server_tls
from components.files import SecretFiles, SecretFilesArgs
from components.probes import script
from components.rotation import Login, LoginArgs, Step
from components.volume import data_volume

PORT: Final = 5432
_SECRETS: Final = "/run/secrets"
_PASSWORD_LENGTH: Final = 32
_SETTINGS: Final = {
    "listen_addresses": "*",
    # A slot whose reader is gone, as that of a backup that was switched off, must not fill the disk.
    "max_slot_wal_keep_size": "1GB",
}


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    """Arguments of :class:`Database`."""

    image: pulumi.Input[str]
    """Image id, or a reference pinned by digest, of PostgreSQL with the official image's entrypoint contract."""
    user: str = "70:70"
    """Numeric ``uid:gid`` of the server in that image."""
    data_dir: str = "/var/lib/postgresql/data"
    """Where that image keeps its data: the data volume is mounted there."""
    files_image: pulumi.Input[str] | None = None
    """Image of the never-started containers that carry files into volumes. Default: ``image``."""
    files_key: pulumi.Input[str] | None = None
    """Secret with which the content of secret files is hashed for a label. Default: a generated one."""
    host: str | None = None
    """Name by which clients find it. Default: the component's name."""
    database: str = "main"
    """Name of the database."""
    role: str = "main"
    """Name of the role that owns it."""
    networks: Sequence[NetworkAttachment] = ()
    """Networks to join."""
    memory_mib: int = 512
    """Memory limit in MiB."""
    cpus: float = 1.0
    """CPU limit."""
    shm_size_mib: int = 128
    """Size of /dev/shm in MiB."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Parameters of postgresql.conf."""
    init: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Scripts (``*.sql``, ``*.sh``) run in the order of their names when the data volume is empty."""
    publish: Sequence[PublishedPort] = ()
    """Ports of the host that lead here."""
    volume_name: str | None = None
    """A fixed name of the data volume on the host, so that kept data is found again. Default: generated."""
    protect: bool = True
    """Whether deleting the data volume or the password is refused."""
    rotation: int = 0
    """Steps by which its login was rotated; see docs/adr/0009-rotation.md."""
    tls: DatabaseTls | None = None
    """Encrypt connections, and refuse those over the network that are not. Default: plain ones."""
    stop_grace_s: float = 60.0
    """Seconds for a clean shutdown before SIGKILL."""
    health_interval_s: float = 5.0
    """Seconds between two health probes, and before the first."""
    container_name: str | None = None
    """A fixed container name. Default: generated."""
    needs: Sequence[Dependency] = ()
    """What must be there first."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its container and files."""
    volume_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the data volume; read only when it is made."""


class Database(pulumi.ComponentResource):
    """A PostgreSQL server with one database, reachable by name on its networks, with a generated password.

    A change of the server's container never touches its data volume, which stays on the host even when the platform is
    destroyed. Server and clients get the password as files.
    """

    host: str
    """Name by which clients find it."""
    port: int
    """Port, 5432."""
    role: str
    """The role that clients log in as."""
    password: pulumi.Output[str]
    """That role's password (secret)."""
    url: pulumi.Output[str]
    """``postgresql://role:password@host:5432/database`` (secret), with ``?sslmode=…`` where it encrypts."""
    url_without_password: str
    """The same without the password."""
    volume_name: pulumi.Output[str]
    """Name of the data volume on the host."""
    ca: pulumi.Output[str] | None
    """PEM text by which clients know it, where it encrypts."""
    container: docker.Container
    """Its container, to depend on: it is there when the server is healthy."""

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:Database", name, {}, opts)
        self.host = args.host or name
        self.port = PORT
        password = random.RandomPassword(
            f"{name}-password",
            random.RandomPasswordArgs(length=_PASSWORD_LENGTH, special=False),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect or None),
        )
        data = data_volume(
            f"{name}-data",
            parent=self,
            volume_name=args.volume_name,
            protect=args.protect,
            volume_labels=args.volume_labels,
        )
        named = {self.host, "localhost", *([args.container_name] if args.container_name else [])}
        tls = server_tls(name, args.tls, sorted(named), parent=self) if args.tls else None
        self.ca = tls.ca if tls else None
        settings = {**_SETTINGS, **args.settings, **(tls.settings if tls else {})}
        files = SecretFiles(
            f"{name}-secrets",
            SecretFilesArgs(
                files={
                    f"{_SECRETS}/password": password.result,
                    # Not secret, but one volume and one carrier are cheaper than two.
                    f"{_SECRETS}/start.sh": _start(encrypts=tls is not None),
                    **(tls.files if tls else {}),
                    **{f"/docker-entrypoint-initdb.d/{file}": text for file, text in args.init.items()},
                },
                image=args.files_image or args.image,
                labels=args.labels,
                key=args.files_key,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.container = make_container(
            f"{name}-server",
            WorkloadArgs(
                image=args.image,
                user=args.user,
                entrypoint=["sh", f"{_SECRETS}/start.sh"],
                command=["postgres", *_flags(settings)],
                env={
                    "POSTGRES_USER": args.role,
                    "POSTGRES_DB": args.database,
                    "POSTGRES_PASSWORD_FILE": f"{_SECRETS}/password",
                    "PGDATA": args.data_dir,
                },
                networks=args.networks,
                health=HealthCheck(
                    # Not the socket: on that alone listens the entrypoint's temporary server for an empty folder.
                    test=["CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", args.role, "-d", args.database],
                    interval_s=args.health_interval_s,
                    timeout_s=5.0,
                    retries=5,
                    start_period_s=60.0,
                    wait_s=180.0,
                ),
                needs=args.needs,
                memory_mib=args.memory_mib,
                cpus=args.cpus,
                shm_size_mib=args.shm_size_mib,
                volumes=[VolumeMount(volume_name=data.name, path=args.data_dir)],
                tmpfs={"/tmp": 64, "/var/run/postgresql": 1},  # noqa: S108 - inside the container
                publish=args.publish,
                stop_signal="SIGINT",  # PostgreSQL's fast shutdown: SIGTERM waits for clients to leave
                stop_grace_s=args.stop_grace_s,
                labels=args.labels,
                init=False,  # the postmaster reaps its children itself, and is process 1 for its own signals
                container_name=args.container_name,
                replace_first=True,
            ),
            role="server",
            parent=self,
            extra_volumes=files.mounts,
            needs=files.ready,
            extra_labels={labels.REPLICA: "0"},
        )
        self.role = args.role
        self.password = pulumi.Output.secret(password.result)
        if args.rotation:
            login = self._login(name, args, password.result)
            self.role, self.password = login.role, login.password
        self.volume_name = data.name
        place = f"{self.host}:{PORT}/{quote(args.database)}{query(name, args.tls)}"
        self.url = pulumi.Output.secret(
            pulumi.Output.concat("postgresql://", quote(self.role), ":", self.password, "@", place)
        )
        self.url_without_password = f"postgresql://{quote(self.role)}@{place}"
        self.register_outputs({"host": self.host, "port": self.port, "url": self.url, "volume_name": self.volume_name})

    def _login(self, name: str, args: DatabaseArgs, owner_password: pulumi.Output[str]) -> Login:
        return Login(
            f"{name}-login",
            LoginArgs(
                step=Step(args.rotation),
                owner=args.role,
                owner_password=owner_password,
                database=args.database,
                host=self.host,
                server=self.container,
                image=args.image,
                user=args.user,
                networks=args.networks,
                protect=args.protect,
                files_image=args.files_image,
                files_key=args.files_key,
                labels=args.labels,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )


def _start(*, encrypts: bool) -> str:
    return (script("postgres-tls.sh") + "\n" if encrypts else "") + script("postgres-start.sh") + "\n"


def _flags(settings: Mapping[str, str]) -> list[str]:
    return [flag for key, value in sorted(settings.items()) for flag in ("-c", f"{key}={value}")]
