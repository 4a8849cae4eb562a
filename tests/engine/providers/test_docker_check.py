"""What the Docker provider refuses, and what it fills in."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.provider import UNKNOWN, ProviderError
from engine.providers.docker import DockerProvider
from tests.engine.providers.fake_daemon import FakeDaemon

CONTAINER = "docker:index/container:Container"
NETWORK = "docker:index/network:Network"
VOLUME = "docker:index/volume:Volume"
SECRET = "docker:index/secret:Secret"
CONFIG = "docker:index/serviceConfig:ServiceConfig"
SERVICE = "docker:index/service:Service"
REMOTE = "docker:index/remoteImage:RemoteImage"

PROVIDER = DockerProvider(FakeDaemon())
PLAIN: dict[str, Any] = {"image": "recording:1"}


@pytest.mark.parametrize(
    ("type_", "inputs", "property_", "reason"),
    [
        (CONTAINER, {}, "image", "is required"),
        (CONTAINER, PLAIN | {"imgae": "x"}, "imgae", "did you mean 'image'"),
        (CONTAINER, PLAIN | {"exitCode": 1}, "exitCode", "no input of this name"),
        (CONTAINER, PLAIN | {"deviceCgroupRules": ["a"]}, "deviceCgroupRules", "no input of this name"),
        (CONTAINER, PLAIN | {"uploads": [{"file": "/a", "owner": "1"}]}, "uploads[0].owner", "no input of this name"),
        (CONTAINER, PLAIN | {"memory": -1}, "memory", "must not be lower than 0"),
        (CONTAINER, PLAIN | {"memory": "much"}, "memory", "must be a whole number"),
        (CONTAINER, PLAIN | {"memorySwap": -2}, "memorySwap", "must not be lower than -1"),
        (CONTAINER, PLAIN | {"restart": "sometimes"}, "restart", "must be one of no, on-failure"),
        (CONTAINER, PLAIN | {"command": "sleep"}, "command", "must be a list"),
        (CONTAINER, PLAIN | {"tmpfs": ["a"]}, "tmpfs", "must be a map"),
        (CONTAINER, PLAIN | {"healthcheck": {"interval": "soon"}}, "healthcheck.interval", "must be a duration"),
        (CONTAINER, PLAIN | {"healthcheck": {"interval": "-1s"}}, "healthcheck.interval", "must not be negative"),
        (CONTAINER, PLAIN | {"mounts": [{"type": "volume"}]}, "mounts[0].target", "is required"),
        (CONTAINER, PLAIN | {"mounts": [{"type": "nfs", "target": "/a"}]}, "mounts[0].type", "bind, volume, tmpfs"),
        (CONTAINER, PLAIN | {"uploads": [{"file": "/a", "permissions": "777"}]}, "uploads[0].permissions", "octal"),
        (CONTAINER, PLAIN | {"cpuSet": "all"}, "cpuSet", "CPU numbers"),
        (CONTAINER, PLAIN | {"gpus": "all", "deviceRequests": [{}]}, "deviceRequests", "conflicts with 'gpus'"),
        (CONTAINER, PLAIN | {"volumes": [{"hostPath": "a"}]}, "volumes[0].hostPath", "absolute path"),
        (REMOTE, {"name": "a", "pullTriggers": ["a"], "build": {"context": "."}}, "build", "conflicts"),
        (SECRET, {"data": "no base64!"}, "data", "must be base64"),
        (CONFIG, {}, "data", "exactly one of data and dataRaw"),
        (CONFIG, {"data": "eA==", "dataRaw": "x"}, "data", "exactly one of data and dataRaw"),
        (SERVICE, {}, "taskSpec", "is required"),
        (SERVICE, {"taskSpec": {"containerSpec": {}}}, "taskSpec.containerSpec.image", "is required"),
    ],
)
def test_bad_inputs_are_refused_by_path_and_without_their_value(
    type_: str, inputs: dict[str, Any], property_: str, reason: str
) -> None:
    failures = PROVIDER.check(type_, "x", None, inputs).failures

    assert [failure.property for failure in failures] == [property_]
    assert reason in failures[0].reason
    assert "no base64!" not in failures[0].reason


def test_all_that_is_wrong_is_said_at_once() -> None:
    failures = PROVIDER.check(CONTAINER, "x", None, {"memory": -1, "restart": "x", "foo": 1}).failures

    assert {failure.property for failure in failures} == {"memory", "restart", "foo", "image"}


def test_unknown_values_pass() -> None:
    checked = PROVIDER.check(CONTAINER, "x", None, {"image": UNKNOWN, "memory": UNKNOWN, "mounts": [UNKNOWN]})

    assert checked.failures == ()
    assert checked.inputs["image"] is UNKNOWN


def test_scalars_are_given_the_type_of_their_field() -> None:
    checked = PROVIDER.check(
        CONTAINER, "x", None, PLAIN | {"memory": 64.0, "cpus": 1, "sysctls": {"a": 256}, "wait": "true"}
    ).inputs

    assert (checked["memory"], checked["cpus"], checked["sysctls"], checked["wait"]) == (64, "1", {"a": "256"}, True)


def test_only_truthy_defaults_are_written_and_listed() -> None:
    checked = PROVIDER.check(
        CONTAINER, "web", None, PLAIN | {"ports": [{"internal": 80}], "devices": [{"hostPath": "/d"}]}
    )

    assert checked.inputs["__defaults"] == [
        *("containerReadRefreshTimeoutMilliseconds", "mustRun", "name", "networkMode"),
        *("removeVolumes", "restart", "start", "waitTimeout"),
    ]
    assert checked.inputs["ports"] == [
        {"internal": 80, "ip": "0.0.0.0", "protocol": "tcp", "__defaults": ["ip", "protocol"]}  # noqa: S104
    ]
    assert checked.inputs["devices"] == [{"hostPath": "/d", "permissions": "rwm", "__defaults": ["permissions"]}]
    assert "rm" not in checked.inputs


def test_an_autoname_is_kept_on_update_and_new_otherwise() -> None:
    first = PROVIDER.check(NETWORK, "net", None, {}).inputs
    second = PROVIDER.check(NETWORK, "net", None, {}).inputs

    assert re.fullmatch("net-[0-9a-f]{7}", first["name"])
    assert first["name"] != second["name"]
    assert PROVIDER.check(NETWORK, "net", first, {}).inputs == first


def test_a_name_that_the_program_no_longer_gives_is_kept_until_a_replacement() -> None:
    """So does the real CLI (seen with 3.260)."""
    named = PROVIDER.check(NETWORK, "net", None, {"name": "mine"}).inputs
    assert named["__defaults"] == ["ipamDriver"]

    unnamed = PROVIDER.check(NETWORK, "net", named, {}).inputs
    assert unnamed["name"] == "mine"
    assert unnamed["__defaults"] == ["ipamDriver", "name"]


def test_a_name_that_would_be_too_long_is_refused() -> None:
    assert "shorten the resource's name" in PROVIDER.check(VOLUME, "v" * 250, None, {}).failures[0].reason


def test_secret_inputs_are_declared() -> None:
    assert PROVIDER.secret_inputs(SECRET) == {"data"}
    assert PROVIDER.secret_inputs(SERVICE) == {"auth"}
    assert PROVIDER.secret_inputs(CONTAINER) == frozenset()


def test_what_the_embedded_provider_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(ProviderError, match=r"docker:index/plugin:Plugin.*Pulumi CLI"):
        PROVIDER.check("docker:index/plugin:Plugin", "x", None, {})
    with pytest.raises(ProviderError, match=r"getLogs.*getNetwork"):
        PROVIDER.invoke("docker:index/getLogs:getLogs", {})
    with pytest.raises(ProviderError, match="caMaterial"):
        DockerProvider().configure({"caMaterial": "x"})
    inputs = PROVIDER.check(REMOTE, "x", None, {"name": "a", "build": {"context": "."}}).inputs
    with pytest.raises(ProviderError, match="does not build through RemoteImage"):
        PROVIDER.create(REMOTE, "x", inputs, preview=False)
    with pytest.raises(ProviderError, match="no cluster volumes"):
        PROVIDER.create(VOLUME, "x", PROVIDER.check(VOLUME, "x", None, {"cluster": {}}).inputs, preview=False)
