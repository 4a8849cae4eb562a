"""A container's inputs as the daemon takes them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.provider import ProviderError
from engine.providers.docker.container_config import container_body
from engine.providers.docker.container_gpus import gpu_requests, gpus_text
from engine.providers.docker.schema_container import CONTAINER
from engine.providers.handler import Data


def body(**inputs: Any) -> dict[str, Any]:
    """Return the create call's body."""
    return container_body(Data(CONTAINER.block, {"image": "recording:1", **inputs}), (1, 41))


def test_units_are_turned_into_the_daemons() -> None:
    host = body(memory=64, memorySwap=-1, shmSize=32, cpus="0.5", cpuPeriod=100)["HostConfig"]

    assert host["Memory"] == 64 * 1024 * 1024
    assert host["MemorySwap"] == -1
    assert host["ShmSize"] == 32 * 1024 * 1024
    assert host["NanoCpus"] == 500_000_000
    assert "CpuPeriod" not in host


def test_volumes_become_binds_anonymous_volumes_and_sources() -> None:
    made = body(
        volumes=[
            {"containerPath": "/a", "volumeName": "v", "readOnly": True, "selinuxRelabel": "z"},
            {"containerPath": "/b", "hostPath": "/h"},
            {"containerPath": "/c"},
            {"fromContainer": "other"},
        ]
    )

    assert made["HostConfig"]["Binds"] == ["v:/a:ro,z", "/h:/b:rw"]
    assert made["HostConfig"]["VolumesFrom"] == ["other"]
    assert made["Volumes"] == {"/a": {}, "/b": {}, "/c": {}}
    with pytest.raises(ProviderError, match="either containerPath or fromContainer"):
        body(volumes=[{"readOnly": True}])


def test_unconfined_system_paths_are_the_clients_matter() -> None:
    host = body(securityOpts=["systempaths=unconfined", "no-new-privileges:true"])["HostConfig"]

    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert (host["MaskedPaths"], host["ReadonlyPaths"]) == ([], [])


def test_what_this_daemon_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(ProviderError, match=r"startInterval.*API 1\.44"):
        body(healthcheck={"startInterval": "1s"})
    mount = {"type": "volume", "target": "/a", "volumeOptions": {"subpath": "x"}}
    with pytest.raises(ProviderError, match=r"subpath.*API 1\.45"):
        body(mounts=[mount])
    with pytest.raises(ProviderError, match="empty words"):
        body(command=["a", ""])
    with pytest.raises(ProviderError, match="'cpus'"):
        body(cpus="half")


@pytest.mark.parametrize(
    ("text", "count", "ids"),
    [
        ("all", -1, None),
        ("2", 2, None),
        ('"device=0,1"', 0, ["0", "1"]),
        ("driver=nvidia", 1, None),
        ("count=all", -1, None),
    ],
)
def test_gpus_are_written_as_for_docker_run(text: str, count: int, ids: list[str] | None) -> None:
    request = gpu_requests(text)[0]

    assert (request["Count"], request["DeviceIDs"]) == (count, ids)
    assert request["Capabilities"] == [["gpu"]]


def test_gpus_are_read_back_where_they_can_be() -> None:
    assert gpus_text(gpu_requests("all")) == "all"
    assert gpus_text(gpu_requests("device=0,1")) == "device=0,1"
    assert gpus_text(gpu_requests("2")) is None
    assert gpus_text([]) == ""
    with pytest.raises(ProviderError, match="'gpus'"):
        gpu_requests("colour=red")
