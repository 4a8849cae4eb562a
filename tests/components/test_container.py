"""One container from WorkloadArgs: what replaces it, how numbers are spelled, and in which order it is replaced."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import (
    BindMount,
    HealthCheck,
    LogRotation,
    NetworkAttachment,
    PublishedPort,
    Service,
    ServiceArgs,
    VolumeMount,
    WorkloadArgs,
)
from components.container import IN_PLACE, NOT_THE_CONTAINER, cpus_text, stands_alone
from settings.units import format_duration
from testing import Graph, Resource, render

BASE = ServiceArgs(image="app", health=HealthCheck(test=["CMD", "true"]))
CHANGES: dict[str, Any] = {
    "image": "app:2",
    "command": ["serve"],
    "entrypoint": ["/bin/app"],
    "user": "10002:10002",
    "env": {"A": "1"},
    "secret_files": {"/run/secrets/key": "v"},
    "files": {"/etc/app/app.toml": "a = 1"},
    "files_image": "carrier",
    "files_key": "key",
    "health": HealthCheck(test=["CMD", "false"]),
    "networks": [NetworkAttachment(network_id="n", aliases=["api"])],
    "needs": "something",
    "memory_mib": 1024,
    "memory_reservation_mib": 128,
    "cpus": 2.0,
    "cpu_shares": 512,
    "processes": 64,
    "ulimits": {"core": (0, 0)},
    "volumes": [VolumeMount(volume_name="v", path="/data")],
    "binds": [BindMount(source="/srv", path="/srv")],
    "tmpfs": {"/run/app": 128},
    "publish": [PublishedPort(port=80, host_port=8080)],
    "stop_signal": "SIGINT",
    "stop_grace_s": 20.0,
    "restart": "always",
    "max_restarts": 3,
    "logs": LogRotation(max_files=5),
    "read_only": False,
    "capabilities": ["NET_RAW"],
    "no_new_privileges": False,
    "host_network": True,
    "privileged": True,
    "gpus": "all",
    "labels": {"team": "a"},
    "init": False,
    "extra_hosts": {"db": "192.0.2.1"},
    "sysctls": {"net.core.somaxconn": "256"},
    "shm_size_mib": 128,
    "working_dir": "/app",
    "container_name": "app",
    "replace_first": True,
}
"""For each field of WorkloadArgs another value. A new field has to be considered here."""


def _graph(args: ServiceArgs) -> Graph:
    def program() -> None:
        needs = [pulumi.ComponentResource("test:index:Part", "part")] if args.needs else []
        Service("api", dataclasses.replace(args, needs=needs))

    return render(program)


def _container(**change: Any) -> Resource:
    return _graph(dataclasses.replace(BASE, **change))["api-0"]


def _spec(container: Resource) -> str:
    return container.labels()["slipway.spec"]


def test_every_field_is_considered() -> None:
    """The table above is complete."""
    assert set(CHANGES) == {field.name for field in dataclasses.fields(WorkloadArgs)}


@pytest.mark.parametrize("field", sorted(set(CHANGES) - IN_PLACE - NOT_THE_CONTAINER))
def test_an_edit_replaces_the_container(field: str) -> None:
    """The specification's hash changes, or what it mounts does, both of which the provider replaces for."""
    before, after = _container(), _container(**{field: CHANGES[field]})
    replaces = {"labels", "volumes"} if field in {"files", "secret_files"} else {"labels"}
    assert any(before.inputs.get(name) != after.inputs.get(name) for name in replaces)


@pytest.mark.parametrize("field", sorted(IN_PLACE))
def test_an_edit_in_place_changes_the_input_alone(field: str) -> None:
    """Docker changes these on a running container: no restart."""
    before, after = _container(), _container(**{field: CHANGES[field]})
    assert _spec(before) == _spec(after)
    changed = {name for name in {**before.inputs, **after.inputs} if before.inputs.get(name) != after.inputs.get(name)}
    applied = {"memory", "memorySwap", "memoryReservation", "cpuShares", "restart", "maxRetryCount"}
    assert changed
    assert changed <= applied


@pytest.mark.parametrize("field", sorted(NOT_THE_CONTAINER))
def test_what_only_orders_the_deployment_replaces_nothing(field: str) -> None:
    """The container's inputs stay as they are."""
    assert _container().inputs == _container(**{field: CHANGES[field]}).inputs


def test_how_long_a_deployment_waits_replaces_nothing() -> None:
    """``wait_s`` is the deployment's patience, not the container's."""
    patient = _container(health=HealthCheck(test=["CMD", "true"], wait_s=300.0))
    assert _spec(patient) == _spec(_container())
    assert patient.inputs["waitTimeout"] == 300


def test_scaling_replaces_nothing() -> None:
    """Replicas that stay are not touched."""
    two = _graph(dataclasses.replace(BASE, replicas=2))
    five = _graph(dataclasses.replace(BASE, replicas=5))
    assert [_spec(two[f"api-{index}"]) for index in range(2)] == [_spec(five[f"api-{index}"]) for index in range(2)]
    assert len(five.of_type("Container")) == 5


def test_a_secret_is_no_part_of_the_hash() -> None:
    """A label must not be a hash of a weak secret; its own input replaces the container."""

    def with_pin(pin: str) -> Resource:
        def program() -> None:
            Service("api", dataclasses.replace(BASE, env={"PIN": pulumi.Output.secret(pin)}))

        return render(program)["api-0"]

    one, other = with_pin("1234"), with_pin("9876")
    assert _spec(one) == _spec(other)
    assert one.inputs["envs"] != other.inputs["envs"]


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ({}, False),
        ({"publish": CHANGES["publish"]}, True),
        ({"container_name": "app"}, True),
        ({"volumes": [VolumeMount(volume_name="v", path="/data")]}, True),
        ({"volumes": [VolumeMount(volume_name="v", path="/data", read_only=True)]}, False),
        ({"host_network": True}, True),
        ({"binds": [BindMount(source="/srv", path="/srv")]}, False),
        ({"publish": CHANGES["publish"], "replace_first": False}, False),
        ({"replace_first": True}, True),
    ],
)
def test_order_of_replacement(change: dict[str, Any], first: bool) -> None:
    """New first where old and new can stand together; the old one first where they share a port, a name or data."""
    container = _container(**change)
    assert container.options.delete_before_replace is first
    assert stands_alone(dataclasses.replace(BASE, **change)) is first


@pytest.mark.parametrize(
    ("cpus", "text"),
    [
        (1, "1.0"),
        (2, "2.0"),
        (0.5, "0.5"),
        (1.5, "1.5"),
        (0.25, "0.25"),
        (10, "10."),
        (20, "20."),
        (10.5, "10.5"),
        (0.1, "0.1"),
    ],
)
def test_cpus_are_spelled_as_the_provider_reads_them_back(cpus: float, text: str) -> None:
    """Values of terraform-provider-docker's own unit test, and those that fall out of its rule."""
    assert cpus_text(cpus) == text


@given(st.integers(min_value=10, max_value=6400))
def test_cpus_read_back_as_they_were_written(hundredths: int) -> None:
    """What the provider reads back of the spelling is the spelling, and the number is the one that was meant.

    It rounds 10.01, 20.07 and their like to a tenth, so these can't be had.
    """
    cpus = hundredths / 100
    text = cpus_text(cpus)
    assert cpus_text(float(text)) == text
    assert float(text) == pytest.approx(cpus, abs=0.051 if cpus >= 10 and cpus % 10 < 0.1 else 0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.5, "500ms"),
        (2, "2s"),
        (30, "30s"),
        (60, "1m0s"),
        (90, "1m30s"),
        (3600, "1h0m0s"),
        (3723.5, "1h2m3.5s"),
    ],
)
def test_durations_are_spelled_as_go_does(seconds: float, text: str) -> None:
    """The provider has no rule that 60s and 1m0s are the same."""
    assert format_duration(seconds) == text


GO_PARTS = re.compile(r"^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$|^(\d+(?:\.\d+)?)ms$")


@given(st.integers(min_value=0, max_value=10_000_000))
def test_durations_mean_the_same_time(milliseconds: int) -> None:
    """What is written is what was meant."""
    text = format_duration(milliseconds / 1000)
    match = GO_PARTS.match(text)
    assert match, text
    hours, minutes, seconds, small = (float(part or 0) for part in match.groups())
    assert hours * 3600 + minutes * 60 + seconds + small / 1000 == pytest.approx(milliseconds / 1000)


def test_health_durations_reach_the_provider_so() -> None:
    """With a start period that is never nought, which would mean the image's own."""
    health = HealthCheck(test=["CMD", "true"], interval_s=90.0, timeout_s=3.0, start_period_s=60.0)
    assert _container(health=health).inputs["healthcheck"] == {
        "tests": ["CMD", "true"],
        "interval": "1m30s",
        "timeout": "3s",
        "retries": 3,
        "startPeriod": "1m0s",
    }
    assert _container().inputs["healthcheck"]["startPeriod"] != "0s"


def test_the_images_own_check_is_waited_for_without_naming_one() -> None:
    """An empty test leaves the image's in force."""
    container = _container(health=HealthCheck(test=[]))
    assert "healthcheck" not in container.inputs
    assert container.inputs["wait"] is True


def test_without_a_check_nothing_is_waited_for() -> None:
    """``wait`` without a health check never ends."""
    container = _container(health=None)
    assert "wait" not in container.inputs
    assert "waitTimeout" not in container.inputs


def test_swap_is_memory_also_when_memory_changes() -> None:
    """Otherwise Docker doubles it, and the next raise is refused."""
    inputs = _container(memory_mib=777).inputs
    assert inputs["memory"] == inputs["memorySwap"] == 777


def test_capabilities_have_one_spelling() -> None:
    """Docker reads back what was sent, so NET_RAW and CAP_NET_RAW would differ."""
    for name in ("NET_RAW", "CAP_NET_RAW"):
        assert _container(capabilities=[name]).inputs["capabilities"] == {"drops": ["ALL"], "adds": ["CAP_NET_RAW"]}


def test_volumes_and_binds_use_the_field_that_replaces() -> None:
    """``mounts`` takes an edit of its nested fields without applying it."""
    inputs = _container(
        volumes=[VolumeMount(volume_name="v", path="/data", read_only=True)],
        binds=[BindMount(source="/srv", path="/srv", read_only=False)],
    ).inputs
    assert "mounts" not in inputs
    assert inputs["volumes"] == [
        {"volumeName": "v", "containerPath": "/data", "readOnly": True},
        {"hostPath": "/srv", "containerPath": "/srv"},
    ]


def test_inputs_with_traps_are_never_used() -> None:
    """``platform`` always differs, ``networkMode`` with networks conflicts, ``upload`` needs a writable root."""
    everything = {name: value for name, value in CHANGES.items() if name not in {"privileged", "host_network"}}
    inputs = _container(**everything).inputs
    assert not {"platform", "mounts", "uploads", "cpuPeriod", "cpuQuota", "pidMode", "rm"} & set(inputs)
    assert inputs["networkMode"] == "bridge"


@pytest.mark.parametrize("grace", [0.0, 0.2, 1.0, 12.5])
def test_the_grace_period_is_never_a_kill(grace: float) -> None:
    """The provider takes nought for "kill at once"."""
    inputs = _container(stop_grace_s=grace).inputs
    assert inputs["destroyGraceSeconds"] >= max(1, grace)
    assert inputs["stopTimeout"] >= grace
