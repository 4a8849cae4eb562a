"""The whole platform."""
# ruff: noqa: RUF012, TC001 - pydantic copies mutable defaults, and needs the names of annotations when it runs

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from settings.model.backups import Backups
from settings.model.base import Model, Name, SecretName
from settings.model.gateway import Gateway
from settings.model.model_server import ModelServer
from settings.model.monitoring import Monitoring
from settings.model.stores import Cache, Database, Network, Secret, Volume
from settings.model.vector_store import VectorStore
from settings.model.workload import Job, Service, Worker
from settings.units import Cpus, MemoryMiB


class ImageFamily(StrEnum):
    """Where the images of PostgreSQL, Redis, nginx and their like come from."""

    OFFICIAL = "official"
    DEBIAN = "debian"


class OnFailure(StrEnum):
    """What follows a failed deployment."""

    ROLLBACK = "rollback"
    STAY = "stay"


class Images(Model):
    """Which images the platform's own parts use."""

    family: ImageFamily = ImageFamily.OFFICIAL
    """``official``: public images pinned by digest. ``debian``: built here from Debian's packages. Where the stack does
    not say, ``slipway up`` finds out once and notes it in ``.state/machine.yaml``."""
    references: dict[str, str] = {}
    """An image reference for a role (``postgres``, ``redis``, ``nginx``, …) instead of the catalogue's."""


class Host(Model):
    """The machine that will run it, so that a plan that can't fit is refused."""

    memory_mib: MemoryMiB | None = Field(default=None, alias="memory")
    """Its memory. Default: not checked before Docker is asked."""
    cpus: Cpus | None = None
    """Its CPUs. No container may have more."""


class Platform(Model):
    """A self-hosted platform: everything that runs, and how it is reached."""

    name: Name
    """The platform's name."""
    description: str = ""
    """One sentence on what it is."""
    images: Images = Images()
    """Which images its own parts use."""
    host: Host = Host()
    """The machine it is meant for."""
    protect_data: bool = True
    """Whether data volumes and generated credentials are protected from deletion."""
    on_failure: OnFailure | None = None
    """What ``slipway up`` does when a deployment fails: ``rollback`` goes back to the last release that succeeded,
    ``stay`` leaves things as they are. Default: ``rollback`` where data are protected."""
    networks: dict[Name, Network] = {"edge": Network(), "backend": Network(internal=True)}
    """Networks, the order of which chooses defaults."""
    volumes: dict[Name, Volume] = {}
    """Named volumes that workloads mount."""
    secrets: dict[SecretName, Secret] = {}
    """Secrets by name."""
    databases: dict[Name, Database] = {}
    """Database servers."""
    caches: dict[Name, Cache] = {}
    """Caches and queues."""
    vector_stores: dict[Name, VectorStore] = {}
    """Where embeddings are kept and searched."""
    model_servers: dict[Name, ModelServer] = {}
    """Servers of language models."""
    services: dict[Name, Service] = {}
    """Workloads that others talk to."""
    workers: dict[Name, Worker] = {}
    """Workloads that take work from a queue."""
    jobs: dict[Name, Job] = {}
    """Containers that run once to their end."""
    gateway: Gateway | None = None
    """The one door from outside. Default: none."""
    backups: Backups | None = None
    """Backups of all that keeps data. Default: none are made."""
    monitoring: Monitoring | None = None
    """What watches all of it. Default: none."""
