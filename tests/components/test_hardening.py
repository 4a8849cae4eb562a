"""Rule 8 of the design holds for every container of the starter platform, in every stack."""

from __future__ import annotations

import re

import pytest

from components.container import REPLACE_ON_CHANGES
from testing import Graph, Resource

CONTAINER = "docker:index/container:Container"
RELAXED_START = {"carrier"}
"""Roles that are never started: no process, so limits of one mean nothing."""


def _role(container: Resource) -> str:
    return container.labels()["slipway.role"]


@pytest.fixture
def containers(starter: Graph) -> tuple[Resource, ...]:
    """Return every container."""
    found = starter.of_type(CONTAINER)
    assert len(found) >= 16
    return found


@pytest.fixture
def running(containers: tuple[Resource, ...]) -> list[Resource]:
    """Return every container in which a process runs."""
    return [container for container in containers if _role(container) not in RELAXED_START]


def test_every_container_says_its_order_of_replacement(containers: tuple[Resource, ...]) -> None:
    """The provider's default does not hold for replacements that only an option asks for."""
    assert [str(item) for item in containers if item.options.delete_before_replace is None] == []


def test_every_container_drops_all_capabilities_and_new_privileges(containers: tuple[Resource, ...]) -> None:
    """Nothing of the starter needs a capability."""
    for container in containers:
        assert container.inputs["capabilities"] == {"drops": ["ALL"]}, container
        assert container.inputs["securityOpts"] == ["no-new-privileges:true"], container
        assert "privileged" not in container.inputs, container


def test_every_container_has_a_grace_period(containers: tuple[Resource, ...]) -> None:
    """Without ``destroyGraceSeconds`` the provider kills."""
    for container in containers:
        assert container.inputs["destroyGraceSeconds"] >= 1, container
        if "stopTimeout" in container.inputs:
            assert container.inputs["destroyGraceSeconds"] >= container.inputs["stopTimeout"], container


def test_every_container_rotates_its_log(containers: tuple[Resource, ...]) -> None:
    """All keys are set, as texts: a part would merge with the daemon's own and differ for ever."""
    for container in containers:
        assert container.inputs["logDriver"] == "json-file", container
        options = container.inputs["logOpts"]
        assert set(options) == {"max-size", "max-file"}, container
        assert all(isinstance(value, str) for value in options.values()), container


def test_every_process_is_numeric_and_not_root(running: list[Resource]) -> None:
    """A name would be looked up in the image, and root is root."""
    for container in running:
        assert re.fullmatch(r"[1-9]\d*:\d+", container.inputs["user"]), container


def test_every_root_filesystem_is_read_only(running: list[Resource]) -> None:
    """What must be written is in memory or on a volume."""
    for container in running:
        assert container.inputs["readOnly"] is True, container
        for path, options in container.inputs["tmpfs"].items():
            words = options.split(",")
            assert {"noexec", "nosuid", "nodev"} <= set(words), (container, path)
            assert any(re.fullmatch(r"size=\d+m", word) for word in words), (container, path)


def test_every_process_has_limits(running: list[Resource]) -> None:
    """Memory without swap, CPUs as the provider reads them back, bounded processes and open files."""
    for container in running:
        assert container.inputs["memory"] == container.inputs["memorySwap"] > 0, container
        assert re.fullmatch(r"\d+\.\d*", container.inputs["cpus"]), container
        limits = {item["name"]: (item["soft"], item["hard"]) for item in container.inputs["ulimits"]}
        assert {"nproc", "nofile"} <= set(limits), container


def test_every_edit_replaces(running: list[Resource]) -> None:
    """The hash of the specification is a label, and what the provider only pretends to update is listed."""
    for container in running:
        assert re.fullmatch(r"[0-9a-f]{16}", container.labels()["slipway.spec"]), container
        assert container.options.replace_on_changes == tuple(REPLACE_ON_CHANGES), container
    assert "#initerror" in REPLACE_ON_CHANGES


def test_whatever_serves_or_stores_has_a_health_check_and_is_waited_for(running: list[Resource]) -> None:
    """Replicas and servers: the deployment ends when they are healthy."""
    for container in running:
        if _role(container) in {"replica", "server"}:
            assert container.inputs["healthcheck"]["tests"], container
            assert container.inputs["wait"] is True, container
            assert container.inputs["waitTimeout"] >= 60, container


def test_no_container_has_a_fixed_name(containers: tuple[Resource, ...]) -> None:
    """A generated name is what lets old and new stand side by side."""
    assert [str(item) for item in containers if "name" in item.inputs] == []


def test_every_container_tells_whose_it_is(containers: tuple[Resource, ...]) -> None:
    """Operations find containers by these labels alone."""
    for container in containers:
        assert {"slipway.project", "slipway.stack", "slipway.part", "slipway.kind", "slipway.role"} <= set(
            container.labels()
        ), container


def test_only_the_gateway_is_published(starter: Graph) -> None:
    """One door from outside."""
    published = [item.name for item in starter.of_type(CONTAINER) if item.inputs.get("ports")]
    assert published == ["gateway-server"]


def test_carriers_are_never_started(containers: tuple[Resource, ...]) -> None:
    """They exist to carry files into volumes."""
    carriers = [item for item in containers if _role(item) == "carrier"]
    assert len(carriers) >= 6
    for carrier in carriers:
        assert carrier.inputs["start"] is False, carrier
        assert carrier.inputs["mustRun"] is False, carrier
        assert carrier.inputs["networkMode"] == "none", carrier
        assert carrier.inputs["uploads"], carrier
        assert "readOnly" not in carrier.inputs, carrier  # an upload into a read-only container is refused
        assert all(item["permissions"] == "0444" for item in carrier.inputs["uploads"] if isinstance(item, dict))


def test_stopped_containers_are_not_restarted_by_jobs(containers: tuple[Resource, ...]) -> None:
    """A one-shot keeps its output and exit code, and never runs a second time by itself."""
    for container in containers:
        if _role(container) in {"job", "verify", "reload"}:
            expected = {"mustRun": False, "attach": True, "logs": True, "rm": False, "restart": "no"}
            assert {key: container.inputs.get(key) for key in expected} == expected, container
            assert container.options.additional_secret_outputs == ("containerLogs",), container
