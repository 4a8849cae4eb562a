"""Arguments that several components share: what one container is, without saying how Pulumi makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

Dependency = pulumi.Input[pulumi.Resource]
"""A resource, or the promise of one (such as a job that must succeed), that has to be there first."""


@dataclass(frozen=True, kw_only=True)
class NetworkAttachment:
    """A network that a container joins."""

    network_id: pulumi.Input[str]
    """The network's id (not its name: the id makes Pulumi replace the container with the network)."""
    aliases: Sequence[str] = ()
    """Names by which others on this network find it."""


@dataclass(frozen=True, kw_only=True)
class VolumeMount:
    """A named volume inside a container."""

    volume_name: pulumi.Input[str]
    """The volume's name on the host."""
    path: str
    """Where it appears."""
    read_only: bool = False
    """Whether the container may only read it."""
    own: bool = False
    """Whether its folder is given to the container's user first, while it is still root's (as a new volume's is)."""


@dataclass(frozen=True, kw_only=True)
class BindMount:
    """A folder or file of the host inside a container."""

    source: str
    """Absolute path on the Docker host."""
    path: str
    """Where it appears."""
    read_only: bool = True
    """Whether the container may only read it."""


@dataclass(frozen=True, kw_only=True)
class PublishedPort:
    """A port of the host that leads to a container."""

    port: int
    """Port inside the container."""
    host_port: int
    """Port on the host."""
    address: str = "127.0.0.1"
    """Address of the host to listen on."""
    protocol: str = "tcp"
    """``tcp`` or ``udp``."""


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """How Docker asks a container whether it is well; :mod:`components.probes` makes the usual ones."""

    test: Sequence[str]
    """Docker's form: ``["CMD", …]`` or ``["CMD-SHELL", line]``; empty means the image's own check."""
    interval_s: float = 5.0
    """Seconds between two probes, and before the first."""
    timeout_s: float = 3.0
    """Seconds after which a probe counts as failed."""
    retries: int = 3
    """Failed probes in a row that make it unhealthy."""
    start_period_s: float = 30.0
    """Seconds at the start in which failed probes do not count; one that succeeds ends it at once. A program on a busy
    machine takes longer to start than a few probes of one second."""
    wait_s: float = 60.0
    """The longest that a deployment waits for health, in seconds."""


@dataclass(frozen=True, kw_only=True)
class LogRotation:
    """A container's log: rotated files on the host, or sent elsewhere by a driver that does so."""

    max_size_mib: int = 10
    """Size at which a file is rotated, in MiB."""
    max_files: int = 3
    """How many files are kept."""
    driver: str = "json-file"
    """Docker's log driver; size and files are those of ``json-file`` and ``local``."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Further options of the driver."""

    @property
    def log_opts(self) -> dict[str, str]:
        """As Docker takes them."""
        if self.driver not in {"json-file", "local"}:
            return dict(self.options)
        return {"max-size": f"{self.max_size_mib}m", "max-file": str(self.max_files), **self.options}


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """One kind of container. The defaults are the hardened ones."""

    image: pulumi.Input[str]
    """Image id or reference pinned by digest or content."""
    command: Sequence[pulumi.Input[str]] | None = None
    """Arguments to the entrypoint. Default: the image's."""
    entrypoint: Sequence[pulumi.Input[str]] | None = None
    """What is executed. Default: the image's."""
    user: str | None = "10001:10001"
    """Numeric ``uid:gid``; None leaves it to the image."""
    env: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Environment, visible in ``docker inspect``."""
    secret_files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Files with secret content, by absolute path."""
    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Configuration files, by absolute path."""
    files_image: pulumi.Input[str] | None = None
    """Image of the never-started containers that carry files into volumes. Default: ``image``."""
    files_key: pulumi.Input[str] | None = None
    """Secret with which the content of secret files is hashed for a label. Default: a generated one."""
    health: HealthCheck | None = None
    """Health check; the deployment waits for it. Default: none, which does not wait."""
    networks: Sequence[NetworkAttachment] = ()
    """Networks to join. With none, and no published port, it has no network at all."""
    needs: Sequence[Dependency] = ()
    """What must be there (healthy, completed) before it starts."""
    memory_mib: int = 512
    """Memory limit in MiB, swap included."""
    memory_reservation_mib: int | None = None
    """Memory that is left to it under pressure, in MiB."""
    cpus: float = 1.0
    """CPU limit."""
    cpu_shares: int | None = None
    """Weight when CPUs are short. Default: Docker's (1024)."""
    processes: int = 512
    """Limit of processes, counted by the kernel per user id (pulumi-docker has no pids limit)."""
    ulimits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Further kernel limits: name to soft and hard value."""
    volumes: Sequence[VolumeMount] = ()
    """Named volumes."""
    binds: Sequence[BindMount] = ()
    """Folders of the host."""
    tmpfs: Mapping[str, int] = field(default_factory=lambda: {"/tmp": 64})  # noqa: S108 - inside the container
    """Writable memory folders: path to size in MiB; mounted noexec, nosuid, nodev."""
    publish: Sequence[PublishedPort] = ()
    """Ports of the host that lead here."""
    stop_signal: str | None = None
    """Signal that asks it to stop. Default: the image's."""
    stop_grace_s: float = 10.0
    """Seconds between that signal and SIGKILL."""
    restart: str = "unless-stopped"
    """``no``, ``on-failure``, ``always`` or ``unless-stopped``."""
    max_restarts: int | None = None
    """Most restarts under ``on-failure``."""
    logs: LogRotation = LogRotation()
    """Rotation of its log."""
    read_only: bool = True
    """Whether its root filesystem is read-only."""
    capabilities: Sequence[str] = ()
    """Linux capabilities kept; all others are dropped."""
    no_new_privileges: bool = True
    """Whether setuid programs gain nothing."""
    host_network: bool = False
    """Whether it uses the host's network itself."""
    privileged: bool = False
    """Whether it has every right on the host."""
    gpus: str | None = None
    """``all`` or ``device=0,1``; a count is written ``2``."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels, those of the platform included."""
    init: bool = True
    """Whether a small init reaps dead children as process 1."""
    extra_hosts: Mapping[str, str] = field(default_factory=dict)
    """Host names and IPv4 addresses added to /etc/hosts."""
    sysctls: Mapping[str, str] = field(default_factory=dict)
    """Kernel parameters of its namespaces."""
    shm_size_mib: int = 64
    """Size of /dev/shm in MiB."""
    working_dir: str | None = None
    """Working directory. Default: the image's."""
    container_name: str | None = None
    """A fixed container name. Default: generated, which releases without downtime need."""
    replace_first: bool | None = None
    """Whether the old container goes before the new one comes. Default: only where both can't stand together (a
    published port, a fixed name, a volume that it writes)."""
