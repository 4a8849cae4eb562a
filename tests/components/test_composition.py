"""From the description to the graph: every key arrives, and parts come in the order of need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.composition import compose
from components.order import in_order_of_need
from settings import StackSource, load_catalogue, load_platform
from settings.model import Workload
from testing import Graph, render

ROOT = Path(__file__).resolve().parents[2]

EVERYTHING: dict[str, Any] = {
    "image": "example/api:1",
    "command": ["serve", "--stack=${stack.name}"],
    "entrypoint": ["/bin/api"],
    "user": "1234:5678",
    "env": {"PLAIN": "1", "PORT": 8000, "PEER": "${services.other.url}", "KEY": "${secrets.api_key}"},
    "secret_env": ["KEY"],
    "secrets": ["api_key"],
    "files": {"/etc/api/api.toml": "a = 1\n"},
    "health": {
        "path": "/health",
        "interval": "90s",
        "timeout": "2s",
        "retries": 4,
        "start_period": "5s",
        "wait": "2m",
    },
    "needs": {"other": "started"},
    "replicas": 1,
    "memory": "300MiB",
    "memory_reservation": "100MiB",
    "cpus": 1.5,
    "cpu_shares": 512,
    "processes": 77,
    "ulimits": {"core": 0, "nofile": {"soft": 100, "hard": 200}},
    "volumes": ["uploads:/srv/uploads:ro"],
    "binds": [{"source": "/srv/models", "path": "/models"}],
    "tmpfs": {"/run/api": "8MiB"},
    "publish": ["127.0.0.1:18000:8000"],
    "networks": ["edge", "backend"],
    "aliases": ["api-v1"],
    "egress": True,
    "stop_signal": "SIGINT",
    "stop_grace": "20s",
    "restart": "on-failure",
    "max_restarts": 3,
    "logs": {"max_size": "5MiB", "max_files": 2},
    "read_only": False,
    "capabilities": ["NET_RAW"],
    "no_new_privileges": False,
    "gpus": "all",
    "labels": {"team": "search"},
    "init": False,
    "extra_hosts": {"printer": "192.0.2.7"},
    "sysctls": {"net.core.somaxconn": 256},
    "shm_size": "32MiB",
    "working_dir": "/srv",
    "metrics": {"port": 8000},
    "profiles": ["full"],
    "container_name": "the-api",
    "relax": dict.fromkeys(("read_only", "capabilities", "no_new_privileges"), "this test wants it so"),
    "port": 8000,
}
EXPECTED: dict[str, Any] = {
    "capabilities": {"drops": ["ALL"], "adds": ["CAP_NET_RAW"]},
    "command": ["serve", "--stack=dev"],
    "cpuShares": 512,
    "cpus": "1.5",
    "destroyGraceSeconds": 20,
    "entrypoints": ["/bin/api"],
    "gpus": "all",
    "hosts": [{"host": "printer", "ip": "192.0.2.7"}],
    "init": False,
    "logDriver": "json-file",
    "logOpts": {"max-size": "5m", "max-file": "2"},
    "maxRetryCount": 3,
    "memory": 300,
    "memoryReservation": 100,
    "memorySwap": 300,
    "name": "the-api",
    "networkMode": "bridge",
    "ports": [{"internal": 8000, "external": 18000, "ip": "127.0.0.1", "protocol": "tcp"}],
    "readOnly": False,
    "restart": "on-failure",
    "shmSize": 32,
    "stopSignal": "SIGINT",
    "stopTimeout": 20,
    "sysctls": {"net.core.somaxconn": "256"},
    "tmpfs": {"/run/api": "rw,noexec,nosuid,nodev,uid=1234,gid=5678,size=8m"},
    "ulimits": [
        {"name": "core", "soft": 0, "hard": 0},
        {"name": "nofile", "soft": 100, "hard": 200},
        {"name": "nproc", "soft": 77, "hard": 77},
    ],
    "user": "1234:5678",
    "wait": True,
    "waitTimeout": 120,
    "workingDir": "/srv",
}
"""Inputs that are plain; the others are looked at one by one."""


def _render(tmp_path: Path, platform: dict[str, Any], **source: Any) -> Graph:
    (tmp_path / "blueprints").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n", encoding="utf-8")
    (tmp_path / "blueprints/shop.yaml").write_text(yaml.safe_dump({"name": "shop", **platform}), encoding="utf-8")

    def program() -> None:
        import pulumi  # noqa: PLC0415 - inside, as a program would

        loaded = load_platform(
            StackSource(
                root=tmp_path,
                project="shop",
                stack="dev",
                blueprint="shop",
                secret_lookup={"api_key": "sk-canary-1234"}.get,
                **source,
            )
        )
        composition = compose(loaded, load_catalogue(ROOT), pulumi.Config("slipway").require_secret)
        for name, value in composition.exports.items():
            pulumi.export(name, value)

    return render(program, stack="dev", project="shop", secrets={"slipway:api_key": "sk-canary-1234"})


@pytest.fixture
def everything(tmp_path: Path) -> Graph:
    """Return a platform in which one service says all that can be said."""
    platform = {
        "secrets": {"api_key": {}},
        "volumes": {"uploads": {}},
        "services": {
            "api": EVERYTHING,
            "other": {"image": "example/other:1", "port": 80, "health": {"tcp": 80}},
        },
    }
    return _render(tmp_path, platform, profiles=["full"])


def test_the_description_above_says_all_that_can_be_said() -> None:
    """A new key has to be considered here; these can't stand together with the others."""
    keys = {field.alias or name for name, field in Workload.model_fields.items()}
    assert set(EVERYTHING) - {"port"} == keys - {"build", "host_network", "privileged"}


def test_every_key_arrives_at_the_container(everything: Graph) -> None:
    """Nothing is silently ignored."""
    inputs = everything["api-0"].inputs
    looked_at = {"envs", "healthcheck", "image", "labels", "networksAdvanced", "volumes"}
    assert {key: value for key, value in inputs.items() if key not in looked_at} == EXPECTED


def test_environment_and_secrets(everything: Graph) -> None:
    """Plain values, references, and the opt-in."""
    assert everything["api-0"].environment() == {
        "API_KEY_FILE": "/run/secrets/api_key",
        "KEY": "sk-canary-1234",
        "PEER": "http://other:80",
        "PLAIN": "1",
        "PORT": "8000",
    }
    assert everything.leaks() == ()


def test_health(everything: Graph) -> None:
    """The path is asked on the service's port."""
    check = everything["api-0"].inputs["healthcheck"]
    assert check["tests"][-2:] == ["8000", "/health"]
    expected = {"interval": "1m30s", "timeout": "2s", "retries": 4, "startPeriod": "5s"}
    assert {key: check[key] for key in expected} == expected
    assert everything["other-0"].inputs["healthcheck"]["tests"][-1] == "80"


def test_networks_volumes_labels_and_image(everything: Graph) -> None:
    """Each by what the host calls it."""
    api = everything["api-0"]
    networks = [everything[f"{name}-network"].id for name in ("edge", "backend")]
    assert api.inputs["networksAdvanced"] == [{"name": network, "aliases": ["api", "api-v1"]} for network in networks]
    mounted = {item["containerPath"]: item for item in api.inputs["volumes"]}
    assert set(mounted) == {"/srv/uploads", "/models", "/run/secrets", "/etc/api"}
    assert mounted["/srv/uploads"]["volumeName"] == "shop-dev-uploads"
    assert mounted["/models"] == {"hostPath": "/srv/models", "containerPath": "/models", "readOnly": True}
    labels = api.labels()
    assert labels["team"] == "search"
    assert (labels["slipway.part"], labels["slipway.kind"], labels["slipway.stack"]) == ("api", "service", "dev")
    assert api.inputs["image"] == everything["images-example-api"].outputs["imageId"]


def test_needs_and_order(everything: Graph) -> None:
    """What is needed is there first; a reference is a need."""
    assert everything["api-0"].depends_on("other-0")
    assert not everything["other-0"].depends_on("api-0")


def test_host_network_and_privilege_arrive(tmp_path: Path) -> None:
    """Each relaxed by name, with its reason."""
    reason = "this test wants it so"
    service = {
        "image": "example/api:1",
        "host_network": True,
        "privileged": True,
        "relax": {"host_network": reason, "privileged": reason, "health": reason},
    }
    graph = _render(tmp_path, {"services": {"agent": service}})
    inputs = graph["agent-0"].inputs
    assert inputs["networkMode"] == "host"
    assert inputs["privileged"] is True
    assert "networksAdvanced" not in inputs
    assert [log.message for log in graph.logs if log.severity == "warning"] == [
        f"agent has every right on the host and the host's own network: {reason}; {reason}"
    ]


def test_a_build_is_an_image_of_the_deployment(tmp_path: Path) -> None:
    """Its content replaces what runs it."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app/Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    service = {"build": {"context": "app"}, "relax": {"health": "this test wants it so"}}
    graph = _render(tmp_path, {"services": {"web": service}})
    (image,) = graph.of_type("docker:index/image:Image")
    assert image.inputs["imageName"] == "shop-web"
    assert graph["web-0"].inputs["image"] == image.outputs["repoDigest"]


def test_a_new_volume_is_given_to_the_workloads_user_first(tmp_path: Path) -> None:
    """By a container that may change owners and nothing else, and only where it is asked for."""
    service = {
        "image": "example/api:1",
        "volumes": [{"volume": "uploads", "path": "/srv/uploads", "own": True}],
        "health": {"command": ["true"]},
        "env": {"A": "1"},
        "restart": "on-failure",
        "max_restarts": 3,
    }
    graph = _render(tmp_path, {"volumes": {"uploads": {}}, "services": {"api": service}})
    owner = graph["api-owner"]
    assert owner.inputs["user"] == "0:0"
    assert owner.inputs["capabilities"] == {"drops": ["ALL"], "adds": ["CAP_CHOWN"]}
    assert owner.inputs["command"][1:] == ["own", "10001:10001", "/srv/uploads"]
    assert not {"envs", "networksAdvanced", "ports", "maxRetryCount"} & set(owner.inputs)
    assert owner.inputs["healthcheck"]["tests"] == ["NONE"]
    assert graph["api-0"].depends_on(owner)


def test_jobs_and_workers_arrive_as_what_they_are(tmp_path: Path) -> None:
    """With their own keys."""
    platform = {
        "jobs": {"seed": {"image": "example/api:1", "command": ["seed"], "timeout": "2m"}},
        "workers": {
            "runner": {
                "image": "example/api:1",
                "replicas": 3,
                "needs": {"seed": "completed"},
                "health": {"command": ["true"]},
            }
        },
    }
    graph = _render(tmp_path, platform)
    assert graph["seed-run"].options.custom_timeouts == {"create": "120s"}
    assert len(graph.children("runner")) == 3
    assert graph["runner-0"].depends_on("seed-run")
    assert graph["runner"].type == "slipway:index:Workers"


def test_order_of_need() -> None:
    """Each part after what it needs."""
    order = in_order_of_need(_platform())
    for earlier, later in (("main", "migrate"), ("queue", "api"), ("migrate", "api"), ("migrate", "runner")):
        assert order.index(earlier) < order.index(later)


def _platform() -> Any:
    source = StackSource(root=ROOT, project="slipway", stack="dev", blueprint="starter", environment="dev")
    return load_platform(source).platform
