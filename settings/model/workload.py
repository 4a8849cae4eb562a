"""Containers that the platform's author brings: services, workers and jobs."""
# ruff: noqa: RUF012, TC001 - pydantic copies mutable defaults, and needs the names of annotations when it runs

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from settings.model.base import AbsolutePath, AliasName, EnvName, Model, Name
from settings.model.health import Health
from settings.model.mounts import BindMount, SecretUseForm, VolumeMountForm
from settings.model.ports import PublishForm
from settings.model.release import Release, ReleaseForm
from settings.model.text import NumericUser, PlainText, Text
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


class Build(Model):
    """An image built from a folder as part of the deployment."""

    context: str = "."
    """Folder with the sources, relative to the project."""
    dockerfile: str = "Dockerfile"
    """Dockerfile, relative to the context."""
    target: str | None = None
    """Stage of a multi-stage Dockerfile. Default: the last."""
    args: dict[str, PlainText] = {}
    """Build arguments; visible in the image's history, so never secret."""
    tag: Annotated[str, Field(pattern=r"^\w[\w.-]{0,127}$")] | None = None
    """Tag of the image, which then names the version: needed where two versions of a service run side by side (see
    ``release``). Default: the image is known by its content alone."""


class Ulimit(Model):
    """A limit of the kernel for each process."""

    soft: int
    """What a process starts with."""
    hard: int
    """What it may raise it to."""


def _ulimit(value: object) -> object:
    return {"soft": value, "hard": value} if isinstance(value, int) else value


UlimitForm = Annotated[Ulimit, BeforeValidator(_ulimit, json_schema_input_type=Ulimit | int)]
"""One number for both, or the whole form."""


class LogDriver(StrEnum):
    """Where Docker keeps a container's log, or sends it."""

    JSON_FILE = "json-file"
    LOCAL = "local"
    JOURNALD = "journald"
    SYSLOG = "syslog"
    FLUENTD = "fluentd"
    GELF = "gelf"
    LOKI = "loki"


class Logs(Model):
    """A container's log: rotated files on the host, or sent elsewhere by name."""

    driver: LogDriver = LogDriver.JSON_FILE
    """``json-file`` and ``local`` are rotated files; the others send it (docs/monitoring.md). ``loki`` is a plugin."""
    options: dict[Annotated[str, Field(pattern=r"^[a-z0-9-]+$")], PlainText] = {}
    """Options of a driver that sends it, such as ``syslog-address``; never secret: ``docker inspect`` shows them."""

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
    """Image reference with its tag or digest, or ``slipway/<role>`` for one of ``images/lock.yaml``. Else
    use ``build``."""
    build: Build | None = None
    """Build the image from a folder instead of naming one."""
    command: list[Text] | None = None
    """Arguments to the entrypoint. Default: the image's."""
    entrypoint: list[Text] | None = None
    """What is executed. Default: the image's."""
    user: NumericUser | None = None
    """Numeric ``uid[:gid]``, or ``image`` for the image's own user. Default: what the catalogue says,
    else 10001:10001."""
    env: dict[EnvName, Text] = {}
    """Environment. A value that holds a secret is written to a file, and ``<NAME>_FILE`` names it, unless the name is
    in ``secret_env``."""
    secret_env: list[EnvName] = []
    """Names in ``env`` whose secret value may stand in the environment, where ``docker inspect`` shows it."""
    secrets: list[SecretUseForm] = []
    """Secrets given as files ``/run/secrets/<name>``; ``<NAME>_FILE`` (upper case) names each."""
    files: dict[AbsolutePath, Text] = {}
    """Configuration files written into the container, by absolute path. May hold references."""
    health: Health | None = None
    """Health check. Required for services unless relaxed."""
    needs: dict[Name, Condition] = {}
    """Parts that must be healthy, started or completed before this one starts. References add to it: a database, cache
    or service that it refers to is healthy first (started, if it has no health check)."""
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
    ulimits: dict[str, UlimitForm] = {}
    """Further kernel limits, such as ``nofile``."""
    volumes: list[VolumeMountForm] = []
    """Declared volumes to mount."""
    binds: list[BindMount] = []
    """Folders of the host to mount."""
    tmpfs: dict[AbsolutePath, MemoryMiB] = {"/tmp": 64}  # noqa: S108 - inside the container
    """Writable memory folders and their size; mounted noexec, nosuid, nodev."""
    publish: list[PublishForm] = []
    """Ports of the host that lead here. Not together with replicas."""
    networks: list[Name] | None = None
    """Networks to join. Default: the first internal one, with ``egress`` or ``publish`` also the first that is not
    internal, and those of the parts that it refers to."""
    aliases: list[AliasName] = []
    """Further names on its networks, beside its own; they may hold underscores."""
    egress: bool = False
    """Whether it reaches the internet: it then joins a network that is not internal."""
    stop_signal: str | None = Field(default=None, pattern=r"^SIG[A-Z0-9]+$")
    """Signal that asks it to stop. Default: the image's, else SIGTERM."""
    stop_grace_s: Seconds = Field(default=10.0, alias="stop_grace")
    """Time between that signal and SIGKILL."""
    restart: RestartPolicy = RestartPolicy.UNLESS_STOPPED
    """What Docker does when it ends."""
    max_restarts: int | None = Field(default=None, ge=1)
    """Most restarts under ``on-failure``. Default: 5 there; the other policies count none."""
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
    labels: dict[str, PlainText] = {}
    """Further labels; names that start with ``slipway.`` are reserved."""
    init: bool = True
    """Whether a small init reaps dead children as process 1."""
    extra_hosts: dict[str, str] = {}
    """Host names and their IPv4 address (or ``host-gateway``) added to /etc/hosts."""
    sysctls: dict[str, PlainText] = {}
    """Kernel parameters of its namespaces."""
    shm_size_mib: MemoryMiB = Field(default=64, alias="shm_size")
    """Size of /dev/shm."""
    working_dir: AbsolutePath | None = None
    """Working directory. Default: the image's."""
    metrics: Metrics | None = None
    """Where its metrics are read; stands in the label ``slipway.metrics`` of its containers."""
    profiles: list[Name] = []
    """If not empty, it exists only in stacks that switch on one of these (``slipway:profiles``). Routes that lead to it
    come and go with it."""
    container_name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]+$")] | None = None
    """A fixed container name. Not together with replicas; costs the release without downtime."""
    relax: dict[Relaxation, Annotated[str, Field(min_length=10)]] = {}
    """The reason for each hardening that is relaxed."""


class Service(Workload):
    """A workload that others talk to."""

    port: Port | None = None
    """Port that it listens on. Needed for a route."""
    release: ReleaseForm = Release()
    """How a new version takes over: ``rolling``, ``canary`` or ``blue_green``."""


class Worker(Workload):
    """A workload that takes its work from a queue."""


class JobPhase(StrEnum):
    """When a job runs."""

    BEFORE = "before"
    AFTER = "after"
    MANUAL = "manual"


class Job(Workload):
    """A container that runs once to its end whenever its specification changes; a failure fails the deployment."""

    phase: JobPhase = JobPhase.BEFORE
    """``before``: before what needs it, when it changed. ``after``: when the gateway leads to the new release, at each
    release that made new containers of a service or worker: a smoke test, a notice. ``manual``: only when ``slipway
    run`` asks for it; the deployment makes its container ready and does not start it: seed data, a scan."""

    timeout_s: Seconds = Field(default=600.0, alias="timeout")
    """The longest that it may take."""
    restart: RestartPolicy = RestartPolicy.NO
    """Always ``no``: a job that fails fails the deployment."""
