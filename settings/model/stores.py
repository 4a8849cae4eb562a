"""Parts that keep data: databases, caches, volumes; and the networks and secrets that they stand on."""
# ruff: noqa: RUF012, TC001 - pydantic copies mutable defaults, and needs the names of annotations when it runs

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from settings.model.base import Model, Name, SecretName
from settings.model.ports import PublishForm
from settings.model.text import PlainText
from settings.units import Cpus, MemoryMiB, Port, Seconds


class Network(Model):
    """A network of this platform's containers."""

    internal: bool = False
    """Whether it has no way out to the internet. No port can be published from it alone."""
    subnet: str | None = Field(default=None, pattern=r"^\d+\.\d+\.\d+\.\d+/\d+$")
    """IPv4 range, such as ``172.28.0.0/16``. Default: Docker chooses."""
    gateway: str | None = Field(default=None, pattern=r"^\d+\.\d+\.\d+\.\d+$")
    """Address of the host in that range. Default: the first one."""
    name: str | None = None
    """A fixed name on the host. Default: generated."""


class Volume(Model):
    """A named volume that outlives its containers."""

    protect: bool | None = None
    """Whether an operation that would delete it is refused. Default: the platform's ``protect_data``."""
    driver: str = "local"
    """Volume driver."""
    driver_opts: dict[str, PlainText] = {}
    """The driver's options."""
    name: str | None = None
    """A fixed name on the host. Default: ``<project>-<stack>-<key>``."""


class SecretSource(StrEnum):
    """Where a secret comes from."""

    CONFIG = "config"
    GENERATED = "generated"


class Secret(Model):
    """A secret's name and origin; its value is never part of the description."""

    source: SecretSource = SecretSource.CONFIG
    """``config``: the encrypted key of the same name in Pulumi.<stack>.yaml. ``generated``: a random password."""
    length: int = Field(default=32, ge=20, le=128)
    """Characters of a generated one."""
    description: str = ""
    """What it is for and where to get one."""


class DatabaseEngine(StrEnum):
    """Which server a database is."""

    POSTGRES = "postgres"


class CacheEngine(StrEnum):
    """Which server a cache is."""

    REDIS = "redis"


class Persistence(StrEnum):
    """What a cache keeps over a restart."""

    NONE = "none"
    AOF = "aof"


class Eviction(StrEnum):
    """What Redis removes when its memory is full."""

    NOEVICTION = "noeviction"
    ALLKEYS_LRU = "allkeys-lru"
    ALLKEYS_LFU = "allkeys-lfu"
    ALLKEYS_RANDOM = "allkeys-random"
    VOLATILE_LRU = "volatile-lru"
    VOLATILE_LFU = "volatile-lfu"
    VOLATILE_RANDOM = "volatile-random"
    VOLATILE_TTL = "volatile-ttl"


class Store(Model):
    """What databases, caches, vector stores and model servers have in common."""

    version: PlainText | None = None
    """Major version that the image must be. Default: what the catalogue has."""
    image: str | None = None
    """Image reference. Default: the catalogue's."""
    memory_mib: MemoryMiB = Field(default=512, alias="memory")
    """Memory limit."""
    cpus: Cpus = 1.0
    """CPU limit."""
    networks: list[Name] | None = None
    """Networks to join. Default: the first internal one, and with ``publish`` also the first that is not internal."""
    publish: list[PublishForm] = []
    """Ports of the host that lead here; for development."""
    protect: bool | None = None
    """Whether an operation that would delete its data is refused. Default: the platform's ``protect_data``."""
    stop_grace_s: Seconds = Field(default=60.0, alias="stop_grace")
    """Time for a clean stop before SIGKILL."""
    health_interval_s: Seconds = Field(default=5.0, alias="health_interval")
    """Time between two health probes, and before the first."""
    container_name: str | None = None
    """A fixed container name. Default: generated."""
    volume_name: str | None = None
    """A fixed name of its data volume on the host. Default: ``<project>-<stack>-<key>-data``."""
    profiles: list[Name] = []
    """If not empty, it exists only in stacks that switch on one of these."""
    labels: dict[str, PlainText] = {}
    """Further labels of its container; ``slipway.`` is reserved."""


class ExternalTls(StrEnum):
    """How far the server of an external database is asked to prove who it is."""

    DISABLE = "disable"
    REQUIRE = "require"
    VERIFY_FULL = "verify-full"


class ExternalDatabase(Model):
    """A database that somebody else runs, such as a cloud's."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")]
    """Its host name or address."""
    port: Port = 5432
    """Its port."""
    password: SecretName
    """The declared secret with the role's password."""
    tls: ExternalTls = ExternalTls.REQUIRE
    """``require``: encrypted; ``verify-full``: and by a certificate that the client trusts; ``disable``. It stands in
    the address as ``sslmode``."""
    ca_bundle: str | None = None
    """File of the project with the certificates (PEM) by which backups trust the server. Default: the usual ones. Other
    clients bring their own."""


class DatabaseTlsMode(StrEnum):
    """Where a database's certificate comes from."""

    SELF_SIGNED = "self-signed"
    FILES = "files"


class ClientTls(StrEnum):
    """How far clients ask the platform's own database to prove who it is."""

    REQUIRE = "require"
    VERIFY_FULL = "verify-full"


class DatabaseTls(Model):
    """Encrypted connections to a database: who comes over the network without encryption is refused."""

    mode: DatabaseTlsMode = DatabaseTlsMode.SELF_SIGNED
    """``self-signed``: a certificate for its names on the networks, made from a generated secret, for 20 years.
    ``files``: one of your own."""
    certificate: SecretName | None = None
    """With ``files``: declared secret with the PEM text of the certificate, and of those up to its authority."""
    key: SecretName | None = None
    """With ``files``: declared secret with the PEM text of its key, without a passphrase."""
    ca: SecretName | None = None
    """With ``files``: declared secret with the PEM text of the authority's certificate, by which clients know it."""
    clients: ClientTls = ClientTls.REQUIRE
    """``sslmode`` in the addresses of references. ``require``: encrypted, which every driver can. ``verify-full``: and
    by a certificate that the client checks; it stands in a file that ``sslrootcert`` names, in every workload that
    refers to the address."""


class Database(Store):
    """A database server with one database and one role that owns it."""

    engine: DatabaseEngine = DatabaseEngine.POSTGRES
    """Which server it is."""
    database: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] | None = None
    """Name of the database. Default: its key, with underscores for hyphens."""
    user: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] | None = None
    """Name of the role. Default: its key, with underscores for hyphens."""
    settings: dict[Annotated[str, Field(pattern=r"^[a-z_.]+$")], PlainText] = {}
    """Parameters of postgresql.conf, such as ``max_connections: 200``."""
    init: dict[Annotated[str, Field(pattern=r"^[\w.-]+\.(sql|sh)$")], PlainText] = {}
    """Scripts run once, in the order of their names, when the data volume is empty."""
    shm_size_mib: MemoryMiB = Field(default=128, alias="shm_size")
    """Size of /dev/shm, used by parallel queries."""
    tls: DatabaseTls | None = None
    """Encrypt connections over the network. Default: not, since networks of one host are not on any wire."""
    external: ExternalDatabase | None = None
    """Use a database that somebody else runs: references lead there, and no container and no volume is made, so that
    what else is said of them (memory, settings, publish, …) does not apply. Set ``database`` and ``user`` to what there
    is."""


class Cache(Store):
    """A cache or queue server."""

    engine: CacheEngine = CacheEngine.REDIS
    """Which server it is."""
    max_memory_mib: MemoryMiB | None = Field(default=None, alias="max_memory")
    """Memory for data. Default: three quarters of ``memory``."""
    eviction: Eviction = Eviction.NOEVICTION
    """What is removed when that is full. A queue must never lose an entry, hence the default."""
    persistence: Persistence = Persistence.AOF
    """What survives a restart."""
    settings: dict[Annotated[str, Field(pattern=r"^[a-z-]+$")], PlainText] = {}
    """Further directives of redis.conf."""
