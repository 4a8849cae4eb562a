"""What watches a platform: exactly these containers, secrets as files, and nothing replaced without need."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.composition import compose
from components.monitoring import Monitoring, MonitoringArgs, ServerArgs
from components.prometheus import RULES
from settings import StackSource, load_catalogue, load_platform
from testing import Graph, render

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "https://hooks.example.org/a-secret-path"
DESCRIPTION: dict[str, Any] = {
    "name": "app",
    "images": {"family": "debian"},
    "secrets": {"hook": {}, "ops_password": {}},
    "databases": {"main": {}},
    "caches": {"queue": {}},
    "services": {
        "api": {"image": "a/b:1", "port": 80, "health": {"path": "/"}, "metrics": {"port": 9000}, "replicas": 2},
    },
    "gateway": {
        "publish": 8080,
        "routes": [
            {"to": "api"},
            {"path": "/prometheus/", "to": "prometheus", "basic_auth": {"users": {"ops": "ops_password"}}},
        ],
    },
    "monitoring": {"receivers": {"ops": {"webhook": "hook"}}, "grafana": {}},
}


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return draw(tmp_path, DESCRIPTION)


def draw(root: Path, description: dict[str, Any]) -> Graph:
    (root / "blueprints").mkdir(exist_ok=True)
    (root / "blueprints" / "app.yaml").write_text(json.dumps(description), encoding="utf-8")
    if not (root / "images").exists():
        (root / "images").symlink_to(ROOT / "images")
    (root / "Pulumi.yaml").write_text("name: slipway\nruntime: python\n", encoding="utf-8")
    values = {"hook": ADDRESS, "ops_password": "an-ops-password-of-length"}
    source = StackSource(root=root, project="slipway", stack="dev", blueprint="app", secret_lookup=values.get)
    loaded = load_platform(source)
    return render(lambda: compose(loaded, load_catalogue(root), lambda name: pulumi.Output.secret(values[name])))


def changed(before: Graph, after: Graph) -> set[str]:
    there = {item.name for item in after}
    return {
        item.name for item in before if item.custom and item.name in there and after[item.name].inputs != item.inputs
    }


def files(graph: Graph, name: str) -> dict[str, str]:
    return {item["file"]: str(item["content"]) for item in graph[name].inputs["uploads"]}


def test_its_containers_are_these(graph: Graph) -> None:
    """One for each thing; what carries files and runs once is beside them."""
    own = {item.name for item in graph if item.type == "docker:index/container:Container"}
    servers = {name.removesuffix("-server") for name in own if name.endswith("-server")}
    assert servers == {
        "main", "queue", "gateway",
        "prometheus", "alertmanager", "grafana",
        "main-exporter", "queue-exporter", "gateway-exporter", "nginx-exporter", "host-exporter", "containers-exporter",
    }  # fmt: skip


def test_replicas_are_found_by_name_so_that_scaling_configures_nothing(tmp_path: Path, graph: Graph) -> None:
    """Only what knows containers by their ids is another one."""
    scaled = copy.deepcopy(DESCRIPTION)
    scaled["services"]["api"]["replicas"] = 3
    after = draw(tmp_path, scaled)
    assert changed(graph, after) == {
        "containers-exporter-files-carrier", "containers-exporter-files-etc-slipway",
        "gateway-stage", "gateway-verify", "gateway-reload",
    }  # fmt: skip
    jobs = json.loads(files(graph, "prometheus-files-carrier")["/etc/slipway/prometheus.yml"])["scrape_configs"]
    (scrape,) = [job for job in jobs if job["job_name"] == "api"]
    assert scrape["dns_sd_configs"] == [{"names": ["api"], "type": "A", "port": 9000, "refresh_interval": "15s"}]


def test_rules_and_targets_go_with_what_they_are_about(tmp_path: Path, graph: Graph) -> None:
    less = copy.deepcopy(DESCRIPTION)
    del less["caches"], less["services"]["api"]["metrics"]
    after = draw(tmp_path, less)
    gone = {"CacheDown", "CacheMemoryHigh", "QueueOld", "QueueDeep", "JobsFail", "TokensShort", "RateLimited",
            "MetricsMissing", "BackupMissing", "WritesExposed"}  # fmt: skip
    assert _alerts(graph) - _alerts(after) == gone
    assert not any(item.name.startswith("queue-exporter") for item in after)
    assert "/etc/slipway/dashboards/caches.json" not in files(after, "grafana-files-carrier")


def test_what_makes_backups_and_keeps_models_is_read_too(tmp_path: Path) -> None:
    """Nobody describes these parts' metrics; their names resolve where Prometheus is."""
    more = copy.deepcopy(DESCRIPTION)
    more["backups"] = {}
    more["model_servers"] = {"llm": {"image": "c/d:1", "keeper_image": "e/f:1", "models": {"tiny:1": {}}}}
    after = draw(tmp_path, more)
    jobs = json.loads(files(after, "prometheus-files-carrier")["/etc/slipway/prometheus.yml"])["scrape_configs"]
    read = {target for job in jobs for static in job.get("static_configs", ()) for target in static["targets"]}
    assert {"backups:9750", "llm-models:9436"} <= read
    networks = {str(item["name"]) for item in after["prometheus-server"].inputs["networksAdvanced"]}
    for container, alias in (("backups-server", "backups"), ("llm-models", "llm-models")):
        joined = after[container].inputs["networksAdvanced"]
        assert any(alias in item.get("aliases", ()) and str(item["name"]) in networks for item in joined)


def _alerts(graph: Graph) -> set[str]:
    text = files(graph, "prometheus-files-carrier")["/etc/slipway/alerts.yml"]
    return {rule["alert"] for group in json.loads(text)["groups"] for rule in group["rules"]}


def test_there_is_every_alert_where_there_is_everything(graph: Graph) -> None:
    """All but that of certificates, of which this platform has none."""
    assert {rule.name for rule in RULES} - _alerts(graph) == {"CertificateExpires"}


def test_data_outlive_a_change_of_configuration(tmp_path: Path, graph: Graph) -> None:
    """Prometheus is replaced, its volume is not."""
    other = copy.deepcopy(DESCRIPTION)
    other["monitoring"]["alerts"] = {"cpu": 0.5}
    after = draw(tmp_path, other)
    assert "prometheus-files-etc-slipway" in changed(graph, after)
    assert not any(name.endswith("-data") for name in changed(graph, after))
    assert graph["prometheus-data"].options.retain_on_delete
    assert graph["prometheus-data"].options.protect


def test_no_secret_stands_in_the_open(graph: Graph) -> None:
    """The receivers' addresses and the exporters' passwords are files, and secret in the state."""
    for item in graph:
        assert ADDRESS not in json.dumps(item.inputs.get("envs"), default=str)
        assert ADDRESS not in json.dumps(item.inputs.get("command"), default=str)
    assert any("/run/secrets/alertmanager.yml" in path for path in files(graph, "alertmanager-secrets-carrier"))
    for name in ("main-exporter-server", "queue-exporter-server"):
        assert not [line for line in graph[name].inputs.get("envs") or () if "PASSWORD" in str(line)]


def test_nobody_gets_the_docker_socket_and_the_host_is_read_only(graph: Graph) -> None:
    """CIS Docker 5.31, 5.5: the socket is root on the host."""
    for item in graph:
        for mount in item.inputs.get("volumes") or ():
            path = mount.get("hostPath")
            assert not path or mount["readOnly"] is True, (item.name, mount)
            assert "docker.sock" not in str(path)
    seen = {mount.get("hostPath") for mount in graph["containers-exporter-server"].inputs["volumes"]}
    assert seen - {None} == {"/proc", "/sys/fs/cgroup"}


def test_it_serves_under_the_routes_path(graph: Graph) -> None:
    """Or the links of its pages would lead elsewhere; its own health and Grafana know it too."""
    command = graph["prometheus-server"].inputs["command"]
    assert "--web.route-prefix=/prometheus/" in command
    assert "/prometheus/-/ready" in graph["prometheus-server"].inputs["healthcheck"]["tests"]
    source = files(graph, "grafana-files-carrier")["/etc/slipway/provisioning/datasources/slipway.yml"]
    assert json.loads(source)["datasources"][0]["url"] == "http://prometheus:9090/prometheus"


def test_the_gateway_reports_its_requests(graph: Graph) -> None:
    """To a socket in a volume that it only reads."""
    config = str(graph["gateway"].outputs["config"])
    assert "syslog:server=unix:/run/slipway/requests.sock,nohostname,tag=gateway report" in config
    mounts = {mount["containerPath"]: mount for mount in graph["gateway-server"].inputs["volumes"]}
    assert mounts["/run/slipway"]["readOnly"] is True


def test_the_exporter_of_a_database_waits_for_its_role(graph: Graph) -> None:
    assert graph["main-exporter-role"].urn in graph["main-exporter-server"].waits_for
    assert graph["main-server"].urn in graph["main-exporter-role"].waits_for


def test_it_works_by_itself() -> None:
    """Prometheus alone, in any program: nothing but a name, an image and a volume."""

    def program() -> None:
        made = Monitoring(
            "monitoring", MonitoringArgs(prometheus=ServerArgs(image="prom/prometheus:v2.53.0"), exporters_image="e")
        )
        made.watch([])

    assert {item.name for item in render(program) if item.custom} == {
        "prometheus-data", "prometheus-files-carrier", "prometheus-files-etc-slipway", "prometheus-server",
    }  # fmt: skip
