"""Every alert: when it fires, how urgent it is, and what a person reads.

One table for the rules that Prometheus gets, for their tests and for the documentation. A rule is there where a
platform has what it is about. ``{window}`` and the limits stand in expressions as ``str.format`` fields.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from components.prometheus.config import Timing


@dataclass(frozen=True, kw_only=True)
class Limits:
    """From where on each thing is an alert; the description's ``monitoring.alerts``, in seconds and shares."""

    error_share: float = 0.05
    latency_s: float = 2.0
    cpu: float = 0.9
    memory: float = 0.9
    disk_free: float = 0.1
    connections: float = 0.8
    queue_age_s: float = 300.0
    queue_depth: int = 1000
    failed_jobs: int = 5
    token_share: float = 0.9
    refused: float = 30.0
    certificate_s: float = 1_209_600.0
    restarts: int = 3


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What there is to watch."""

    gateway: bool = False
    databases: bool = False
    caches: bool = False
    host: bool = False
    backups: bool = False
    certificates: bool = False
    alertmanager: bool = False
    workloads: Sequence[str] = ()
    """Workloads that have metrics, and run."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One alert."""

    name: str
    """Its name, as people are told it."""
    group: str
    """``application``, ``infrastructure``, ``agents``, ``security``, ``backups``, ``disk`` or ``monitoring``."""
    expr: str
    """When it holds, in PromQL."""
    summary: str
    """What is wrong, in a sentence; ``$labels`` and ``$value`` are Prometheus's."""
    do: str
    """What to look at first."""
    needs: str
    """The field of :class:`Watched` without which it is left out."""
    severity: str = "warning"
    """``warning`` or ``critical``."""
    at_once: bool = False
    """Whether it fires without having held for a while: what it counts has happened."""


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        name="ServiceErrors", group="application", severity="critical", needs="gateway",
        expr='sum by (part) (rate(slipway_gateway_requests_total{{status=~"5.."}}[{window}]))'
        " / sum by (part) (rate(slipway_gateway_requests_total[{window}])) > {error_share}",
        summary="{{ $value | humanizePercentage }} of the answers of {{ $labels.part }} are errors (5xx)",
        do="slipway logs {{ $labels.part }} --grep error; slipway releases",
    ),
    Rule(
        name="ServiceSlow", group="application", needs="gateway",
        expr="histogram_quantile(0.95, sum by (part, le) (rate(slipway_gateway_request_seconds_bucket[{window}])))"
        " > {latency_s}",
        summary="5 of 100 answers of {{ $labels.part }} take longer than {{ $value | humanizeDuration }}",
        do="the dashboard Services; slipway logs gateway --grep '\"seconds\"'",
    ),
    Rule(
        name="ServiceDown", group="application", severity="critical", needs="host",
        expr='sum by (part) (slipway_container_running{{kind=~"service|workers"}}) == 0',
        summary="no container of {{ $labels.part }} runs",
        do="slipway status; slipway logs {{ $labels.part }}",
    ),
    Rule(
        name="MetricsDown", group="application", needs="always",
        expr="up == 0",
        summary="the metrics of {{ $labels.part }} at {{ $labels.instance }} can't be read",
        do="slipway logs {{ $labels.job }}",
    ),
    Rule(
        name="MetricsMissing", group="application", needs="workloads",
        expr="{missing}",
        summary="no container of {{ $labels.part }} has metrics that can be read",
        do="slipway status",
    ),
    Rule(
        name="ContainerDown", group="infrastructure", severity="critical", needs="host",
        expr="slipway_container_running == 0",
        summary="{{ $labels.part }}-{{ $labels.replica }} does not run",
        do="slipway status; slipway logs {{ $labels.part }}; slipway restart {{ $labels.part }}",
    ),
    Rule(
        name="ContainerRestarts", group="infrastructure", severity="critical", needs="host", at_once=True,
        expr="changes(slipway_container_start_time_seconds[{window}]) >= {restarts}",
        summary="{{ $labels.part }}-{{ $labels.replica }} has started again {{ $value }} times",
        do="slipway logs {{ $labels.part }}: its last lines before each start",
    ),
    Rule(
        name="ContainerCpuHigh", group="infrastructure", needs="host",
        expr="rate(slipway_container_cpu_seconds_total[{window}]) / slipway_container_cpu_limit_cpus > {cpu}",
        summary="{{ $labels.part }}-{{ $labels.replica }} uses {{ $value | humanizePercentage }} of its CPU limit",
        do="raise cpus or replicas of {{ $labels.part }}",
    ),
    Rule(
        name="ContainerMemoryHigh", group="infrastructure", needs="host",
        expr="slipway_container_memory_bytes / slipway_container_memory_limit_bytes > {memory}",
        summary="{{ $labels.part }}-{{ $labels.replica }} uses {{ $value | humanizePercentage }} of its memory limit",
        do="raise memory of {{ $labels.part }}, before the kernel ends it",
    ),
    Rule(
        name="HostCpuHigh", group="infrastructure", needs="host",
        expr='1 - sum(rate(node_cpu_seconds_total{{mode=~"idle|iowait"}}[{window}]))'
        " / count(count by (cpu) (node_cpu_seconds_total)) > {cpu}",
        summary="the host's CPUs are {{ $value | humanizePercentage }} busy",
        do="the dashboard Host",
    ),
    Rule(
        name="HostMemoryHigh", group="infrastructure", severity="critical", needs="host",
        expr="1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes > {memory}",
        summary="{{ $value | humanizePercentage }} of the host's memory is used",
        do="the dashboard Containers: which one has grown",
    ),
    Rule(
        name="DatabaseDown", group="infrastructure", severity="critical", needs="databases",
        # Where its exporter does not answer in time either, that is what is known of it.
        expr='(pg_up or up{{kind="database"}}) == 0',
        summary="the database {{ $labels.part }} does not answer",
        do="slipway logs {{ $labels.part }}",
    ),
    Rule(
        name="DatabaseConnections", group="infrastructure", needs="databases",
        expr="sum by (part) (pg_stat_activity_count) / max by (part) (pg_settings_max_connections) > {connections}",
        summary="{{ $value | humanizePercentage }} of the connections of {{ $labels.part }} are taken",
        do="close connections that are idle, or raise settings.max_connections of {{ $labels.part }}",
    ),
    Rule(
        name="CacheDown", group="infrastructure", severity="critical", needs="caches",
        expr='(redis_up or up{{kind="cache"}}) == 0',
        summary="the cache {{ $labels.part }} does not answer",
        do="slipway logs {{ $labels.part }}",
    ),
    Rule(
        name="CacheMemoryHigh", group="infrastructure", needs="caches",
        expr="redis_memory_used_bytes / (redis_memory_max_bytes > 0) > {memory}",
        summary="{{ $labels.part }} uses {{ $value | humanizePercentage }} of its room for data",
        do="raise max_memory of {{ $labels.part }}: with noeviction it refuses writes when it is full",
    ),
    Rule(
        name="QueueOld", group="agents", needs="workloads",
        expr="max by (part, queue) (agent_queue_oldest_seconds) > {queue_age_s}",
        summary="an entry of the queue {{ $labels.queue }} has waited for {{ $value | humanizeDuration }}",
        do="slipway status: do the workers run; slipway scale",
    ),
    Rule(
        name="QueueDeep", group="agents", needs="workloads",
        expr="max by (part, queue) (agent_queue_depth) > {queue_depth}",
        summary="{{ $value }} entries wait in the queue {{ $labels.queue }}",
        do="slipway scale: more workers",
    ),
    Rule(
        name="JobsFail", group="agents", needs="workloads", at_once=True,
        expr="sum by (part, kind) (increase(agent_jobs_failed_total[{window}])) >= {failed_jobs}",
        summary="{{ $value | humanize }} jobs of kind {{ $labels.kind }} have failed",
        do="slipway logs --grep fail",
    ),
    Rule(
        name="TokensShort", group="agents", needs="workloads",
        expr="max by (part, model) (agent_tokens_used) / max by (part, model) (agent_tokens_limit) > {token_share}",
        summary="{{ $value | humanizePercentage }} of the tokens for {{ $labels.model }} are used",
        do="raise the limit, or lower what asks for them",
    ),
    Rule(
        name="RateLimited", group="agents", needs="workloads", at_once=True,
        expr="sum by (part, provider) (increase(agent_rate_limited_total[{window}])) > 0",
        summary="{{ $labels.provider }} has refused requests of {{ $labels.part }} (429)",
        do="fewer workers at a time, or a higher limit at {{ $labels.provider }}",
    ),
    Rule(
        name="AccessRefused", group="security", needs="gateway",
        expr='sum by (part) (rate(slipway_gateway_requests_total{{status=~"401|403"}}[{window}])) * 60 > {refused}',
        summary="{{ $value | humanize }} requests a minute to {{ $labels.part }} are refused (401, 403)",
        do="slipway logs gateway --grep '\"status\":40[13]': which addresses; deny them in the route",
    ),
    Rule(
        name="CertificateExpires", group="security", severity="critical", needs="certificates", at_once=True,
        expr="slipway_gateway_certificate_expiry_timestamp_seconds - time() < {certificate_s}",
        summary="the certificate of {{ $labels.host }} ends in {{ $value | humanizeDuration }}",
        do="slipway logs gateway-certificates; slipway config set for one of your own",
    ),
    Rule(
        name="UnexpectedRestart", group="security", needs="host", at_once=True,
        expr="changes(slipway_container_start_time_seconds[{window}]) > 0",
        summary="{{ $labels.part }}-{{ $labels.replica }} has started again, and no deployment asked for it",
        do="slipway logs {{ $labels.part }}; who was on the host",
    ),
    Rule(
        name="BackupMissing", group="backups", severity="critical", needs="backups", at_once=True,
        expr="time() - slipway_backup_last_verified_timestamp_seconds > slipway_backup_alert_after_seconds",
        summary="the last verified backup is {{ $value | humanizeDuration }} old",
        do="slipway logs backups; slipway backup run",
    ),
    Rule(
        name="WritesExposed", group="backups", severity="critical", needs="backups", at_once=True,
        expr="max by (part, store) (slipway_backup_wal_exposure_seconds)"
        " > on (part) group_left max by (part) (slipway_backup_wal_alert_after_seconds)",
        summary="the last {{ $value | humanizeDuration }} of writes to {{ $labels.store }} are not stored away",
        do="slipway status says why; slipway logs backups",
    ),
    Rule(
        name="DiskShort", group="disk", severity="critical", needs="host",
        expr='min by (device) (node_filesystem_avail_bytes{{fstype!~"tmpfs|ramfs|overlay|squashfs"}}'
        " / node_filesystem_size_bytes) < {disk_free}",
        summary="{{ $value | humanizePercentage }} of the disk {{ $labels.device }} is free",
        do="slipway data; docker system df",
    ),
    Rule(
        name="NotificationsFail", group="monitoring", needs="alertmanager", at_once=True,
        expr="sum by (integration) (increase(alertmanager_notifications_failed_total[{window}])) > 0",
        summary="alerts can't be told by {{ $labels.integration }}",
        do="slipway logs alertmanager",
    ),
)  # fmt: skip
"""In the order of the documentation."""


def rules_of(watched: Watched, off: Iterable[str] = ()) -> list[Rule]:
    """Return the rules for what there is, without those that are left out by name."""
    left_out = set(off)
    return [
        rule
        for rule in RULES
        if rule.name not in left_out and (rule.needs == "always" or bool(getattr(watched, rule.needs)))
    ]


def expression(rule: Rule, watched: Watched, limits: Limits, timing: Timing) -> str:
    """Return a rule's condition with everything filled in."""
    # Only of a plain selector does ``absent`` know the labels.
    silent = f'sum by (part) (up{{part=~"{"|".join(watched.workloads)}"}}) == 0'
    missing = " or ".join([silent, *(f'absent(up{{part="{part}"}})' for part in watched.workloads)])
    values: Mapping[str, Any] = {name: f"{value:g}" for name, value in asdict(limits).items()}
    return rule.expr.format(**values, window=timing.window, missing=missing)


def rules_file(watched: Watched, limits: Limits, timing: Timing, off: Iterable[str] = ()) -> str:
    """Return the text of the file of rules. JSON is YAML, and nothing in it needs quoting rules of its own."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for rule in rules_of(watched, off):
        groups.setdefault(rule.group, []).append(
            {
                "alert": rule.name,
                "expr": expression(rule, watched, limits, timing),
                "for": "0s" if rule.at_once else timing.hold,
                "labels": {"severity": rule.severity, "group": rule.group},
                "annotations": {"summary": rule.summary, "do": rule.do},
            }
        )
    content = {"groups": [{"name": name, "rules": rules} for name, rules in groups.items()]}
    return json.dumps(content, indent=1) + "\n"
