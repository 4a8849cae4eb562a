"""The Docker provider against a real daemon: each test makes its own objects and removes them."""

from __future__ import annotations

import socket
import subprocess
import tarfile
import threading
import time
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.provider import PartialFailure, Properties, ProviderError
from engine.providers.docker import DockerProvider
from engine.providers.docker.daemon import Daemon
from engine.providers.docker.errors import DaemonError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

NETWORK = "docker:index/network:Network"
VOLUME = "docker:index/volume:Volume"
IMAGE = "docker:index/remoteImage:RemoteImage"
CONTAINER = "docker:index/container:Container"
NAME = "recording:1"
BUSYBOX = Path("/usr/bin/busybox")
SLEEP = ["sleep", "infinity"]
CHECK = {"interval": "1s", "timeout": "2s", "retries": 1}


@pytest.fixture(scope="session")
def daemon() -> Daemon:
    """The daemon, with the test image on it."""
    daemon = Daemon()
    try:
        daemon.get(f"/images/{NAME}/json")
    except DaemonError:
        if not BUSYBOX.exists():
            pytest.skip(f"no image {NAME}, and no busybox-static to make it from")
        _import_image()
    except ProviderError as error:
        pytest.skip(str(error))
    return daemon


def _import_image() -> None:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in ("bin", "tmp", "etc"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            archive.addfile(entry)
        archive.add(BUSYBOX, "bin/busybox")
        for word in ("sh", "sleep", "true", "cat", "echo", "kill", "nc", "ls"):
            entry = tarfile.TarInfo(f"bin/{word}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(entry)
    subprocess.run(["docker", "import", "-", NAME], input=buffer.getvalue(), check=True, capture_output=True)


class World:
    """Creates through the provider as the engine would, and removes everything at the end."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.provider = DockerProvider(daemon)
        self.made: list[tuple[str, str, Properties, Properties]] = []

    def create(self, type_: str, logical_name: str, /, **inputs: Any) -> tuple[str, Properties, Properties]:
        """Check and create; return id, checked inputs and outputs, after proof that they are stable."""
        checked = self.provider.check(type_, logical_name, None, inputs)
        assert checked.failures == ()
        try:
            made = self.provider.create(type_, logical_name, checked.inputs, preview=False)
        except PartialFailure as error:
            self.made.append((type_, error.resource_id, checked.inputs, error.outputs))
            raise
        self.made.append((type_, made.id, checked.inputs, made.outputs))
        assert not self.provider.diff(type_, made.id, checked.inputs, made.outputs, checked.inputs).changes
        return made.id, checked.inputs, made.outputs

    def refreshed(self, type_: str, made: tuple[str, Properties, Properties]) -> tuple[Properties, Properties]:
        """Read back; return inputs and outputs."""
        read = self.provider.read(type_, *made)
        assert read.id == made[0]
        return read.inputs, read.outputs

    def inspect(self, container: str) -> dict[str, Any]:
        """Return the daemon's view of a container."""
        found: dict[str, Any] = self.daemon.get(f"/containers/{container}/json")
        return found

    def exists(self, name: str) -> bool:
        """Whether a container of this name exists."""
        return any(f"/{name}" in item["Names"] for item in self.daemon.get("/containers/json", all=True))

    def clear(self) -> None:
        """Remove what was made, newest first; twice, since a delete must bear what is gone."""
        for type_, id_, inputs, outputs in reversed(self.made):
            self.provider.delete(type_, id_, inputs, outputs)
            self.provider.delete(type_, id_, inputs, outputs)


@pytest.fixture
def world(daemon: Daemon) -> Iterator[World]:
    """A world that is empty again afterwards."""
    world = World(daemon)
    yield world
    world.clear()


def free_port() -> int:
    """Return a port of this machine's loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


def test_a_waiting_container_is_healthy_when_the_create_returns(world: World) -> None:
    """And no later than the daemon says so."""
    made = world.create(
        CONTAINER, "prov-well", image=NAME, command=SLEEP, healthcheck={"tests": ["CMD", "true"], **CHECK}, wait=True
    )

    assert world.inspect(made[0])["State"]["Health"]["Status"] == "healthy"
    inputs, outputs = world.refreshed(CONTAINER, made)
    assert inputs == made[1]
    assert not world.provider.diff(CONTAINER, made[0], inputs, outputs, made[1]).changes


def test_an_unhealthy_container_fails_early_with_its_last_words(world: World) -> None:
    """It is recorded, and the environment's values are not shown."""
    begun = time.monotonic()
    with pytest.raises(PartialFailure) as caught:
        world.create(
            CONTAINER,
            "prov-ill",
            image=NAME,
            command=["sh", "-c", "echo starting with $TOKEN; exec sleep 60"],
            envs=["TOKEN=hunter2hunter2"],
            healthcheck={"tests": ["CMD-SHELL", "echo no database; exit 1"], **CHECK},
            wait=True,
            waitTimeout=60,
        )

    assert time.monotonic() - begun < 15
    text = str(caught.value)
    assert "turned unhealthy" in text
    assert "no database" in text
    assert "starting with [secret]" in text
    assert "hunter2" not in text
    assert caught.value.outputs["entrypoints"] is None
    assert caught.value.outputs["id"] == caught.value.resource_id
    assert world.inspect(caught.value.resource_id)["State"]["Running"]


def test_a_container_that_exits_while_it_is_waited_for_fails_at_once(world: World) -> None:
    """With its exit code and its log."""
    begun = time.monotonic()
    with pytest.raises(PartialFailure, match=r"(?s)exited with code 7.*cannot bind"):
        world.create(
            CONTAINER,
            "prov-exits",
            image=NAME,
            command=["sh", "-c", "sleep 0.3; echo cannot bind; exit 7"],
            healthcheck={"tests": ["CMD", "true"], "interval": "30s"},
            wait=True,
        )

    assert time.monotonic() - begun < 10


def test_waiting_ends_with_the_wait_timeout(world: World) -> None:
    """A check that never says anything is not waited for longer than asked."""
    begun = time.monotonic()
    with pytest.raises(PartialFailure, match="was not healthy within 1 s"):
        world.create(
            CONTAINER,
            "prov-slow",
            image=NAME,
            command=SLEEP,
            healthcheck={"tests": ["CMD", "true"], "interval": "30s"},
            wait=True,
            waitTimeout=1,
        )

    assert 0.9 < time.monotonic() - begun < 8


def test_a_wait_without_a_health_check_says_so(world: World) -> None:
    """Instead of waiting."""
    with pytest.raises(PartialFailure, match="has no health check"):
        world.create(CONTAINER, "prov-none", image=NAME, command=SLEEP, wait=True)


def test_a_port_clash_names_the_port_and_who_holds_it(world: World) -> None:
    """And leaves no half container."""
    port = free_port()
    ports = [{"internal": 80, "external": port, "ip": "127.0.0.1"}]
    holder = world.create(CONTAINER, "prov-holder", image=NAME, command=SLEEP, ports=ports)

    with pytest.raises(ProviderError, match=f"host port {port} is taken by container {holder[1]['name']}") as caught:
        world.create(CONTAINER, "prov-second", image=NAME, command=SLEEP, ports=ports, name="prov-second-fixed")

    assert not isinstance(caught.value, PartialFailure)
    assert not world.exists("prov-second-fixed")


def test_a_port_that_a_program_holds_is_named_too(world: World) -> None:
    """No container to blame."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        ports = [{"internal": 80, "external": port, "ip": "127.0.0.1"}]
        with pytest.raises(ProviderError, match=f"host port {port} is taken by a program outside of Docker"):
            world.create(CONTAINER, "prov-third", image=NAME, command=SLEEP, ports=ports, name="prov-third-fixed")

    assert not world.exists("prov-third-fixed")


def test_a_missing_program_leaves_no_container(world: World) -> None:
    """The daemon's reason is shown."""
    with pytest.raises(ProviderError, match=r"does not start: .*no-such-program"):
        world.create(CONTAINER, "prov-typo", image=NAME, command=["no-such-program"], name="prov-typo-fixed")

    assert not world.exists("prov-typo-fixed")


def test_a_missing_image_is_named_with_the_way_to_get_it(world: World) -> None:
    """By a name that no registry serves."""
    missing = "127.0.0.1:1/prov-missing:1"
    with pytest.raises(ProviderError, match=r"image 127\.0\.0\.1:1/prov-missing:1 is not local and can't be pulled"):
        world.create(CONTAINER, "prov-noimage", image=missing)
    with pytest.raises(ProviderError, match="docker load"):
        world.create(IMAGE, "prov-noimage", name=missing)


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


def test_an_interrupted_create_is_cleared_up(world: World) -> None:
    """Only what bears the exact autoname; a name of the user's proves nothing without a time."""
    id_, inputs, _ = world.create(CONTAINER, "prov-crash", image=NAME, command=SLEEP)
    named = inputs | {"__defaults": [key for key in inputs["__defaults"] if key != "name"]}

    assert not world.provider.recover(CONTAINER, "prov-crash", named, started=None)
    assert not world.provider.recover(CONTAINER, "prov-crash", named, started=time.time() + 3600)
    assert world.provider.recover(CONTAINER, "prov-crash", inputs)
    assert not world.exists(inputs["name"])
    assert not world.provider.recover(CONTAINER, "prov-crash", inputs)

    volume = world.create(VOLUME, "prov-crash", name="prov-crash-fixed")
    assert not world.provider.recover(VOLUME, "prov-crash", volume[1], started=0)
    network = world.create(NETWORK, "prov-crash")
    assert world.provider.recover(NETWORK, "prov-crash", network[1])
    assert world.provider.read(NETWORK, *network).id == ""
    assert id_


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


def test_a_cancelled_wait_ends(world: World) -> None:
    """Ctrl-C does not have to wait for a container's health."""
    threading.Timer(0.5, world.provider.cancel).start()
    begun = time.monotonic()

    with pytest.raises(PartialFailure, match="cancelled"):
        world.create(
            CONTAINER,
            "prov-cancel",
            image=NAME,
            command=SLEEP,
            healthcheck={"tests": ["CMD", "true"], "interval": "30s"},
            wait=True,
        )

    assert time.monotonic() - begun < 5
    world.provider = DockerProvider(world.daemon)


def test_no_daemon_is_explained(tmp_path: Path) -> None:
    """Where it was looked for, and what to do."""
    provider = DockerProvider()
    provider.configure({"host": f"unix://{tmp_path}/none.sock"})

    with pytest.raises(ProviderError, match=r"no Docker daemon answers at unix://.*none\.sock.*DOCKER_HOST"):
        provider.create(VOLUME, "v", provider.check(VOLUME, "v", None, {}).inputs, preview=False)
