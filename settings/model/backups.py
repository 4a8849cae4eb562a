"""Backups: when, of what, to where, and for how long."""
# ruff: noqa: RUF012, TC001 - pydantic copies mutable defaults, and needs the names of annotations when it runs

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from settings.cron import parse_cron, parse_timezone
from settings.model.base import AbsolutePath, Model, Name, SecretName
from settings.model.ports import Publish
from settings.units import Cpus, MemoryMiB, Seconds

CHECKPOINT: Final = "checkpoint"
"""Name of the store that is the stack's own state."""
METRICS_PORT: Final = 9750
"""Where the container that makes backups tells its metrics."""


def _cron(value: object) -> object:
    """Read ``off``, which YAML takes for ``false``, as none."""
    return None if value is False or value == "off" else parse_cron(value)


Cron = Annotated[
    str | None,
    BeforeValidator(_cron, json_schema_input_type=str | bool | None),
]
"""A cron expression of five fields; ``off`` for never."""


class BackupKeep(Model):
    """Which backups stay. One that any of these keeps stays, and so does the newest verified one, whatever they say."""

    days: int = Field(default=30, ge=0)
    """All that are younger than this many days."""
    last: int = Field(default=3, ge=0)
    """The newest ones."""
    daily: int = Field(default=0, ge=0)
    """One of each of so many days."""
    weekly: int = Field(default=0, ge=0)
    """One of each of so many weeks."""
    monthly: int = Field(default=12, ge=0)
    """One of each of so many months."""


class BackupKind(StrEnum):
    """What a destination is."""

    LOCAL = "local"
    S3 = "s3"


class BackupDestination(Model):
    """A place where backups are kept, encrypted."""

    kind: BackupKind = BackupKind.LOCAL
    """``local``: a volume of the platform's host. ``s3``: a store that speaks S3, of any maker."""
    endpoint: Annotated[str, Field(pattern=r"^https?://[^\s/]+$")] | None = None
    """Address of an S3 store, without a path."""
    bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] | None = None
    """Its bucket; it is made where it is missing and the key may do so."""
    prefix: Annotated[str, Field(pattern=r"^[\w.-]+(/[\w.-]+)*$")] | None = None
    """Folder in the bucket. Default: ``<project>/<stack>``. Two stacks never share one."""
    region: str | None = None
    """Its region, where the store asks for one."""
    access_key: SecretName | None = None
    """Declared secret with the id of the key."""
    secret_key: SecretName | None = None
    """Declared secret with the key."""
    ca_bundle: str | None = None
    """File of the project with the certificates (PEM) by which the store is trusted. Default: the usual ones."""


class BackupTemplate(StrEnum):
    """What a webhook is sent."""

    SLACK = "slack"
    JSON = "json"


class BackupOutcome(StrEnum):
    """How a backup ended."""

    SUCCESS = "success"
    FAILURE = "failure"


class BackupWebhook(Model):
    """Who is told how a backup ended."""

    url: SecretName
    """Declared secret with the address: whoever knows it can write there."""
    on: list[BackupOutcome] = [BackupOutcome.FAILURE, BackupOutcome.SUCCESS]
    """Of which ends."""
    template: BackupTemplate = BackupTemplate.SLACK
    """``slack``: a sentence in the form that Slack and its like take. ``json``: all that is known."""


class PointInTime(Model):
    """Databases restorable to any moment: base backups, and the write-ahead log since, stored away as it is written."""

    ship_every_s: Seconds = Field(default=30.0, ge=1, alias="ship_every")
    """How often what was written is stored in every destination: so much is lost at most with the host."""
    base_every_s: Seconds = Field(default=86_400.0, ge=60, alias="base_every")
    """Age of a base backup from which a new one is made. A restore replays what was written since one."""
    keep_s: Seconds = Field(default=604_800.0, alias="keep")
    """How far back every moment can be restored."""
    wal_limit_mib: MemoryMiB = Field(default=1024, ge=64, alias="wal_limit")
    """How much write-ahead log each server keeps while nobody fetches it, and how much waits to be stored away while no
    destination takes it. What is beyond is lost to restores, so that the disk is not: a new base backup begins anew."""
    alert_after_s: Seconds = Field(default=600.0, alias="alert_after")
    """Seconds of writes that are not stored away from which ``slipway status`` and the metrics say that it is time to
    act."""


def _switch(value: object) -> object:
    """Read ``true`` as all defaults and ``false`` as nothing."""
    return {} if value is True else None if value is False else value


class Backups(Model):
    """Backups of every store of the platform, each restored to prove it."""

    schedule: Cron = "0 2 * * *"
    """When, as five fields of cron; ``off`` for only when asked."""
    timezone: Annotated[str, BeforeValidator(parse_timezone, json_schema_input_type=str)] = "UTC"
    """Time zone of the schedules, such as ``Europe/Berlin``."""
    keep: BackupKeep = BackupKeep()
    """Which backups stay."""
    destinations: dict[Name, BackupDestination] = {"local": BackupDestination()}
    """Where they are kept: each backup in all of them."""
    passphrase: SecretName | None = None
    """Declared secret with which they are encrypted. Default: a generated one, protected; ``slipway backup key`` writes
    it out, to be kept elsewhere."""
    exclude: list[str] = []
    """Names of databases, caches and volumes that are left out. Default: all that keep data are backed up, also the
    databases that others run (``external``)."""
    pause: list[str] = []
    """Names of volumes whose files must agree with each other: all that writes one stands still while it is archived,
    and requests wait meanwhile. One container more comes with it, which has Docker's socket. Default: none; volumes are
    archived live."""
    pause_limit_s: Seconds = Field(default=60.0, ge=1, alias="pause_limit")
    """For how long services are paused at most; a volume that takes longer fails the backup. The default is how long a
    route waits for its service."""
    docker_socket: AbsolutePath = "/var/run/docker.sock"
    """Where Docker's socket lies on its host, for ``pause``; elsewhere with Docker that runs without root."""
    before_deploy: bool | None = None
    """Whether ``slipway up`` makes one before it changes a store. Default: the platform's ``protect_data``."""
    verify: bool = True
    """Whether each backup is fetched back and restored into a server of its own, and compared."""
    read_all: Cron = "0 4 * * 0"
    """When all that is stored anywhere is read, to find damage; ``off`` for never."""
    point_in_time: Annotated[
        PointInTime | None, BeforeValidator(_switch, json_schema_input_type=PointInTime | bool | None)
    ] = None
    """Whether every database that is backed up is restorable to any moment, too: ``true``, or how. Default: to the
    moments of the backups."""
    alert_after_s: Seconds = Field(default=93_600.0, alias="alert_after")
    """Age of the newest verified backup from which ``slipway status`` and the metrics say that it is time to act."""
    webhook: BackupWebhook | None = None
    """Who is told of the end of each. Default: nobody."""
    metrics: bool = True
    """Whether the platform's monitoring is told where its metrics are."""
    networks: list[Name] | None = None
    """Networks to join. Default: one that each store is on, and with an S3 store, a webhook or an external database
    the first that is not internal."""
    memory_mib: MemoryMiB = Field(default=512, alias="memory")
    """Memory limit; a database is restored within it."""
    cpus: Cpus = 1.0
    """CPU limit."""
    image: str | None = None
    """Image reference. Default: the catalogue's."""
    container_name: str | None = None
    """A fixed container name. Default: generated."""
    volume_name: str | None = None
    """Name of the volume of the local destination on the host. Default: ``<project>-<stack>-backups-data``."""
    work_volume_name: str | None = None
    """Name of the volume in which backups are made and restored. Default: ``<project>-<stack>-backups-work``."""

    @property
    def publish(self) -> list[Publish]:
        """Ports of the host: none."""
        return []

    @property
    def goes_out(self) -> bool:
        """Whether it talks to somebody who is not a store of the platform."""
        return self.webhook is not None or any(
            destination.kind is BackupKind.S3 for destination in self.destinations.values()
        )

    def secrets(self) -> dict[tuple[Any, ...], str]:
        """Return the declared secrets that it uses, by the place at which each is named."""
        named: dict[tuple[Any, ...], str | None] = {("passphrase",): self.passphrase}
        for name, destination in self.destinations.items():
            named["destinations", name, "access_key"] = destination.access_key
            named["destinations", name, "secret_key"] = destination.secret_key
        if self.webhook is not None:
            named["webhook", "url"] = self.webhook.url
        return {place: name for place, name in named.items() if name is not None}
