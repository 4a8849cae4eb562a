"""The Docker provider against a real daemon: what it makes, changes, reads and removes."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tests.e2e.providers.world import CHECK, CONTAINER, NAME, NETWORK, SLEEP, VOLUME, World

pytestmark = pytest.mark.e2e


def test_a_network_is_stable_over_a_refresh(world: World) -> None:
    """Labels and an own subnet are read back as they were given."""
    made = world.create(
        NETWORK,
        "prov-net",
        internal=True,
        labels=[{"label": "a", "value": "b"}],
        ipamConfigs=[{"subnet": "10.213.7.0/24", "gateway": "10.213.7.1"}],
    )

    inputs, outputs = world.refreshed(NETWORK, made)

    assert inputs == made[1]
    assert outputs["ipamConfigs"] == [
        {"subnet": "10.213.7.0/24", "gateway": "10.213.7.1", "ipRange": "", "auxAddress": {}}
    ]
    assert not world.provider.diff(NETWORK, made[0], inputs, outputs, made[1]).changes


def test_what_is_gone_reads_as_gone(world: World) -> None:
    """An empty id, for every type."""
    volume = world.create(VOLUME, "prov-gone")
    network = world.create(NETWORK, "prov-gone")
    container = world.create(CONTAINER, "prov-gone", image=NAME, command=SLEEP)
    world.clear()

    for type_, made in ((VOLUME, volume), (NETWORK, network), (CONTAINER, container)):
        assert world.provider.read(type_, *made).id == ""


def test_a_network_goes_as_soon_as_its_last_container_has_gone(world: World) -> None:
    """The delete waits for it instead of failing."""
    network = world.create(NETWORK, "prov-busy")
    container = world.create(
        CONTAINER, "prov-busy", image=NAME, command=SLEEP, networksAdvanced=[{"name": network[0], "aliases": ["x"]}]
    )
    remove = threading.Timer(0.6, world.provider.delete, (CONTAINER, *container))
    remove.start()

    world.provider.delete(NETWORK, *network)

    remove.join()
    assert world.provider.read(NETWORK, *network).id == ""


def test_a_carrier_fills_a_volume_without_ever_running(world: World) -> None:
    """Modes, missing folders and content arrive; another container reads them as another user."""
    volume = world.create(VOLUME, "prov-files")
    carrier = world.create(
        CONTAINER,
        "prov-carrier",
        image=NAME,
        command=["true"],
        start=False,
        mustRun=False,
        mounts=[{"type": "volume", "source": volume[0], "target": "/files"}],
        uploads=[
            {"file": "/files/password", "content": "secret\n", "permissions": "0444"},
            {"file": "/files/deep/er/plain.conf", "contentBase64": "cGxhaW4K"},
            {"file": "/files/run", "content": "#!/bin/sh\n", "executable": True},
        ],
    )
    job = world.create(
        CONTAINER,
        "prov-reader",
        image=NAME,
        command=["sh", "-c", "cat /files/password /files/deep/er/plain.conf; ls -ln /files"],
        user="1000:1000",
        mustRun=False,
        attach=True,
        logs=True,
        mounts=[{"type": "volume", "source": volume[0], "target": "/files", "readOnly": True}],
    )

    logs = job[2]["containerLogs"]
    assert logs.startswith("secret\nplain\n")
    assert "-r--r--r--" in logs
    assert "-rwxr--r--" in logs
    assert world.inspect(carrier[0])["State"]["Status"] == "created"
    assert carrier[2]["exitCode"] == 0
    inputs, outputs = world.refreshed(CONTAINER, carrier)
    assert not world.provider.diff(CONTAINER, carrier[0], inputs, outputs, carrier[1]).changes


def test_a_job_gives_its_exit_code_and_its_log(world: World) -> None:
    """Also one that fails, and one that was over before anybody looked."""
    failing = ["sh", "-c", "echo out; echo err >&2; exit 3"]
    job = {"image": NAME, "mustRun": False, "attach": True, "logs": True}

    failed = world.create(CONTAINER, "prov-fails", command=failing, **job)
    quick = world.create(CONTAINER, "prov-quick", command=["true"], **job)

    assert failed[2]["exitCode"] == 3
    assert sorted(failed[2]["containerLogs"].split()) == ["err", "out"]
    assert quick[2]["exitCode"] == 0
    assert quick[2]["containerLogs"] == ""


def test_a_waiting_container_answers_its_check_when_the_create_returns(world: World) -> None:
    """Before the daemon's first probe, which comes half an hour later."""
    check = {"tests": ["CMD", "sh", "-c", "[ -e /ready ]"], "interval": "30m0s"}  # of the shell: the image has no more
    late = ["sh", "-c", "sleep 1; : >/ready; exec sleep 600"]
    made = world.create(CONTAINER, "prov-well", image=NAME, command=late, healthcheck=check, wait=True)

    found = world.inspect(made[0])
    assert found["State"]["Health"]["Status"] == "starting"
    inputs, outputs = world.refreshed(CONTAINER, made)
    assert inputs == made[1]
    assert not world.provider.diff(CONTAINER, made[0], inputs, outputs, made[1]).changes


def test_memory_is_changed_in_place(world: World) -> None:
    """The same container, running on, with the new limit; the outputs are stable afterwards."""
    id_, inputs, outputs = world.create(
        CONTAINER, "prov-memory", image=NAME, command=SLEEP, memory=64, memorySwap=64, restart="on-failure"
    )
    started = world.inspect(id_)["State"]["StartedAt"]
    new = inputs | {"memory": 96, "memorySwap": 96, "restart": "unless-stopped"}

    diff = world.provider.diff(CONTAINER, id_, inputs, outputs, new)
    assert diff.changed_keys == ("memory", "memorySwap", "restart")
    assert diff.replace_keys == ()
    updated = world.provider.update(CONTAINER, id_, inputs, outputs, new, preview=False)

    found = world.inspect(id_)
    assert found["HostConfig"]["Memory"] == 96 * 1024 * 1024
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert found["State"]["StartedAt"] == started
    refreshed = world.refreshed(CONTAINER, (id_, new, updated))
    assert not world.provider.diff(CONTAINER, id_, refreshed[0], refreshed[1], new).changes


def test_a_stopped_container_is_seen_by_a_refresh_and_started_again(world: World) -> None:
    """``mustRun`` turns false in the state; the update starts it."""
    made = world.create(CONTAINER, "prov-stopped", image=NAME, command=SLEEP)
    world.daemon.post(f"/containers/{made[0]}/kill")
    deadline = time.monotonic() + 10
    while world.inspect(made[0])["State"]["Running"] and time.monotonic() < deadline:
        time.sleep(0.05)

    inputs, outputs = world.refreshed(CONTAINER, made)
    assert outputs["mustRun"] is False
    diff = world.provider.diff(CONTAINER, made[0], inputs, outputs, made[1])
    assert diff.changed_keys == ("mustRun",)
    world.provider.update(CONTAINER, made[0], inputs, outputs, made[1], preview=False)

    assert world.inspect(made[0])["State"]["Running"]


def test_a_delete_gives_the_grace_that_was_asked_for(world: World) -> None:
    """The program hears the stop signal and may finish; without grace it is killed at once."""
    volume = world.create(VOLUME, "prov-grace")
    trap = "trap 'echo stopped > /data/last; exit 0' TERM; while :; do sleep 0.1; done"
    options: dict[str, Any] = {
        "image": NAME,
        "command": ["sh", "-c", trap],
        "mounts": [{"type": "volume", "source": volume[0], "target": "/data"}],
    }
    read = {**options, "command": ["cat", "/data/last"], "mustRun": False, "attach": True, "logs": True}

    killed = world.create(CONTAINER, "prov-killed", **options)
    world.provider.delete(CONTAINER, *killed)
    assert world.create(CONTAINER, "prov-look", **read)[2]["exitCode"] == 1

    stopped = world.create(CONTAINER, "prov-stops", destroyGraceSeconds=10, **options)
    time.sleep(0.5)  # the shell has no other way to say that its trap is set
    world.provider.delete(CONTAINER, *stopped)
    assert world.create(CONTAINER, "prov-look", **read)[2]["containerLogs"] == "stopped\n"


def test_aliases_resolve_on_the_joined_networks_only(world: World) -> None:
    """The default network is left; DNS on the user's network answers to alias and name."""
    network = world.create(NETWORK, "prov-dns")
    joined = [{"name": network[0], "aliases": ["web"]}]
    server = world.create(CONTAINER, "prov-server", image=NAME, command=SLEEP, networksAdvanced=joined)

    client = world.create(
        CONTAINER,
        "prov-client",
        image=NAME,
        command=["sh", "-c", f"busybox nslookup web && busybox nslookup {server[1]['name']}"],
        mustRun=False,
        attach=True,
        logs=True,
        networksAdvanced=[{"name": network[0]}],
    )

    assert client[2]["exitCode"] == 0
    assert list(world.inspect(server[0])["NetworkSettings"]["Networks"]) == [network[2]["name"]]
    assert [item["networkName"] for item in server[2]["networkDatas"]] == [network[2]["name"]]


def test_many_waiting_containers_do_not_starve_each_other(world: World) -> None:
    """Twelve at once, each with a check of one second, in little more than one of them takes."""
    errors: list[BaseException] = []

    def one(number: int) -> None:
        try:
            world.create(
                CONTAINER,
                f"prov-many-{number}",
                image=NAME,
                command=SLEEP,
                healthcheck={"tests": ["CMD", "true"], **CHECK},
                wait=True,
            )
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert errors == []
    assert len(world.made) == 12
