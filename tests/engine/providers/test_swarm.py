"""Swarm services, secrets and configs against a swarm in memory."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from engine.provider import PartialFailure, Properties, ProviderError
from engine.providers.docker import DockerProvider
from engine.providers.docker.daemon import Daemon
from engine.providers.docker.errors import DaemonError
from tests.engine.providers.fake_daemon import FakeDaemon

SERVICE = "docker:index/service:Service"
SECRET = "docker:index/secret:Secret"
CONFIG = "docker:index/serviceConfig:ServiceConfig"
MODES = {"fileUid": "0", "fileGid": "0", "fileMode": 292}


class Swarm(FakeDaemon):
    """Keeps services, secrets and configs; ``tasks`` says how a service's tasks fare after a change of it."""

    def __init__(self, *states: str, update: dict[str, str] | None = None) -> None:
        super().__init__()
        self.objects |= {"services": {}, "secrets": {}, "configs": {}}
        self.states = states or ("running",)
        self.update = update
        self.headers: list[dict[str, str]] = []

    def call(self, method: str, path: str, **options: Any) -> Any:
        kind = path.strip("/").split("/")[0]
        if kind == "tasks":
            return self._tasks(options["query"]["filters"])
        if kind == "distribution":
            raise DaemonError(403, "no registry")
        if kind not in {"services", "secrets", "configs"}:
            return super().call(method, path, **options)
        self.headers.append(dict(options.get("headers") or {}))
        if method == "POST":
            self.calls.append((method, path))
            return self._change(kind, path, options["body"])
        return super().call(method, path, **options)

    def _change(self, kind: str, path: str, body: dict[str, Any]) -> dict[str, str]:
        things = self.objects[kind]
        if path.endswith("/create"):
            things["id-1"] = {"ID": "id-1", "Name": body["Name"], "Spec": body, "Version": {"Index": 3}}
            things["id-1"]["CreatedAt"] = "2026-11-20T22:00:00Z"
            return {"ID": "id-1"}
        things["id-1"] = {**things["id-1"], "Spec": body, "UpdateStatus": self.update}
        return {}

    def _found(self, kind: str, name: str) -> dict[str, Any]:
        return super()._found(kind, name) if kind not in {"services", "secrets", "configs"} else self._owned(kind, name)

    def _owned(self, kind: str, name: str) -> dict[str, Any]:
        if name not in self.objects[kind]:
            raise DaemonError(404, f"{name} not found")
        return self.objects[kind][name]

    def _tasks(self, filters: dict[str, Any]) -> list[dict[str, Any]]:
        service = self.objects["services"].get(filters["service"][0])
        if service is None:
            return []
        template = service["Spec"]["TaskTemplate"]
        tasks = [
            {"Slot": slot, "Spec": template, "Status": {"State": state, "Err": f"task: {state}"}}
            for slot, state in enumerate(self.states)
        ]
        wanted = filters.get("desired-state")
        return [task for task in tasks if not wanted or task["Status"]["State"] in wanted]


def inputs_for(provider: DockerProvider, type_: str, **inputs: Any) -> Properties:
    """Check inputs."""
    checked = provider.check(type_, "web", None, inputs)
    assert checked.failures == ()
    return checked.inputs


def service(provider: DockerProvider, **inputs: Any) -> Properties:
    """Check a service of two replicas that is waited for."""
    task = {
        "containerSpec": {"image": "recording", "env": {"B": "2", "PASSWORD": "hunter2hunter2"}},
        "networksAdvanceds": [{"id": "net"}],
    }
    wanted: dict[str, Any] = {
        "taskSpec": task,
        "mode": {"replicated": {"replicas": 2}},
        "endpointSpec": {"mode": "dnsrr"},
        "convergeConfig": {"timeout": "1s"},
    }
    return inputs_for(provider, SERVICE, **{**wanted, **inputs})


def test_a_service_is_specified_and_waited_for() -> None:
    swarm = Swarm("running", "running")
    provider = DockerProvider(swarm)

    made = provider.create(SERVICE, "web", service(provider), preview=False)

    spec = swarm.objects["services"]["id-1"]["Spec"]
    container = spec["TaskTemplate"]["ContainerSpec"]
    assert (container["Image"], container["Env"]) == ("recording:latest", ["B=2", "PASSWORD=hunter2hunter2"])
    assert spec["TaskTemplate"]["Networks"] == [{"Target": "net", "Aliases": [], "DriverOpts": {}}]
    assert spec["Mode"] == {"Replicated": {"Replicas": 2}}
    assert made.id == "id-1"
    assert made.outputs["taskSpec"]["containerSpec"]["image"] == "recording:latest"
    assert set(made.outputs) == {
        *("auth", "convergeConfig", "endpointSpec", "id", "labels", "mode", "name", "rollbackConfig", "taskSpec"),
        *("updateConfig", "__meta"),
    }


def test_a_service_that_does_not_converge_is_removed_and_its_tasks_are_quoted() -> None:
    swarm = Swarm("running", "failed")
    provider = DockerProvider(swarm)

    with pytest.raises(ProviderError, match=r"1 of 2 replicas.*failed with: task: failed") as caught:
        provider.create(SERVICE, "web", service(provider), preview=False)

    assert not isinstance(caught.value, PartialFailure)
    assert swarm.objects["services"] == {}


def test_an_update_that_is_paused_is_recorded_and_said() -> None:
    swarm = Swarm("running", "running", update={"State": "paused", "StartedAt": "now", "Message": "hunter2hunter2"})
    provider = DockerProvider(swarm)
    inputs = service(provider)
    made = provider.create(SERVICE, "web", inputs, preview=False)
    new = inputs | {"mode": {"replicated": {"replicas": 1}}}

    with pytest.raises(PartialFailure, match=r"ended as paused: \[secret\]") as caught:
        provider.update(SERVICE, made.id, inputs, made.outputs, new, preview=False)

    assert caught.value.resource_id == made.id
    assert caught.value.outputs["mode"] == {"replicated": {"replicas": 1}, "global": False}


def test_the_status_of_an_earlier_update_is_not_mistaken_for_this_ones() -> None:
    swarm = Swarm("running", "running", update={"State": "paused", "StartedAt": "then"})
    provider = DockerProvider(swarm)
    inputs = service(provider)
    made = provider.create(SERVICE, "web", inputs, preview=False)
    swarm.objects["services"]["id-1"]["UpdateStatus"] = {"State": "paused", "StartedAt": "then"}

    outputs = provider.update(SERVICE, made.id, inputs, made.outputs, inputs | {"labels": []}, preview=False)

    assert outputs["labels"] == []


def test_a_global_service_can_not_be_waited_for() -> None:
    provider = DockerProvider(Swarm())

    with pytest.raises(ProviderError, match="not a global one"):
        provider.create(SERVICE, "web", service(provider, mode={"global": True}), preview=False)


def test_credentials_of_the_service_go_to_the_registry() -> None:
    swarm = Swarm("running", "running")
    provider = DockerProvider(swarm)
    auth = {"serverAddress": "r.test", "username": "me", "password": "word"}

    provider.create(SERVICE, "web", service(provider, auth=auth), preview=False)

    header = next(item["X-Registry-Auth"] for item in swarm.headers if "X-Registry-Auth" in item)
    assert b'"username": "me"' in base64.urlsafe_b64decode(header)


def test_deleting_twice_is_success() -> None:
    swarm = Swarm("running", "running")
    provider = DockerProvider(swarm)
    inputs = service(provider)
    made = provider.create(SERVICE, "web", inputs, preview=False)

    for _ in range(2):
        provider.delete(SERVICE, made.id, inputs, made.outputs)

    assert provider.read(SERVICE, made.id, inputs, made.outputs).id == ""


@pytest.mark.parametrize(
    ("type_", "kind", "inputs", "content"),
    [
        (SECRET, "secrets", {"data": "eA=="}, "eA=="),
        (CONFIG, "configs", {"data": "eA=="}, "eA=="),
        (CONFIG, "configs", {"dataRaw": "xé"}, base64.b64encode("xé".encode()).decode()),
    ],
)
def test_secrets_and_configs_are_stored_whole(type_: str, kind: str, inputs: Properties, content: str) -> None:
    swarm = Swarm()
    provider = DockerProvider(swarm)
    checked = inputs_for(provider, type_, labels=[{"label": "a", "value": "b"}], **inputs)

    made = provider.create(type_, "web", checked, preview=False)
    read = provider.read(type_, made.id, checked, made.outputs)

    spec = swarm.objects[kind]["id-1"]["Spec"]
    assert (spec["Data"], spec["Labels"]) == (content, {"a": "b"})
    assert read.outputs == made.outputs
    assert {key: made.outputs[key] for key in inputs} == inputs
    assert provider.recover(type_, "web", checked)
    assert provider.read(type_, made.id, checked, made.outputs).id == ""


def test_a_secret_that_is_still_in_use_is_waited_for() -> None:
    swarm = Swarm()
    provider = DockerProvider(swarm)
    checked = inputs_for(provider, SECRET, data="eA==")
    made = provider.create(SECRET, "web", checked, preview=False)
    swarm.failures["DELETE .*"] = [DaemonError(400, "secret 'web' is in use by the following service: x")]

    provider.delete(SECRET, made.id, checked, made.outputs)

    assert swarm.objects["secrets"] == {}


@pytest.mark.parametrize("type_", [SECRET, SERVICE])
def test_a_daemon_outside_of_a_swarm_is_explained(type_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    swarm = Swarm()
    provider = DockerProvider(swarm)
    inputs = service(provider) if type_ == SERVICE else inputs_for(provider, SECRET, data="eA==")

    def refuse(*_: object, **__: object) -> None:
        raise DaemonError(503, "This node is not a swarm manager. Use docker swarm init")

    monkeypatch.setattr(Daemon, "post", refuse)
    monkeypatch.setattr(swarm, "call", refuse)
    with pytest.raises(ProviderError, match="docker swarm init"):
        provider.create(type_, "web", inputs, preview=False)


def test_modes_of_references_have_their_defaults() -> None:
    provider = DockerProvider(Swarm())
    spec = {"image": "a", "secrets": [{"secretId": "s", "fileName": "f"}]}

    checked = inputs_for(provider, SERVICE, taskSpec={"containerSpec": spec})

    secret = checked["taskSpec"]["containerSpec"]["secrets"][0]
    assert {key: secret[key] for key in MODES} == MODES
