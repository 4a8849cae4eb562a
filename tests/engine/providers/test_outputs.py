"""The outputs that the providers write against those that the real CLI wrote, with the daemon in memory."""

from __future__ import annotations

from typing import Any

import pytest

from engine.provider import UNKNOWN, Provider
from engine.providers.docker import DockerProvider
from engine.providers.random import RandomProvider
from tests.engine.providers.fake_daemon import FakeDaemon
from tests.engine.providers.recorded import Entry, previewed, state, unknowns

CONTAINER = "docker:index/container:Container"
FROM_THE_WORLD = ("id", "networkDatas", "imageId")
"""Outputs that the daemon decides."""

CONTAINER_KEYS = """
attach bridge capabilities cgroupParent cgroupnsMode command containerLogs containerReadRefreshTimeoutMilliseconds
cpuPeriod cpuQuota cpuSet cpuShares cpus destroyGraceSeconds deviceReadBps deviceReadIops deviceRequests deviceWriteBps
deviceWriteIops devices dns dnsOpts dnsSearches domainname entrypoints envs exitCode gpus groupAdds healthcheck hostname
hosts id image init ipcMode labels logDriver logOpts logs maxRetryCount memory memoryReservation memorySwap mounts
mustRun name networkDatas networkMode networksAdvanced pidMode platform ports privileged publishAllPorts readOnly
removeVolumes restart rm runtime securityOpts shmSize start stdinOpen stopSignal stopTimeout storageOpts sysctls tmpfs
tty ulimits uploads user usernsMode volumes wait waitTimeout workingDir __meta
"""


def entries(step: str = "00-create") -> dict[str, Entry]:
    """Return a step's resources by logical name."""
    return {entry.name: entry for entry in state("containers", step).values()}


def settled(entry: Entry) -> Any:
    """Return what the world does with a recorded container once it is started: as the recording says."""

    def settle(found: dict[str, Any]) -> None:
        found["State"]["Health"] = {"Status": "healthy"}
        if entry.inputs.get("attach"):
            found["State"] |= {"Running": False, "ExitCode": entry.outputs["exitCode"]}

    return settle


def docker_world(entry: Entry) -> tuple[DockerProvider, FakeDaemon]:
    """Return a provider whose daemon will give the recorded id to the next object."""
    daemon = FakeDaemon(settled(entry))
    for name in ("bridge", *(item["name"] for item in entry.inputs.get("networksAdvanced", []))):
        daemon.objects["networks"][name] = {"Id": name, "Name": name}
    daemon.ids = [entry.outputs["id"]]
    daemon.logs[entry.outputs["id"]] = str(entry.outputs.get("containerLogs") or "").encode()
    if "imageId" in entry.outputs:
        daemon.objects["images"]["recording:1"]["Id"] = entry.outputs["imageId"]
    return DockerProvider(daemon), daemon


def comparable(outputs: dict[str, Any]) -> dict[str, Any]:
    """Return outputs without the bookkeeping of the real bridge and without addresses."""
    hidden = ("__pulumi_raw_state_delta", "networkDatas", "ipamConfigs")
    return {key: value for key, value in outputs.items() if key not in hidden}


@pytest.mark.parametrize("name", [name for name, entry in entries().items() if entry.type.startswith("docker:")])
def test_a_create_writes_the_recorded_outputs(name: str) -> None:
    """Complete and equal, nulls against empty lists and the order inside sets included."""
    entry = entries()[name]
    provider, _ = docker_world(entry)

    made = provider.create(entry.type, entry.name, entry.inputs, preview=False)

    assert made.id == entry.id
    assert comparable(made.outputs) == comparable(entry.outputs)
    assert made.outputs.keys() == entry.outputs.keys() - {"__pulumi_raw_state_delta"}


def test_an_update_writes_the_recorded_outputs() -> None:
    """Old outputs overlaid with the new inputs, zero values inside sets, nothing read back."""
    old, new = entries("09-back")["box-app"], entries("10-memory-update-in-place")["box-app"]
    provider, daemon = docker_world(old)
    provider.create(old.type, old.name, old.inputs, preview=False)
    daemon.calls.clear()

    outputs = provider.update(old.type, old.id, old.inputs, old.outputs, new.inputs, preview=False)

    assert daemon.calls == [("POST", f"/containers/{old.id}/update")]
    assert outputs == {key: value for key, value in new.outputs.items() if key != "__pulumi_raw_state_delta"}


@pytest.mark.parametrize("name", ["box-carrier", "box-job", "box-web-0", "box-app", "box-back", "box-edge", "box-data"])
def test_a_refresh_writes_the_recorded_outputs(name: str) -> None:
    """Nulls of collections become empty; inputs stay as they were."""
    before, after = entries("10-memory-update-in-place")[name], entries("11-removed-by-hand")[name]
    provider, _ = docker_world(before)
    provider.create(before.type, before.name, before.inputs, preview=False)

    read = provider.read(before.type, before.id, before.inputs, before.outputs)

    assert read.id == before.id
    assert read.inputs == after.inputs
    assert comparable(read.outputs) == comparable(after.outputs)


def test_a_refresh_that_finds_nothing_new_keeps_the_outputs_as_they_are() -> None:
    """The bridge's own bookkeeping stays with them."""
    entry = entries("11-removed-by-hand")["box-data"]
    provider, _ = docker_world(entry)
    provider.create(entry.type, entry.name, entry.inputs, preview=False)

    assert provider.read(entry.type, entry.id, entry.inputs, entry.outputs).outputs is entry.outputs


def test_container_outputs_are_complete() -> None:
    """The list that the CLI needs to plan no change."""
    entry = entries()["box-web-0"]
    provider, _ = docker_world(entry)

    made = provider.create(entry.type, entry.name, entry.inputs, preview=False)

    assert sorted(made.outputs) == sorted(CONTAINER_KEYS.split())


UNKNOWN_ON_CREATE = {
    "box-back": {"driver", "ipamConfigs", "options", "scope", "id"},
    "box-edge": {"driver", "internal", "ipamConfigs", "options", "scope", "id"},
    "box-data": {"driver", "mountpoint", "id"},
    "box-image": {"imageId", "repoDigest", "id"},
    "box-job": {
        *("bridge", "containerLogs", "exitCode", "healthcheck", "hostname", "init", "ipcMode", "labels", "logDriver"),
        *("networkDatas", "platform", "runtime", "securityOpts", "shmSize", "stopSignal", "stopTimeout", "entrypoints"),
        *("envs", "id"),
    },
    "box-password": {"result", "bcryptHash", "id"},
    "box-string": {"result", "id"},
    "box-id": {"b64Std", "b64Url", "dec", "hex", "id"},
    "box-bytes": {"base64", "hex"},
}


@pytest.mark.parametrize("name", UNKNOWN_ON_CREATE)
def test_a_preview_of_a_create_knows_all_but_what_is_computed(name: str) -> None:
    """No call to the daemon, no id; unset scalars are null, unset blocks empty."""
    entry = entries()[name]
    daemon = FakeDaemon()
    provider: Provider = RandomProvider() if entry.type.startswith("random:") else DockerProvider(daemon)

    made = provider.create(entry.type, entry.name, entry.inputs, preview=True)

    assert made.id == ""
    assert {key for key, value in made.outputs.items() if value is UNKNOWN} == UNKNOWN_ON_CREATE[name]
    assert daemon.calls == []


def test_a_preview_carries_unknown_inputs_through() -> None:
    """What depends on resources that are still to be made stays unknown, also inside sets."""
    step = next(item for urn, item in previewed("containers", "00-create").items() if urn.endswith("::box-app"))
    entry = entries()["box-app"]
    inputs = unknowns(step["newState"]["inputs"], entry.inputs)

    outputs = DockerProvider(FakeDaemon()).create(CONTAINER, "box-app", inputs, preview=True).outputs

    assert outputs["image"] is UNKNOWN
    assert [item["name"] for item in outputs["networksAdvanced"]] == [UNKNOWN, UNKNOWN]
    assert outputs["memory"] == 128


@pytest.mark.parametrize("name", ["box-password", "box-string", "box-id", "box-bytes"])
def test_random_outputs_have_the_recorded_keys_and_values(name: str) -> None:
    """All but the generated values is equal; nothing unset is written as null."""
    entry = entries()[name]
    generated = {"result", "bcryptHash", "b64Std", "b64Url", "dec", "hex", "base64", "id"}

    made = RandomProvider().create(entry.type, entry.name, entry.inputs, preview=False)

    assert made.outputs.keys() == entry.outputs.keys() - {"__pulumi_raw_state_delta"}
    kept = made.outputs.keys() - generated
    assert {key: made.outputs[key] for key in kept} == {key: entry.outputs[key] for key in kept}
    if name != "box-password":
        assert made.id == made.outputs.get("id", made.outputs.get("base64"))
    else:
        assert made.id == "none"
