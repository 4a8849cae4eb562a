"""The Docker provider against a real daemon: how it fails, and what it leaves behind."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from engine.provider import PartialFailure, ProviderError
from engine.providers.docker import DockerProvider
from tests.e2e.providers.world import CHECK, CONTAINER, IMAGE, NAME, NETWORK, SLEEP, VOLUME, World, free_port

pytestmark = pytest.mark.e2e


def test_an_unhealthy_container_fails_early_with_its_last_words(world: World) -> None:
    """It is recorded, and the environment's values are not shown."""
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
    with pytest.raises(PartialFailure, match=r"(?s)exited with code 7.*cannot bind"):
        world.create(
            CONTAINER,
            "prov-exits",
            image=NAME,
            command=["sh", "-c", "sleep 0.3; echo cannot bind; exit 7"],
            healthcheck={"tests": ["CMD", "false"], "interval": "30s"},
            wait=True,
        )


def test_waiting_ends_with_the_wait_timeout(world: World) -> None:
    """A check that never says anything is not waited for longer than asked."""
    with pytest.raises(PartialFailure, match="was not healthy within 1 s"):
        world.create(
            CONTAINER,
            "prov-slow",
            image=NAME,
            command=SLEEP,
            healthcheck={"tests": ["CMD", "false"], "interval": "30s"},
            wait=True,
            waitTimeout=1,
        )


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


def test_a_cancelled_wait_ends(world: World) -> None:
    """Ctrl-C does not have to wait for a container's health."""
    threading.Timer(0.5, world.provider.cancel).start()

    with pytest.raises(PartialFailure, match="cancelled"):
        world.create(
            CONTAINER,
            "prov-cancel",
            image=NAME,
            command=SLEEP,
            healthcheck={"tests": ["CMD", "false"], "interval": "30s"},
            wait=True,
        )

    world.provider = DockerProvider(world.daemon)


def test_no_daemon_is_explained(tmp_path: Path) -> None:
    """Where it was looked for, and what to do."""
    provider = DockerProvider()
    provider.configure({"host": f"unix://{tmp_path}/none.sock"})

    with pytest.raises(ProviderError, match=r"no Docker daemon answers at unix://.*none\.sock.*DOCKER_HOST"):
        provider.create(VOLUME, "v", provider.check(VOLUME, "v", None, {}).inputs, preview=False)
