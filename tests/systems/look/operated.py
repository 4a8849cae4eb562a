"""What a requirement can ask of how a platform is watched and released: targets, alerts, dashboards, two versions."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from settings.layers import read_layers
from settings.source import StackSource
from settings.versions import version_of
from settings.yaml_source import as_record
from testing import Graph, Resource, render_stack
from tests.systems.look.view import ROOT, Check, View

_PROMETHEUS: Final = "/etc/slipway/prometheus.yml"
_RULES: Final = "/etc/slipway/alerts.yml"
_DASHBOARDS: Final = "/etc/slipway/dashboards"
_OFFICIAL: Final = {"images": {"family": "official"}}
_BEFORE: Final = "registry.example.org/before:1"


def _files(view: View, part: str) -> dict[str, str]:
    (carrier,) = view.carriers(part, "files")
    return {item["file"]: str(item["content"]) for item in carrier.inputs["uploads"]}


def scraped(part: str, job: str, port: int, path: str = "/metrics") -> Check:
    """Prometheus reads a page that is about a part; a service's versions have a job each."""

    def look(view: View) -> None:
        jobs = {
            item["job_name"]: item for item in json.loads(_files(view, "prometheus")[_PROMETHEUS])["scrape_configs"]
        }
        found = jobs[job]
        assert found["metrics_path"] == path
        if "dns_sd_configs" in found:
            assert [(item["names"], item["port"]) for item in found["dns_sd_configs"]] == [([job], port)]
            assert {"target_label": "part", "replacement": part} in found["relabel_configs"]
        else:
            assert [(item["targets"], item["labels"]["part"]) for item in found["static_configs"]] == [
                ([f"{job}:{port}"], part)
            ]

    return look


def alerted(group: str, *names: str) -> Check:
    """Prometheus has these alerts in a group, and somebody is told of them where there is somebody to tell."""

    def look(view: View) -> None:
        config = json.loads(_files(view, "prometheus")[_PROMETHEUS])
        assert config["rule_files"] == [_RULES]
        groups = {item["name"]: item for item in json.loads(_files(view, "prometheus")[_RULES])["groups"]}
        assert set(names) <= {rule["alert"] for rule in groups[group]["rules"]}, groups[group]
        if "alertmanager" in view.parts():
            assert config["alerting"]["alertmanagers"]

    return look


def dashboards(*names: str) -> Check:
    """Grafana is given these dashboards, and where Prometheus is."""

    def look(view: View) -> None:
        files = _files(view, "grafana")
        for name in names:
            assert json.loads(files[f"{_DASHBOARDS}/{name}.json"])["panels"], name
        (source,) = json.loads(files["/etc/slipway/provisioning/datasources/slipway.yml"])["datasources"]
        assert source["url"] == "http://prometheus:9090"

    return look


def reaches(part: str, other: str) -> Check:
    """A part has a network in common with another one."""

    def look(view: View) -> None:
        assert view.networks(part) & view.networks(other), (view.networks(part), view.networks(other))

    return look


def blue_green(part: str, host: str) -> Check:
    """A new version starts as a whole set beside the live one, without requests but those for a host; then it is live."""

    def look(view: View) -> None:
        size = len(view.replicas(part))
        described = _described(view)["services"][part]
        new = version_of(described, f"slipway-{part}")
        old = {**new, "image": _BEFORE}
        assert new["image"] != _BEFORE
        for serving, other, live, idle in ((old, new, "blue", "green"), (new, old, "green", "blue")):
            graph = _noted(view, {part: {"serving": serving, "other": other, "live": live}})
            sets = {slot: _slot(graph, part, slot) for slot in (live, idle)}
            assert {slot: len(found) for slot, found in sets.items()} == {live: size, idle: size}
            config = View(view.system, view.environment, graph)
            assert _servers(config.nginx, config.location("/")) == _names(sets[live])
            assert _servers(config.nginx, config.location("/", host)) == _names(sets[idle])

    return look


def rolled(part: str) -> Check:
    """With ``release: rolling`` the service has one set, of which each new replica is made before its predecessor goes."""

    def look(view: View) -> None:
        size = len(view.replicas(part))
        rolling = {"services": {part: {"release": "rolling"}}, "gateway": {"routes": [{"path": "/", "to": part}]}}
        config = {**_config(view), "overrides": {**_OFFICIAL, **rolling}}
        graph = render_stack(view.environment, root=ROOT, config=config)
        found = View(view.system, view.environment, graph).replicas(part)
        assert [item.name for item in found] == [f"{part}-{index}" for index in range(size)]
        assert all(item.options.delete_before_replace is False and item.inputs["wait"] for item in found)

    return look


def _described(view: View) -> dict[str, Any]:
    source = StackSource(
        root=ROOT, project="slipway", stack=view.environment, blueprint=view.system, environment=view.environment
    )
    described: dict[str, Any] = as_record(read_layers(source).tree)
    return described


def _noted(view: View, versions: dict[str, Any]) -> Graph:
    config = {**_config(view), "versions": versions, "overrides": _OFFICIAL}
    return render_stack(view.environment, root=ROOT, config=config)


def _config(view: View) -> dict[str, Any]:
    return {"blueprint": view.system, "environment": view.environment}


def _slot(graph: Graph, part: str, slot: str) -> list[Resource]:
    wanted = {"slipway.part": part, "slipway.slot": slot, "slipway.role": "replica"}
    return [item for item in graph.of_type("Container") if wanted.items() <= item.labels().items()]


def _names(containers: list[Resource]) -> set[str]:
    return {str(item.outputs["name"]) for item in containers}


def _servers(nginx: str, location: str) -> set[str]:
    upstream = re.search(r"proxy_pass http://([\w-]+)", location)
    assert upstream is not None, location
    body = nginx.partition(f"upstream {upstream[1]} {{")[2].partition("\n  }")[0]
    return set(re.findall(r"server ([\w-]+):\d+", body))
