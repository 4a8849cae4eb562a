"""The text of prometheus.yml: what is read, how often, and who is told of alerts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How often metrics are read, and how long a condition lasts."""

    interval_s: float = 15.0
    """Between two readings."""
    hold_s: float = 120.0
    """Before an alert fires."""
    window_s: float = 300.0
    """Over which rates are taken."""

    @property
    def interval(self) -> str:
        """As Prometheus writes it."""
        return duration(self.interval_s)

    @property
    def hold(self) -> str:
        """As Prometheus writes it."""
        return duration(self.hold_s)

    @property
    def window(self) -> str:
        """As Prometheus writes it."""
        return duration(self.window_s)


@dataclass(frozen=True, kw_only=True)
class Scrape:
    """Something that has metrics."""

    part: str
    """The part of the platform that they are about."""
    host: str
    """Its name on the networks; several containers may share it."""
    port: int
    """Its port."""
    path: str = "/metrics"
    """Path of the page."""
    kind: str = "exporter"
    """Kind of the part, a label."""
    job: str | None = None
    """Name of the job, a label. Default: the host."""
    replicas: bool = False
    """Whether each address behind the name is read; else the name itself."""
    own_labels: bool = False
    """Whether the page says itself what it is about."""


def prometheus_config(scrapes: Iterable[Scrape], timing: Timing, rules: str, alertmanager: str | None) -> str:
    """Return the text of the configuration; JSON is YAML.

    Args:
        scrapes: What is read.
        timing: How often.
        rules: Path of the file of rules.
        alertmanager: Address of Alertmanager, with its path if it has one. Default: there is none.
    """
    content: dict[str, Any] = {
        "global": {
            "scrape_interval": timing.interval,
            "scrape_timeout": duration(min(10.0, timing.interval_s)),
            "evaluation_interval": timing.interval,
        },
        "rule_files": [rules],
        "scrape_configs": [_job(scrape, timing) for scrape in scrapes],
    }
    if alertmanager is not None:
        host, _, path = alertmanager.partition("/")
        told: dict[str, Any] = {"static_configs": [{"targets": [host]}]}
        if path:
            told["path_prefix"] = f"/{path}"
        content["alerting"] = {"alertmanagers": [told]}
    return json.dumps(content, indent=1) + "\n"


def duration(seconds: float) -> str:
    """Write a time in whole milliseconds, or seconds, as Prometheus reads it."""
    milliseconds = round(seconds * 1000)
    if milliseconds and milliseconds % _HOUR_MS == 0:
        return f"{milliseconds // _HOUR_MS}h"
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def _job(scrape: Scrape, timing: Timing) -> dict[str, Any]:
    labels = {"part": scrape.part, "kind": scrape.kind}
    job: dict[str, Any] = {
        "job_name": scrape.job or scrape.host,
        "metrics_path": scrape.path,
        "honor_labels": scrape.own_labels,
    }
    if scrape.replicas:
        # Docker answers with the address of each container of that name, so that scaling needs no new configuration.
        job["dns_sd_configs"] = [
            {"names": [scrape.host], "type": "A", "port": scrape.port, "refresh_interval": timing.interval}
        ]
        job["relabel_configs"] = [{"target_label": name, "replacement": value} for name, value in labels.items()]
    else:
        job["static_configs"] = [{"targets": [f"{scrape.host}:{scrape.port}"], "labels": labels}]
    return job
