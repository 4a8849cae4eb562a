"""Monitoring: what watches the platform, derived from everything else that the description says."""
# ruff: noqa: RUF012, TC001 - pydantic copies mutable defaults, and needs the names of annotations when it runs

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from settings.model.base import Model, Name, SecretName
from settings.model.ports import Publish, publish_form
from settings.model.text import PlainText
from settings.units import Cpus, MemoryMiB, Seconds

PROMETHEUS_PORT: Final = 9090
ALERTMANAGER_PORT: Final = 9093
GRAFANA_PORT: Final = 3000
GRAFANA_IMAGE: Final = "grafana/grafana:11.6.0@sha256:62d2b9d20a19714ebfe48d1bb405086081bc602aa053e28cf6d73c7537640dfb"
"""Debian has no Grafana, so that the catalogue has no second family for it."""
_MINUTE: Final = 60.0
_DAY: Final = 86_400.0


def _publish(port: int) -> BeforeValidator:
    return BeforeValidator(lambda value: publish_form(value, port), json_schema_input_type=Publish | str | int)


class Severity(StrEnum):
    """How soon somebody has to look at an alert."""

    WARNING = "warning"
    CRITICAL = "critical"


class Email(Model):
    """Where alerts are mailed to."""

    to: str = Field(pattern=r"^[^\s@]+@[^\s@]+$")
    """Who gets them."""
    sender: str = Field(alias="from", pattern=r"^[^\s@]+@[^\s@]+$")
    """Who they come from."""
    server: str = Field(pattern=r"^[\w.-]+:\d+$")
    """``host:port`` of the mail server."""
    user: str | None = None
    """Name to log in with. Default: no login."""
    password: SecretName | None = None
    """The declared secret with its password."""
    tls: bool = True
    """Whether the server must speak TLS."""


class Receiver(Model):
    """Who is told of alerts, in exactly one of three ways: ``webhook``, ``slack``, ``email``."""

    webhook: SecretName | None = None
    """The declared secret with the address that gets each alert as JSON (Alertmanager's webhook format)."""
    slack: SecretName | None = None
    """The declared secret with the address of a Slack incoming webhook."""
    channel: str | None = None
    """Slack's channel. Default: the webhook's own."""
    email: Email | None = None
    """A mail."""
    severities: list[Severity] = [Severity.WARNING, Severity.CRITICAL]
    """Which alerts."""
    repeat_s: Seconds = Field(default=14_400.0, alias="repeat", ge=1)
    """When an alert that goes on is told again."""


class Alerts(Model):
    """From where on each thing is an alert. What each alert means: docs/monitoring.md."""

    error_share: float = Field(default=0.05, gt=0, le=1)
    """Answers with 5xx among a service's answers at the gateway."""
    latency_s: Seconds = Field(default=2.0, alias="latency", gt=0)
    """Time within which 95 of 100 of a service's answers are there."""
    cpu: float = Field(default=0.9, gt=0, le=1)
    """Share of the host's CPUs, and of a container's limit."""
    memory: float = Field(default=0.9, gt=0, le=1)
    """Share of the host's memory, of a container's limit, and of a cache's room for data."""
    disk_free: float = Field(default=0.1, gt=0, le=1)
    """Share of a disk that must be free."""
    connections: float = Field(default=0.8, gt=0, le=1)
    """Share of a database's connections."""
    queue_age_s: Seconds = Field(default=5 * _MINUTE, alias="queue_age", gt=0)
    """Age of the oldest entry of a queue."""
    queue_depth: int = Field(default=1000, ge=1)
    """Entries of a queue."""
    failed_jobs: int = Field(default=5, ge=1)
    """Failed jobs within ``window``."""
    token_share: float = Field(default=0.9, gt=0, le=1)
    """Share of a model's limit of tokens."""
    refused: float = Field(default=30.0, gt=0)
    """Answers with 401 or 403 a minute, of one service."""
    certificate_s: Seconds = Field(default=14 * _DAY, alias="certificate", gt=0)
    """Time that a certificate must still be good for."""
    restarts: int = Field(default=3, ge=1)
    """Restarts of one container within ``window``."""
    off: list[Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]+$")]] = []
    """Alerts that are left out, by name."""


class _Server(Model):
    """What Alertmanager and Grafana have in common."""

    image: str | None = None
    """Image reference. Default: the catalogue's."""
    memory_mib: MemoryMiB = Field(default=64, alias="memory")
    """Memory limit."""
    cpus: Cpus = 0.5
    """CPU limit."""
    volume_name: str | None = None
    """A fixed name of its volume on the host. Default: ``<project>-<stack>-<part>-data``."""


class Alertmanager(_Server):
    """What tells people; it runs where there is a receiver."""

    publish: Annotated[Publish | None, _publish(ALERTMANAGER_PORT)] = None
    """Port of the host's loopback, such as ``127.0.0.1:9093``. Default: none."""


class Grafana(_Server):
    """Dashboards in a browser."""

    publish: Annotated[Publish | None, _publish(GRAFANA_PORT)] = None
    """Port of the host's loopback, such as ``127.0.0.1:3000``. Default: none."""
    memory_mib: MemoryMiB = Field(default=256, alias="memory")
    """Memory limit."""
    cpus: Cpus = 1.0
    """CPU limit."""
    password: SecretName | None = None
    """The declared secret with the password of ``admin``. Default: a generated one."""
    env: dict[Annotated[str, Field(pattern=r"^GF_[A-Z0-9_]+$")], PlainText] = {}
    """Further settings, as Grafana's environment variables."""


class Monitoring(Model):
    """Prometheus, alerts, dashboards and exporters, for all that the platform declares."""

    enabled: bool | None = None
    """Whether it runs. Default: the platform's ``protect_data``, so in production and not in development."""
    publish: Annotated[Publish | None, _publish(PROMETHEUS_PORT)] = None
    """Port of the host's loopback that leads to Prometheus, such as ``127.0.0.1:9090``. Default: none."""
    interval_s: Seconds = Field(default=15.0, alias="interval", ge=1)
    """Time between two readings of the metrics, and of the alerts' conditions."""
    hold_s: Seconds = Field(default=2 * _MINUTE, alias="hold", ge=0)
    """How long a condition lasts before its alert is told."""
    window_s: Seconds = Field(default=5 * _MINUTE, alias="window", ge=4)
    """Time over which rates are taken; at least four intervals."""
    retention_s: Seconds = Field(default=15 * _DAY, alias="retention", ge=3600)
    """How long metrics are kept."""
    retention_size_mib: MemoryMiB = Field(default=1024, alias="retention_size")
    """Most room that they take on the disk."""
    host: bool = True
    """Whether figures of the host and of containers are read, through read-only mounts of the host's files."""
    alerts: Alerts = Alerts()
    """From where on each thing is an alert."""
    receivers: dict[Name, Receiver] = {}
    """Who is told of alerts. Default: nobody; Prometheus shows them."""
    alertmanager: Alertmanager = Alertmanager()
    """What tells them."""
    grafana: Grafana | None = None
    """Dashboards. Default: none."""
    image: str | None = None
    """Image reference of Prometheus. Default: the catalogue's."""
    exporters_image: str | None = None
    """Image reference of the exporters. Default: the catalogue's."""
    networks: list[Name] | None = None
    """Networks of Prometheus. Default: the first internal one, one of each part that it reads, and with ``publish`` the
    first that is not internal."""
    memory_mib: MemoryMiB = Field(default=512, alias="memory")
    """Memory limit of Prometheus."""
    cpus: Cpus = 1.0
    """CPU limit of Prometheus."""
    protect: bool | None = None
    """Whether an operation that would delete its data is refused. Default: the platform's ``protect_data``."""
    volume_name: str | None = None
    """A fixed name of its data volume on the host. Default: ``<project>-<stack>-prometheus-data``."""
