"""The texts that Prometheus and Alertmanager read."""

from __future__ import annotations

import json
import re

import pytest

from components.prometheus import (
    RULES,
    Limits,
    Mail,
    Notify,
    Scrape,
    Timing,
    Watched,
    alertmanager_config,
    prometheus_config,
    rules_file,
)
from components.prometheus.config import duration

EVERYTHING = Watched(
    gateway=True, databases=True, caches=True, host=True, backups=True, certificates=True, alertmanager=True,
    workloads=["api", "runner"],
)  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "text"), [(15.0, "15s"), (0.0, "0s"), (0.25, "250ms"), (7200.0, "2h"), (90.0, "90s")]
)
def test_times_as_prometheus_reads_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_nothing_is_left_open_in_a_rule() -> None:
    """Every limit and window is filled in, and PromQL's own braces are single."""
    for group in json.loads(rules_file(EVERYTHING, Limits(), Timing()))["groups"]:
        for rule in group["rules"]:
            assert "{{" not in rule["expr"]
            assert not re.search(r"\{[a-z_]+\}", rule["expr"]), rule["expr"]
            assert set(rule["labels"]) == {"severity", "group"}


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    """To somebody who is woken by it."""
    for rule in RULES:
        assert rule.summary
        assert rule.do
        assert rule.severity in {"warning", "critical"}


def test_names_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_an_alert_is_left_out_by_name() -> None:
    assert "HostCpuHigh" in rules_file(EVERYTHING, Limits(), Timing())
    assert "HostCpuHigh" not in rules_file(EVERYTHING, Limits(), Timing(), ["HostCpuHigh"])


def test_alertmanager_is_found_under_its_path() -> None:
    told = json.loads(prometheus_config([], Timing(), "/rules", "alertmanager:9093/alerts"))["alerting"]
    assert told["alertmanagers"][0]["path_prefix"] == "/alerts"
    assert "alerting" not in json.loads(prometheus_config([], Timing(), "/rules", None))


def test_what_says_its_own_part_keeps_it() -> None:
    """Else the gateway's exporter would call every service ``gateway``."""
    scrape = Scrape(part="gateway", host="gateway-exporter", port=9200, own_labels=True)
    (job,) = json.loads(prometheus_config([scrape], Timing(), "/rules", None))["scrape_configs"]
    assert job["honor_labels"] is True
    assert job["static_configs"] == [
        {"targets": ["gateway-exporter:9200"], "labels": {"part": "gateway", "kind": "exporter"}}
    ]


def test_each_receiver_is_told_in_its_way() -> None:
    receivers = {
        "ops": Notify(way="webhook"),
        "chat": Notify(way="slack", channel="#ops", severities=["critical"]),
        "mail": Notify(
            way="email", mail=Mail(to="a@example.org", sender="b@example.org", server="s:587", user="b", tls=False)
        ),
    }
    secrets = {"ops": "http://hooks.example.org", "chat": "http://slack.example.org", "mail": "a-password"}
    content = json.loads(alertmanager_config(receivers, secrets, Timing()))
    known = {item["name"]: item for item in content["receivers"]}
    assert known["ops"]["webhook_configs"][0]["url"] == secrets["ops"]
    assert known["chat"]["slack_configs"][0]["channel"] == "#ops"
    assert known["mail"]["email_configs"][0]["auth_password"] == secrets["mail"]
    routes = {item["receiver"]: item["matchers"] for item in content["route"]["routes"]}
    every = ['severity=~"warning|critical"']
    assert routes == {"ops": every, "chat": ['severity=~"critical"'], "mail": every}
    assert all(item["continue"] for item in content["route"]["routes"]), "else only the first would be told"
