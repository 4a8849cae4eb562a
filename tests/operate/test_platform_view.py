"""Addresses, sizes, ports and images of a description."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from operate.capacity import TooSmall, check_capacity
from operate.docker_host import Machine
from operate.platform_view import addresses, catalogue_roles, host_ports, limits_mib, protected_parts, replicas, urls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from settings import Loaded


def test_where_each_part_is_reached(loaded: Loaded) -> None:
    """From outside if published, else by name; workers are not reached at all."""
    assert addresses(loaded) == {
        "main": "main:5432",
        "queue": "queue:6379",
        "api": "api:8000",
        "raw": "127.0.0.1:18501/udp, 127.0.0.1:18502",
        "gateway": "http://localhost:18500",
    }
    assert urls(loaded.platform) == ["http://localhost:18500"]


def test_http_needs_no_port_in_its_address(load_with: Callable[[str], Loaded]) -> None:
    """As a browser shows it."""
    loaded = load_with('environments: {dev: {gateway: {publish: "0.0.0.0:80"}}}\n')
    assert urls(loaded.platform) == ["http://localhost"]
    loaded = load_with('environments: {dev: {gateway: {publish: "10.0.0.7:81"}}}\n')
    assert urls(loaded.platform) == ["http://10.0.0.7:81"]


def test_ports_of_the_host(loaded: Loaded) -> None:
    """Each with the part that takes it."""
    assert sorted(f"{port.part} {port}" for port in host_ports(loaded.platform)) == [
        "gateway 127.0.0.1:18500/tcp",
        "raw 127.0.0.1:18501/udp",
        "raw 127.0.0.1:18502/tcp",
    ]


def test_how_many_of_each(loaded: Loaded) -> None:
    """Jobs do not run all the time."""
    assert replicas(loaded.platform) == {"main": 1, "queue": 1, "api": 2, "raw": 1, "runner": 1, "gateway": 1}


def test_whose_data_are_protected(loaded: Loaded) -> None:
    """The part's own word goes before the platform's."""
    assert protected_parts(loaded.platform) == {"main": True, "queue": False}


def test_memory_of_all_that_runs_at_a_time(loaded: Loaded) -> None:
    """Two replicas count twice, a job not at all."""
    assert limits_mib(loaded.platform) == 512 + 256 + 2 * 256 + 64 + 128 + 128


def test_a_machine_that_is_big_enough(loaded: Loaded) -> None:
    """No warning; nor where the daemon does not say how big it is."""
    assert check_capacity(loaded.platform, Machine({"MemTotal": 1600 * 1024**2, "NCPU": 2})) == []
    assert check_capacity(loaded.platform, Machine({})) == []


def test_too_little_memory_is_a_warning(loaded: Loaded) -> None:
    """Limits are not what is used, so it may still work."""
    assert check_capacity(loaded.platform, Machine({"MemTotal": 1024**3, "NCPU": 2})) == [
        "the memory limits add up to 1600MiB, Docker's machine has 1GiB: it may run out"
    ]


def test_too_few_cpus_are_refused(loaded: Loaded) -> None:
    """Docker would refuse the container, in the middle of a deployment."""
    with pytest.raises(TooSmall) as caught:
        check_capacity(loaded.platform, Machine({"MemTotal": 1024**4, "NCPU": 1}))
    assert str(caught.value) == (
        "api: cpus is 2, and Docker's machine has 1\n"
        "  fix: lower api's cpus, for instance under slipway:overrides of this stack"
    )


def test_which_images_of_the_catalogue_are_used(project: Path, load_with: Callable[[str], Loaded]) -> None:
    """Those that the description refers to, and the carrier that every file needs."""
    (project / "images").mkdir()
    (project / "images" / "lock.yaml").write_text(
        "images: {nginx: {debian: 'nginx:1'}, redis: {debian: 'other:2'}, carrier: {debian: 'slipway/carrier:1'}}\n"
    )
    assert catalogue_roles(load_with("")) == ["carrier", "nginx"]
