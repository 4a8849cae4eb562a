"""The blueprint that everybody starts with, in both of its stacks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from settings import Loaded, load_platform, read_stack_file

ROOT = Path(__file__).parents[2]


def load(name: str) -> Loaded:
    """Load a stack of this repository without its overrides: who follows the quickstart has some in their checkout."""
    return load_platform(replace(read_stack_file(ROOT, name), overrides={}))


@pytest.fixture(scope="module", params=["dev", "prod"])
def stack(request: pytest.FixtureRequest) -> Loaded:
    """Load one stack of this repository."""
    return load(request.param)


def test_a_stack_loads(stack: Loaded) -> None:
    assert stack.environment == stack.stack
    assert set(stack.platform.services) == {"api", "fanout"}


def test_only_the_gateway_is_reached_from_outside(stack: Loaded) -> None:
    platform = stack.platform
    parts = (platform.databases, platform.caches, platform.services, platform.workers, platform.jobs)
    assert not [name for section in parts for name, part in section.items() if part.publish]
    for section in parts:
        assert all(part.networks == ["backend"] for part in section.values())
    assert platform.gateway is not None
    assert platform.gateway.networks == ["edge", "backend"]


def test_nothing_is_relaxed(stack: Loaded) -> None:
    workloads = (*stack.platform.services.values(), *stack.platform.workers.values(), *stack.platform.jobs.values())
    assert not any(workload.relax for workload in workloads)


def test_dev_is_for_this_machine_alone_and_prod_is_not() -> None:
    dev, prod = (load(name).platform for name in ("dev", "prod"))
    assert dev.gateway is not None
    assert prod.gateway is not None
    assert [port.address for port in dev.gateway.publish] == ["127.0.0.1"]
    assert [(port.address, port.host_port) for port in prod.gateway.publish] == [("0.0.0.0", 80)]  # noqa: S104
    assert (dev.databases["main"].protect, prod.databases["main"].protect) == (False, True)
    assert (dev.services["api"].replicas, prod.services["api"].replicas) == (2, 3)


def test_prods_replicas_come_from_the_blueprints_environment() -> None:
    origin = load("prod").origins["services.api.replicas"]
    assert (origin.file, origin.layer) == ("blueprints/starter.yaml", "environment")
