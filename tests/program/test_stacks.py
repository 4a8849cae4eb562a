"""The program itself: small, and every blueprint and stack loads and composes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from testing import Graph, made_up_secret, render_stack

ROOT = Path(__file__).resolve().parents[2]
BLUEPRINTS = sorted(path.stem for path in (ROOT / "blueprints").glob("*.yaml"))
StackGraph = Callable[..., Graph]


def _environments(blueprint: str) -> list[str]:
    described = yaml.safe_load((ROOT / "blueprints" / f"{blueprint}.yaml").read_text(encoding="utf-8"))
    return list(described["environments"])


CASES = [(blueprint, environment) for blueprint in BLUEPRINTS for environment in _environments(blueprint)]


def _render(blueprint: str, environment: str, *, preview: bool = False, family: str = "official") -> Graph:
    config = {
        "blueprint": blueprint,
        "environment": environment,
        "overrides": {"images": {"family": family}},
    }
    return render_stack(environment, root=ROOT, config=config, preview=preview)


def test_the_program_is_small() -> None:
    """It loads, composes and exports; decisions live elsewhere."""
    assert len((ROOT / "__main__.py").read_text(encoding="utf-8").splitlines()) < 60


@pytest.mark.parametrize("stack", ["dev", "prod"])
@pytest.mark.parametrize("preview", [False, True])
def test_the_stacks_of_this_project_load(stack: str, preview: bool, stack_graph: StackGraph) -> None:
    """As they stand, in an up and in a preview."""
    graph = stack_graph(stack, preview=preview)
    assert set(graph.exports) == {"platform", "urls", "replicas", "databases", "gateway"}
    assert [log for log in graph.logs if log.severity == "error"] == []


@pytest.mark.parametrize(("blueprint", "environment"), CASES)
def test_every_blueprint_composes_without_a_leak(blueprint: str, environment: str) -> None:
    """In every environment, with either family of images, in an up and in a preview."""
    for preview in (False, True):
        graph = _render(blueprint, environment, preview=preview, family="debian" if preview else "official")
        assert graph.of_type("Container")
        assert graph.leaks() == ()


@pytest.mark.parametrize(("blueprint", "environment"), CASES)
def test_plan(blueprint: str, environment: str, golden: Callable[[str, str], None]) -> None:
    """The golden plan is what a reviewer sees of a change to a blueprint or a component."""
    golden(f"{blueprint}.{environment}.txt", _without_builds(_render(blueprint, environment).plan()))


def _without_builds(plan: str) -> str:
    """Leave out the hash in the tags of images that are built here, which changes with every edit of ``images/``."""
    lock = yaml.safe_load((ROOT / "images/lock.yaml").read_text(encoding="utf-8"))["images"]
    for reference in {reference for family in lock.values() for reference in family.values()}:
        if reference.startswith("slipway/"):
            plan = plan.replace(reference, f"{reference.rpartition('-')[0]}-<built>")
    # Dashboards are files of the repository, thousands of lines, which tests/dashboards looks at.
    plan = re.sub(
        r"content: \|\n(?:(?! *file: ).*\n)+(?= *file: /etc/slipway/dashboards/)", "content: <dashboard>\n", plan
    )
    if ROOT.as_posix() in plan:  # mounts of the project's own folders, which stand in the hash of their container too
        plan = re.sub(
            r"slipway\.spec: [0-9a-f]{16}", "slipway.spec: <spec>", plan.replace(ROOT.as_posix(), "<project>")
        )
    return plan


def test_the_same_program_gives_the_same_graph() -> None:
    """Nothing random, no time, no order of threads."""
    assert _render("starter", "dev").plan() == _render("starter", "dev").plan()


def test_a_preview_plans_the_resources_of_the_up(stack_graph: StackGraph) -> None:
    """With the same order, although it knows less."""
    up, preview = stack_graph("dev"), stack_graph("dev", preview=True)
    assert {resource.urn for resource in up} == {resource.urn for resource in preview}
    for resource in up:
        assert preview.find(resource.urn).waits_for == resource.waits_for, resource


def test_what_is_refused_is_one_error_without_a_secret() -> None:
    """Pulumi prints a RunError without a traceback."""
    overrides = {
        "services": {"api": {"replicaz": 3, "secrets": ["api_key"]}},
        "secrets": {"api_key": {}},
        "gateway": {"routes": [{"to": "nobody"}]},
    }
    with pytest.raises(pulumi.RunError) as refused:
        render_stack("dev", root=ROOT, config={"overrides": overrides}, secrets={"api_key": "sk-canary-value"})
    text = str(refused.value)
    assert "replicaz" in text
    assert "nobody" in text
    assert "sk-canary-value" not in text


def test_encrypted_configuration_opens_to_a_made_up_value(tmp_path: Path) -> None:
    """A test needs no passphrase."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "encryptionsalt: v1:abc\nconfig:\n  shop:key: {secure: v1:ciphertext}\n  shop:size: 3\n", encoding="utf-8"
    )
    (tmp_path / "__main__.py").write_text(
        "import pulumi\n"
        "config = pulumi.Config()\n"
        "pulumi.export('key', config.require_secret('key'))\n"
        "pulumi.export('size', config.require_int('size'))\n",
        encoding="utf-8",
    )
    graph = render_stack("dev", root=tmp_path)
    assert graph.exports == {"key": made_up_secret("v1:ciphertext"), "size": 3}
    assert graph.secret_exports == {"key"}
    assert graph.project == "shop"


def _scaled(replicas: int) -> Graph:
    overrides: dict[str, Any] = {"images": {"family": "official"}, "services": {"api": {"replicas": replicas}}}
    return render_stack("dev", root=ROOT, config={"overrides": overrides})


def test_scaling_touches_only_new_replicas_and_the_gateway_configuration() -> None:
    """From two to five: three containers more, and a reload."""
    two, five = _scaled(2), _scaled(5)
    changed = {item.name for item in two if item.custom and five[item.name].inputs != item.inputs}
    assert {item.name for item in five} - {item.name for item in two} == {"api-2", "api-3", "api-4"}
    assert changed == {"gateway-stage", "gateway-verify", "gateway-reload"}


def test_a_change_of_one_service_touches_nothing_else() -> None:
    """A release of the API leaves databases, workers and the gateway's server alone."""

    def with_level(level: str) -> Graph:
        overrides = {"images": {"family": "official"}, "services": {"api": {"env": {"LOG_LEVEL": level}}}}
        return render_stack("dev", root=ROOT, config={"overrides": overrides})

    before, after = with_level("info"), with_level("debug")
    assert {item.name for item in before if item.custom and after[item.name].inputs != item.inputs} == {
        "api-0",
        "api-1",
    }
