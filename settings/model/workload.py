"""Containers that the platform's author brings: services, workers and jobs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from settings.model.base import AbsolutePath, EnvName, Model, Name, SecretName
from settings.units import Cpus, MemoryMiB, Port, Seconds


class Condition(StrEnum):
    """What must be true of a part before another one starts."""

    HEALTHY = "healthy"
    STARTED = "started"
    COMPLETED = "completed"


class RestartPolicy(StrEnum):
    """What Docker does when the main process ends."""

    NO = "no"
    ON_FAILURE = "on-failure"
    ALWAYS = "always"
    UNLESS_STOPPED = "unless-stopped"


class Protocol(StrEnum):
    """Transport of a published port."""

    TCP = "tcp"
    UDP = "udp"


def _scalar_text(value: object) -> object:
    """Accept YAML's bare numbers and booleans where a container sees text: ``PORT: 8000``."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_scalar_text)]
"""Text that may hold references such as ``${databases.main.url}``; ``$${`` writes a literal ``${``."""


class Build(Model):
    """An image built from a folder as part of the deployment."""

    context: str = "."
    """Folder with the sources, relative to the project."""
    dockerfile: str = "Dockerfile"
    """Dockerfile, relative to the context."""
    target: str | None = None
    """Stage of a multi-stage Dockerfile. Default: the last."""
    args: dict[str, Text] = {}
    """Build arguments; visible in the image's history, so never secret."""


class Health(Model):
    """How Docker asks a container whether it is well: exactly one of ``path``, ``tcp``, ``command``, ``image``."""

    path: str | None = None
    """HTTP: GET this path on ``port``; any 2xx or 3xx answer is healthy. The image needs curl, wget or python3."""
    tcp: Port | None = None
    """TCP: a connection to this port is accepted. The image needs nc, bash or python3."""
    command: list[str] | None = None
    """A command inside the container, as a list; exit code 0 is healthy."""
    image: bool = False
    """Use the health check that the image itself declares."""
    port: Port | None = None
    """Port for ``path``. Default: the service's port."""
    interval_s: Seconds = Field(default=5.0, alias="interval")
    """Time between two probes, and before the first: the least time that a deployment waits."""
    timeout_s: Seconds = Field(default=3.0, alias="timeout")
    """Time after which a probe counts as failed."""
    retries: int = Field(default=3, ge=1)
    """Failed probes in a row that make it unhealthy."""
    start_period_s: Seconds = Field(default=0.0, alias="start_period")
    """Time at the start in which failed probes do not count."""
    wait_s: Seconds = Field(default=120.0, alias="wait")
    """The longest that a deployment waits for health."""

    @model_validator(mode="after")
    def _exactly_one_probe(self) -> Self:
        if sum((self.path is not None, self.tcp is not None, self.command is not None, self.image)) != 1:
            raise ValueError("exactly one of path, tcp, command, image is needed")
        return self


class SecretUse(Model):
    """A secret given to a workload."""

    name: SecretName
    """A key of the platform's ``secrets``."""
    file: AbsolutePath | None = None
    """Where the file stands. Default: ``/run/secrets/<name>``."""
    env: EnvName | None = None
    """Opt-in: put the VALUE in this environment variable, where ``docker inspect`` shows it. For programs that read no
    files."""


def _secret_use(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _volume_mount(value: object) -> object:
    """Read Compose's short form ``name:/path[:ro]``."""
    if not isinstance(value, str):
        return value
    parts = value.split(":")
    if len(parts) not in {2, 3} or (len(parts) == 3 and parts[2] not in {"ro", "rw"}):  # noqa: PLR2004 - the parts of the form
        raise ValueError("the form is name:/path or name:/path:ro")
    return {"volume": parts[0], "path": parts[1], "read_only": parts[2:] == ["ro"]}


def _publish(value: object) -> object:
    """Read the short forms ``8080``, ``8080:80``, ``127.0.0.1:8080:80`` and ``…/udp``."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"host_port": value, "port": value}
    if not isinstance(value, str):
        return value
    text, _, protocol = value.partition("/")
    parts = text.split(":")
    if len(parts) > 3 or not all(part.isdigit() for part in parts[-2:]):  # noqa: PLR2004 - address, host port, port
        raise ValueError("the form is [address:]host_port[:port][/udp], such as 127.0.0.1:8080:80")
    if len(parts) == 2 and not parts[0].isdigit():  # noqa: PLR2004
        parts.append(parts[1])
    spec: dict[str, Any] = {"port": int(parts[-1]), "host_port": int(parts[-2] if len(parts) > 1 else parts[-1])}
    if len(parts) == 3:  # noqa: PLR2004
        spec["address"] = parts[0]
    if protocol:
        spec["protocol"] = protocol
    return spec


class VolumeMount(Model):
    """A declared volume inside a container. Short form: ``name:/path[:ro]``."""

    volume: Name
    """A key of the platform's ``volumes``."""
    path: AbsolutePath
    """Where it appears in the container."""
    read_only: bool = False
    """Whether the container may only read it."""


class BindMount(Model):
    """A folder or file of the Docker host inside a container."""

    source: str
    """Absolute path on the Docker host."""
    path: AbsolutePath
    """Where it appears in the container."""
    read_only: bool = True
    """Whether the container may only read it."""


class Publish(Model):
    """A port of the host that leads to a container. Short form: ``[address:]host_port[:port][/udp]``."""

    port: Port
    """Port inside the container."""
    host_port: Port
    """Port on the host."""
    address: str = "127.0.0.1"
    """Address of the host to listen on. ``0.0.0.0`` opens it to every network that the host is on."""
    protocol: Protocol = Protocol.TCP
    """``tcp`` or ``udp``."""


class Ulimit(Model):
    """A limit of the kernel for each process."""

    soft: int
    """What a process starts with."""
    hard: int
    """What it may raise it to."""


def _ulimit(value: object) -> object:
    return {"soft": value, "hard": value} if isinstance(value, int) else value


class Logs(Model):
    """Rotation of a container's log, kept by Docker on the host."""

    max_size_mib: MemoryMiB = Field(default=10, alias="max_size")
    """Size at which a log file is rotated."""
    max_files: int = Field(default=3, ge=1)
    """How many rotated files are kept."""


class Metrics(Model):
    """Where Prometheus reads this workload's metrics."""

    port: Port
    """Port inside the container."""
    path: str = "/metrics"
    """Path of the page."""


class Relaxation(StrEnum):
    """A hardening that an image can't bear; each needs its reason in ``relax``."""

    READ_ONLY = "read_only"
    USER = "user"
    CAPABILITIES = "capabilities"
    NO_NEW_PRIVILEGES = "no_new_privileges"
    HOST_NETWORK = "host_network"
    PRIVILEGED = "privileged"
    HEALTH = "health"
    BINDS = "binds"


class Workload(Model):
    """One kind of container, hardened unless relaxed by name and with a reason."""

    image: str | None = None
    """Image reference, a key of ``images/lock.yaml`` by its ``slipway/<role>`` name, or use ``build``."""
    build: Build | None = None
    """Build the image from a folder instead of naming one."""
    command: list[Text] | None = None
    """Arguments to the entrypoint. Default: the image's."""
    entrypoint: list[Text] | None = None
    """What is executed. Default: the image's."""
    user: Annotated[str, BeforeValidator(_scalar_text), Field(pattern=r"^\d+(:\d+)?$|^image$")] | None = None
    """Numeric ``uid[:gid]``, or ``image`` for the image's own user. Default: 10001:10001, or what the catalogue says."""
    env: dict[EnvName, Text] = {}
    """Environment. A value that holds a secret is written to a file, and ``<NAME>_FILE`` names it, unless the name is in
    ``secret_env``."""
    secret_env: list[EnvName] = []
    """Names in ``env`` whose secret value may stand in the environment, where ``docker inspect`` shows it."""
    secrets: list[Annotated[SecretUse, BeforeValidator(_secret_use)]] = []
    """Secrets given as files ``/run/secrets/<name>``; ``<NAME>_FILE`` (upper case) names each."""
    files: dict[AbsolutePath, Text] = {}
    """Configuration files written into the container, by absolute path. May hold references."""
    health: Health | None = None
    """Health check. Required for services unless relaxed."""
    needs: dict[Name, Condition] = {}
    """Parts that must be healthy, started or completed before this one starts. References add to it."""
    replicas: int = Field(default=1, ge=0, le=100)
    """How many containers."""
    memory_mib: MemoryMiB = Field(default=512, alias="memory")
    """Memory limit of each container; swap is not allowed beyond it."""
    memory_reservation_mib: MemoryMiB | None = Field(default=None, alias="memory_reservation")
    """Memory that the kernel tries to leave it under pressure."""
    cpus: Cpus = 1.0
    """CPU limit of each container."""
    cpu_shares: int | None = Field(default=None, ge=2, le=262_144)
    """Weight against other containers when CPUs are short (Docker's default: 1024)."""
    processes: int = Field(default=512, ge=1)
    """Limit of processes. Docker's Pulumi provider has no pids limit: this is ``nproc``, counted per user id."""
    ulimits: dict[str, Annotated[Ulimit, BeforeValidator(_ulimit)]] = {}
    """Further kernel limits, such as ``nofile``."""
    volumes: list[Annotated[VolumeMount, BeforeValidator(_volume_mount)]] = []
    """Declared volumes to mount."""
    binds: list[BindMount] = []
    """Folders of the host to mount."""
    tmpfs: dict[AbsolutePath, MemoryMiB] = {"/tmp": 64}  # noqa: S108 - inside the container
    """Writable memory folders and their size; mounted noexec, nosuid, nodev."""
    publish: list[Annotated[Publish, BeforeValidator(_publish)]] = []
    """Ports of the host that lead here. Not together with replicas."""
    networks: list[Name] | None = None
    """Networks to join. Default: the first internal one, and with ``egress`` also the first that is not internal."""
    aliases: list[Name] = []
    """Further names on its networks, beside its own."""
    egress: bool = False
    """Whether it reaches the internet: it then joins a network that is not internal."""
    stop_signal: str | None = Field(default=None, pattern=r"^SIG[A-Z0-9]+$")
    """Signal that asks it to stop. Default: the image's, else SIGTERM."""
    stop_grace_s: Seconds = Field(default=10.0, alias="stop_grace")
    """Time between that signal and SIGKILL."""
    restart: RestartPolicy = RestartPolicy.UNLESS_STOPPED
    """What Docker does when it ends."""
    max_restarts: int | None = Field(default=None, ge=1)
    """Most restarts under ``on-failure``."""
    logs: Logs = Logs()
    """Rotation of its log."""
    read_only: bool = True
    """Whether its root filesystem is read-only."""
    capabilities: list[Annotated[str, Field(pattern=r"^[A-Z_]+$")]] = []
    """Linux capabilities kept, such as ``NET_RAW``; all others are dropped."""
    no_new_privileges: bool = True
    """Whether setuid programs gain nothing."""
    host_network: bool = False
    """Whether it uses the host's network itself."""
    privileged: bool = False
    """Whether it has every right on the host."""
    gpus: str | None = Field(default=None, pattern=r"^(all|\d+|device=[\w,-]+)$")
    """``all``, a count, or ``device=0,1``."""
    labels: dict[str, Text] = {}
    """Further labels; ``slipway.`` is reserved."""
    init: bool = True
    """Whether a small init reaps dead children as process 1."""
    extra_hosts: dict[str, str] = {}
    """Host names and their IPv4 address (or ``host-gateway``) added to /etc/hosts."""
    sysctls: dict[str, Text] = {}
    """Kernel parameters of its namespaces."""
    shm_size_mib: MemoryMiB = Field(default=64, alias="shm_size")
    """Size of /dev/shm."""
    working_dir: AbsolutePath | None = None
    """Working directory. Default: the image's."""
    metrics: Metrics | None = None
    """Where its metrics are read."""
    profiles: list[Name] = []
    """If not empty, it exists only in stacks that switch on one of these (``slipway:profiles``)."""
    container_name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]+$")] | None = None
    """A fixed container name. Not together with replicas; costs the release without downtime."""
    relax: dict[Relaxation, Annotated[str, Field(min_length=10)]] = {}
    """The reason for each hardening that is relaxed."""


class Service(Workload):
    """A workload that others talk to."""

    port: Port | None = None
    """Port that it listens on. Needed for a route."""


class Worker(Workload):
    """A workload that takes its work from a queue."""


class Job(Workload):
    """A container that runs once to its end whenever its specification changes; a failure fails the deployment."""

    timeout_s: Seconds = Field(default=600.0, alias="timeout")
    """The longest that it may take."""
    restart: RestartPolicy = RestartPolicy.NO
    """Always ``no``: a job that fails fails the deployment."""
