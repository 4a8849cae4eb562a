"""What each dashboard shows: the questions that a person asks, and the query that answers each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One answer."""

    title: str
    """The question, in a few words."""
    query: str
    """In PromQL."""
    legend: str = "{{part}}"
    """How each line is called."""
    unit: str = "short"
    """Grafana's unit."""
    number: bool = False
    """Whether one number is the answer, and not its course."""
    red_from: float | None = None
    """From where on the number is red."""
    top: float | None = None
    """The highest value that can be."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """A dashboard."""

    name: str
    """Its file, and its address in Grafana."""
    title: str
    """Its title."""
    about: str
    """What it is for."""
    panels: tuple[Panel, ...]
    """In reading order: numbers first."""


_RATE: Final = "[$__rate_interval]"
_ERRORS: Final = f'sum by (part) (rate(slipway_gateway_requests_total{{status=~"5.."}}{_RATE}))'
_REQUESTS: Final = f"sum by (part) (rate(slipway_gateway_requests_total{_RATE}))"
_BUCKETS: Final = f"sum by (part, le) (rate(slipway_gateway_request_seconds_bucket{_RATE}))"
_DISKS: Final = 'fstype!~"tmpfs|ramfs|overlay|squashfs"'
_IDLE: Final = f'sum(rate(node_cpu_seconds_total{{mode=~"idle|iowait"}}{_RATE}))'
_CPU_BUSY: Final = f"1 - {_IDLE} / count(count by (cpu) (node_cpu_seconds_total))"
_MEMORY: Final = "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes"
_CONTAINER: Final = "{{part}}-{{replica}}"

OVERVIEW: Final = Board(
    name="overview",
    title="Overview",
    about="Is it well, who notices if not, and is there room left. Look here first.",
    panels=(
        Panel(
            title="Alerts that fire", query='count(ALERTS{alertstate="firing"}) or vector(0)', number=True, red_from=1
        ),
        Panel(
            title="Containers that do not run", number=True, red_from=1,
            query="count(slipway_container_running == 0) or vector(0)",
        ),
        Panel(
            title="Errors", unit="percentunit", number=True, red_from=0.05,
            query=f"sum({_ERRORS}) / sum({_REQUESTS}) or vector(0)",
        ),
        Panel(title="Requests a second", unit="reqps", number=True, query=f"sum({_REQUESTS}) or vector(0)"),
        Panel(title="Memory", unit="percentunit", number=True, red_from=0.9, query=_MEMORY),
        Panel(
            title="Disk that is free", unit="percentunit", number=True,
            query=f"min(node_filesystem_avail_bytes{{{_DISKS}}} / node_filesystem_size_bytes)",
        ),
        Panel(title="Requests", unit="reqps", query=_REQUESTS),
        Panel(title="95 of 100 answers within", unit="s", query=f"histogram_quantile(0.95, {_BUCKETS})"),
        Panel(title="Errors by service", unit="percentunit", query=f"{_ERRORS} / {_REQUESTS}"),
        Panel(title="Alerts", query='sum by (alertname) (ALERTS{alertstate="firing"})', legend="{{alertname}}"),
    ),
)  # fmt: skip

SERVICES: Final = Board(
    name="services",
    title="Services",
    about="What the gateway answers, by service.",
    panels=(
        Panel(title="Requests", unit="reqps", query=_REQUESTS),
        Panel(
            title="Answers by status", unit="reqps", legend="{{part}} {{status}}",
            query=f"sum by (part, status) (rate(slipway_gateway_requests_total{_RATE}))",
        ),
        Panel(title="Half of the answers within", unit="s", query=f"histogram_quantile(0.5, {_BUCKETS})"),
        Panel(title="95 of 100 answers within", unit="s", query=f"histogram_quantile(0.95, {_BUCKETS})"),
        Panel(
            title="Refused (401, 403) a minute", legend="{{part}}",
            query=f'sum by (part) (rate(slipway_gateway_requests_total{{status=~"401|403"}}{_RATE})) * 60',
        ),
        Panel(title="Open connections", query="nginx_connections_active", legend="nginx"),
        Panel(
            title="Certificates end in", unit="s", legend="{{host}}",
            query="slipway_gateway_certificate_expiry_timestamp_seconds - time()",
        ),
    ),
)  # fmt: skip

DATABASES: Final = Board(
    name="databases",
    title="Databases",
    about="PostgreSQL.",
    panels=(
        Panel(title="Answers", query="pg_up"),
        Panel(
            title="Connections taken", unit="percentunit", top=1.0,
            query="sum by (part) (pg_stat_activity_count) / max by (part) (pg_settings_max_connections)",
        ),
        Panel(
            title="Transactions", unit="ops", legend="{{part}} {{datname}}",
            query=f"rate(pg_stat_database_xact_commit{_RATE}) + rate(pg_stat_database_xact_rollback{_RATE})",
        ),
        Panel(title="Size", unit="bytes", query="pg_database_size_bytes", legend="{{part}} {{datname}}"),
        Panel(
            title="Read from memory", unit="percentunit", top=1.0, legend="{{part}} {{datname}}",
            query=f"rate(pg_stat_database_blks_hit{_RATE})"
            f" / (rate(pg_stat_database_blks_hit{_RATE}) + rate(pg_stat_database_blks_read{_RATE}))",
        ),
        Panel(title="Deadlocks", query=f"sum by (part) (increase(pg_stat_database_deadlocks{_RATE}))"),
    ),
)  # fmt: skip

CACHES: Final = Board(
    name="caches",
    title="Caches",
    about="Redis.",
    panels=(
        Panel(title="Answers", query="redis_up"),
        Panel(
            title="Room for data taken", unit="percentunit", top=1.0,
            query="redis_memory_used_bytes / (redis_memory_max_bytes > 0)",
        ),
        Panel(title="Commands", unit="ops", query=f"rate(redis_commands_processed_total{_RATE})"),
        Panel(title="Clients", query="redis_connected_clients"),
        Panel(title="Keys", query="redis_db_keys", legend="{{part}} {{db}}"),
        Panel(title="Keys removed for room", query=f"rate(redis_evicted_keys_total{_RATE})"),
    ),
)  # fmt: skip

AGENTS: Final = Board(
    name="agents",
    title="Agents",
    about="Queues, jobs and what models cost, as far as services say so (docs/monitoring.md).",
    panels=(
        Panel(title="Entries that wait", legend="{{queue}}", query="max by (queue) (agent_queue_depth)"),
        Panel(
            title="The oldest has waited for", unit="s", legend="{{queue}}",
            query="max by (queue) (agent_queue_oldest_seconds)",
        ),
        Panel(
            title="Failed jobs", legend="{{part}} {{kind}}",
            query=f"sum by (part, kind) (increase(agent_jobs_failed_total{_RATE}))",
        ),
        Panel(
            title="Tokens used", unit="percentunit", top=1.0, legend="{{model}}",
            query="max by (model) (agent_tokens_used) / max by (model) (agent_tokens_limit)",
        ),
        Panel(
            title="Refused by providers (429)", legend="{{provider}}",
            query=f"sum by (provider) (increase(agent_rate_limited_total{_RATE}))",
        ),
    ),
)  # fmt: skip

HOST: Final = Board(
    name="host",
    title="Host and containers",
    about="What the machine has, and which container uses it.",
    panels=(
        Panel(title="CPUs", unit="percentunit", number=True, red_from=0.9, query=_CPU_BUSY, legend=""),
        Panel(title="Memory", unit="percentunit", number=True, red_from=0.9, query=_MEMORY, legend=""),
        Panel(title="Load", number=True, query="node_load1", legend=""),
        Panel(
            title="CPU of containers", unit="percentunit", legend=_CONTAINER,
            query=f"rate(slipway_container_cpu_seconds_total{_RATE})",
        ),
        Panel(
            title="Memory of containers", unit="bytes", legend=_CONTAINER, query="slipway_container_memory_bytes"
        ),
        Panel(
            title="Share of the memory limit", unit="percentunit", legend=_CONTAINER, top=1.0,
            query="slipway_container_memory_bytes / slipway_container_memory_limit_bytes",
        ),
        Panel(
            title="Held back by the CPU limit", unit="percentunit", legend=_CONTAINER,
            query=f"rate(slipway_container_cpu_throttled_seconds_total{_RATE})",
        ),
        Panel(
            title="Network of containers", unit="Bps", legend=_CONTAINER,
            query=f"rate(slipway_container_network_receive_bytes_total{_RATE})"
            f" + rate(slipway_container_network_transmit_bytes_total{_RATE})",
        ),
        Panel(
            title="Network of the host", unit="Bps", legend="{{device}}",
            query=f"rate(slipway_host_network_receive_bytes_total{_RATE})"
            f" + rate(slipway_host_network_transmit_bytes_total{_RATE})",
        ),
        Panel(
            title="Disks that are free", unit="percentunit", legend="{{mountpoint}}", top=1.0,
            query=f"node_filesystem_avail_bytes{{{_DISKS}}} / node_filesystem_size_bytes",
        ),
        Panel(
            title="Disk traffic", unit="Bps", legend="{{device}}",
            query=f"rate(node_disk_read_bytes_total{_RATE}) + rate(node_disk_written_bytes_total{_RATE})",
        ),
    ),
)  # fmt: skip

BOARDS: Final = (OVERVIEW, SERVICES, DATABASES, CACHES, AGENTS, HOST)
"""All of them."""
