"""For every alert: figures that make it fire, what a person then reads, and figures that must not."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Final

from components.prometheus import RULES, Limits, Rule, Timing, Watched, rules_file

Series = dict[str, str]
_CONTAINER: Final = {"part": "api", "kind": "service", "replica": "0", "container": "0123456789ab"}
_AT: Final = "9m"
"""When it is looked: beyond every window and hold of the defaults."""
_STEP: Final = "15s"
EVERYTHING: Final = Watched(
    gateway=True, databases=True, caches=True, host=True, backups=True, certificates=True, alertmanager=True,
    workloads=["api", "runner"],
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Case:
    """One alert; values are written as promtool reads them, one every 15 seconds."""

    fault: Series
    """Series that make it fire."""
    summary: str
    """What a person reads."""
    labels: dict[str, str] = field(default_factory=dict)
    """Labels of the alert, beside its severity and group."""
    well: Series
    """The nearest series that must not."""


def _of(name: str, **labels: str) -> str:
    return f"{name}{{{','.join(f'{key}={json.dumps(value)}' for key, value in labels.items())}}}"


def _container(name: str) -> str:
    return _of(f"slipway_container_{name}", **_CONTAINER)


def _requests(status: str) -> str:
    return _of("slipway_gateway_requests_total", part="api", status=status)


def _bucket(edge: str) -> str:
    return _of("slipway_gateway_request_seconds_bucket", part="api", le=edge)


def _disk(what: str, fstype: str) -> str:
    return _of(f"node_filesystem_{what}_bytes", device="/dev/sda", fstype=fstype, mountpoint="/")


_UP: Final = {"job": "api", "part": "api", "kind": "service", "instance": "10.0.0.2:8000"}
_QUEUE: Final = {"part": "api", "queue": "jobs"}
_MODEL: Final = {"part": "api", "model": "small"}

CASES: Final[dict[str, Case]] = {
    "ServiceErrors": Case(
        fault={_requests("200"): "0+90x60", _requests("500"): "0+10x60"},
        labels={"part": "api"},
        summary="10% of the answers of api are errors (5xx)",
        well={_requests("200"): "0+99x60", _requests("500"): "0+1x60"},
    ),
    "ServiceSlow": Case(
        fault={_bucket("1"): "0+10x60", _bucket("5"): "0+100x60", _bucket("+Inf"): "0+100x60"},
        labels={"part": "api"},
        summary="5 of 100 answers of api take longer than 4.778s",
        well={_bucket("1"): "0+99x60", _bucket("5"): "0+100x60", _bucket("+Inf"): "0+100x60"},
    ),
    "ServiceDown": Case(
        fault={_container("running"): "0x60"},
        labels={"part": "api"},
        summary="no container of api runs",
        well={_container("running"): "0x60", _of("slipway_container_running", **_CONTAINER | {"replica": "1"}): "1x60"},
    ),
    "MetricsDown": Case(
        fault={_of("up", **_UP): "0x60"},
        labels=_UP,
        summary="the metrics of api at 10.0.0.2:8000 can't be read",
        well={_of("up", **_UP): "1x30 0x3 1x60"},
    ),
    "MetricsMissing": Case(
        fault={_of("up", part="runner"): "1x60", _of("up", **_UP): "0x60"},
        labels={"part": "api"},
        summary="no container of api has metrics that can be read",
        well={
            _of("up", part="runner"): "1x60",
            _of("up", **_UP): "0x60",
            _of("up", **_UP | {"instance": "10.0.0.3:8000"}): "1x60",
        },
    ),
    "ContainerDown": Case(
        fault={_container("running"): "1x10 0x60"},
        labels=_CONTAINER,
        summary="api-0 does not run",
        well={_container("running"): "1x30 0x3 1x60"},
    ),
    "ContainerRestarts": Case(
        fault={_container("start_time_seconds"): "100x30 200 300 400x60"},
        labels=_CONTAINER,
        summary="api-0 has started again 3 times",
        well={_container("start_time_seconds"): "100x30 200 300x60"},
    ),
    "UnexpectedRestart": Case(
        fault={_container("start_time_seconds"): "100x30 200x60"},
        labels=_CONTAINER,
        summary="api-0 has started again, and no deployment asked for it",
        # A deployment's container is another one, with a series of its own.
        well={
            _container("start_time_seconds"): "100x30 stale",
            _of("slipway_container_start_time_seconds", **_CONTAINER | {"container": "new"}): "_x30 200x60",
        },
    ),
    "ContainerCpuHigh": Case(
        fault={_container("cpu_seconds_total"): "0+14.25x60", _container("cpu_limit_cpus"): "1x60"},
        labels=_CONTAINER,
        summary="api-0 uses 95% of its CPU limit",
        well={_container("cpu_seconds_total"): "0+14.25x60", _container("cpu_limit_cpus"): "2x60"},
    ),
    "ContainerMemoryHigh": Case(
        fault={_container("memory_bytes"): "95x60", _container("memory_limit_bytes"): "100x60"},
        labels=_CONTAINER,
        summary="api-0 uses 95% of its memory limit",
        well={_container("memory_bytes"): "89x60", _container("memory_limit_bytes"): "100x60"},
    ),
    "HostCpuHigh": Case(
        fault={
            _of("node_cpu_seconds_total", cpu="0", mode="idle"): "0+0.75x60",
            _of("node_cpu_seconds_total", cpu="1", mode="idle"): "0+0.75x60",
            _of("node_cpu_seconds_total", cpu="0", mode="user"): "0+14x60",
        },
        summary="the host's CPUs are 95% busy",
        well={
            _of("node_cpu_seconds_total", cpu="0", mode="idle"): "0+0.75x60",
            _of("node_cpu_seconds_total", cpu="1", mode="iowait"): "0+9x60",
        },
    ),
    "HostMemoryHigh": Case(
        fault={"node_memory_MemAvailable_bytes": "5x60", "node_memory_MemTotal_bytes": "100x60"},
        summary="95% of the host's memory is used",
        well={"node_memory_MemAvailable_bytes": "11x60", "node_memory_MemTotal_bytes": "100x60"},
    ),
    "DatabaseDown": Case(
        fault={_of("pg_up", part="main"): "0x60"},
        labels={"part": "main"},
        summary="the database main does not answer",
        well={_of("pg_up", part="main"): "1x60", _of("up", part="api", kind="service"): "0x60"},
    ),
    "DatabaseConnections": Case(
        fault={
            _of("pg_stat_activity_count", part="main", state="active"): "50x60",
            _of("pg_stat_activity_count", part="main", state="idle"): "40x60",
            _of("pg_settings_max_connections", part="main"): "100x60",
        },
        labels={"part": "main"},
        summary="90% of the connections of main are taken",
        well={
            _of("pg_stat_activity_count", part="main", state="idle"): "80x60",
            _of("pg_settings_max_connections", part="main"): "100x60",
        },
    ),
    "CacheDown": Case(
        fault={_of("redis_up", part="queue"): "0x60"},
        labels={"part": "queue"},
        summary="the cache queue does not answer",
        well={_of("redis_up", part="queue"): "1x60"},
    ),
    "CacheMemoryHigh": Case(
        fault={
            _of("redis_memory_used_bytes", part="queue"): "95x60",
            _of("redis_memory_max_bytes", part="queue"): "100x60",
        },
        labels={"part": "queue"},
        summary="queue uses 95% of its room for data",
        # Nought means that Redis has no limit.
        well={
            _of("redis_memory_used_bytes", part="queue"): "95x60",
            _of("redis_memory_max_bytes", part="queue"): "0x60",
        },
    ),
    "QueueOld": Case(
        fault={_of("agent_queue_oldest_seconds", **_QUEUE): "400x60"},
        labels=_QUEUE,
        summary="an entry of the queue jobs has waited for 6m 40s",
        well={_of("agent_queue_oldest_seconds", **_QUEUE): "300x60"},
    ),
    "QueueDeep": Case(
        fault={_of("agent_queue_depth", **_QUEUE): "1500x60"},
        labels=_QUEUE,
        summary="1500 entries wait in the queue jobs",
        well={_of("agent_queue_depth", **_QUEUE): "1000x60"},
    ),
    "JobsFail": Case(
        fault={_of("agent_jobs_failed_total", part="api", kind="chat"): "0+1x60"},
        labels={"part": "api", "kind": "chat"},
        summary="20 jobs of kind chat have failed",
        well={_of("agent_jobs_failed_total", part="api", kind="chat"): "7x60"},
    ),
    "TokensShort": Case(
        fault={_of("agent_tokens_used", **_MODEL): "95x60", _of("agent_tokens_limit", **_MODEL): "100x60"},
        labels=_MODEL,
        summary="95% of the tokens for small are used",
        well={_of("agent_tokens_used", **_MODEL): "90x60", _of("agent_tokens_limit", **_MODEL): "100x60"},
    ),
    "RateLimited": Case(
        fault={_of("agent_rate_limited_total", part="api", provider="acme"): "0x30 1x60"},
        labels={"part": "api", "provider": "acme"},
        summary="acme has refused requests of api (429)",
        well={_of("agent_rate_limited_total", part="api", provider="acme"): "1x60"},
    ),
    "AccessRefused": Case(
        fault={_requests("401"): "0+10x60", _requests("403"): "0+5x60"},
        labels={"part": "api"},
        summary="60 requests a minute to api are refused (401, 403)",
        well={_requests("401"): "0+5x60", _requests("404"): "0+99x60"},
    ),
    "CertificateExpires": Case(
        fault={_of("slipway_gateway_certificate_expiry_timestamp_seconds", host="a.example.org"): "86400x60"},
        labels={"host": "a.example.org"},
        summary="the certificate of a.example.org ends in 23h 51m 0s",
        well={_of("slipway_gateway_certificate_expiry_timestamp_seconds", host="a.example.org"): "1300000x60"},
    ),
    "BackupMissing": Case(
        fault={
            _of("slipway_backup_last_verified_timestamp_seconds", part="backups"): "0x60",
            _of("slipway_backup_alert_after_seconds", part="backups"): "300x60",
        },
        labels={"part": "backups"},
        summary="the last verified backup is 9m 0s old",
        well={
            _of("slipway_backup_last_verified_timestamp_seconds", part="backups"): "400x60",
            _of("slipway_backup_alert_after_seconds", part="backups"): "300x60",
        },
    ),
    "WritesExposed": Case(
        fault={
            _of("slipway_backup_wal_exposure_seconds", part="backups", store="main"): "900x60",
            _of("slipway_backup_wal_alert_after_seconds", part="backups"): "600x60",
        },
        labels={"part": "backups", "store": "main"},
        summary="the last 15m 0s of writes to main are not stored away",
        well={
            _of("slipway_backup_wal_exposure_seconds", part="backups", store="main"): "599x60",
            _of("slipway_backup_wal_alert_after_seconds", part="backups"): "600x60",
        },
    ),
    "DiskShort": Case(
        fault={_disk("avail", "ext4"): "5x60", _disk("size", "ext4"): "100x60"},
        labels={"device": "/dev/sda"},
        summary="5% of the disk /dev/sda is free",
        well={
            _disk("avail", "ext4"): "11x60",
            _disk("size", "ext4"): "100x60",
            _disk("avail", "tmpfs"): "0x60",
            _disk("size", "tmpfs"): "100x60",
        },
    ),
    "NotificationsFail": Case(
        fault={_of("alertmanager_notifications_failed_total", integration="webhook"): "0+1x60"},
        labels={"integration": "webhook"},
        summary="alerts can't be told by webhook",
        well={_of("alertmanager_notifications_failed_total", integration="webhook"): "9x60"},
    ),
}
"""By alert."""


def promtool_files(limits: Limits | None = None) -> dict[str, str]:
    """Return what ``promtool test rules`` reads, from the same table as the rules that a platform gets.

    Two files an alert, ``<name>.test.yml`` with ``<name>.yml``: each test then evaluates one rule and not all of them.
    """
    every = [rule.name for rule in RULES]
    files: dict[str, str] = {}
    for rule in RULES:
        others = [name for name in every if name != rule.name]
        files[f"{rule.name}.yml"] = rules_file(EVERYTHING, limits or Limits(), Timing(), others)
        files[f"{rule.name}.test.yml"] = _tests(rule, CASES[rule.name])
    return files


def _tests(rule: Rule, case: Case) -> str:
    told = {
        "exp_labels": {**case.labels, "severity": rule.severity, "group": rule.group},
        "exp_annotations": {"summary": case.summary, "do": _filled(rule.do, case.labels)},
    }
    tests = [
        {
            "name": rule.name,
            "interval": _STEP,
            "input_series": [{"series": one, "values": values} for one, values in series.items()],
            "alert_rule_test": [{"eval_time": _AT, "alertname": rule.name, "exp_alerts": expected}],
        }
        for series, expected in ((case.fault, [told]), (case.well, []))
    ]
    return json.dumps({"rule_files": [f"{rule.name}.yml"], "evaluation_interval": _STEP, "tests": tests})


def _filled(text: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda match: labels.get(match[1], ""), text)
