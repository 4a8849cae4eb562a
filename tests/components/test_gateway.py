"""Gateway: never restarted for its routes, and a release goes stage, verify, reload, then the old replicas."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from components import Gateway, GatewayArgs, GatewayRoute, Network, PublishedPort, Server, Service, ServiceArgs
from testing import Graph, Resource, render

ARGS = GatewayArgs(
    image="nginx",
    routes=[GatewayRoute(upstream="api")],
    upstreams={"api": ["api-0-abc:8000"]},
    publish=[PublishedPort(port=8080, host_port=8080)],
)


def _gateway(args: GatewayArgs = ARGS, **options: Any) -> Graph:
    return render(lambda: Gateway("gateway", args), **options)


def _with_service(*, replicas: int = 2) -> None:
    edge = Network("edge").attach("gateway")
    api = Service("api", ServiceArgs(image="app", port=8000, replicas=replicas))
    addresses = api.container_names.apply(lambda names: [f"{name}:8000" for name in names])
    Gateway("gateway", replace(ARGS, upstreams={"api": addresses}, networks=[edge], needs=api.containers))


def test_children() -> None:
    """A volume, a stage, a check, a reload, and the server."""
    assert sorted((child.type.rpartition(":")[2], child.name) for child in _gateway().children("gateway")) == [
        ("Container", "gateway-reload"),
        ("Container", "gateway-server"),
        ("Container", "gateway-stage"),
        ("Container", "gateway-verify"),
        ("Volume", "gateway-config"),
    ]


def _changed(before: Graph, after: Graph) -> set[str]:
    return {resource.name for resource in before if resource.custom and after[resource.name].inputs != resource.inputs}


@pytest.mark.parametrize(
    "change",
    [
        {"routes": [GatewayRoute(upstream="api"), GatewayRoute(upstream="api", path="/v2")]},
        {"upstreams": {"api": ["api-0-def:8000"]}},
        {"server": Server(max_body_mib=1024)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_configuration_never_touches_the_server(change: dict[str, Any]) -> None:
    """It is staged, verified and reloaded."""
    changed = _changed(_gateway(), _gateway(replace(ARGS, **change)))
    assert changed == {"gateway-stage", "gateway-verify", "gateway-reload"}


def test_another_drain_changes_the_grace_of_the_server_too() -> None:
    """Its own stop must be as patient as a reload."""
    graph = _gateway(replace(ARGS, server=Server(drain_s=120.0)))
    assert graph["gateway-server"].inputs["destroyGraceSeconds"] == 125
    assert graph["gateway-reload"].inputs["command"][-2:] == ["122", "16"]


@pytest.mark.parametrize("preview", [False, True])
def test_release_order(preview: bool) -> None:
    """New replicas, stage, verify, server, reload: each waits for those before it."""
    graph = render(_with_service, preview=preview)
    order = ["api-0", "gateway-stage", "gateway-verify", "gateway-server", "gateway-reload"]
    for earlier, later in itertools.pairwise(order):
        assert graph[later].depends_on(earlier), (later, earlier)
    assert graph["gateway-verify"].depends_on("api-1")


def test_replicas_wait_for_nothing_of_the_gateway() -> None:
    """Else they could not come first."""
    graph = render(_with_service)
    for replica in (graph["api-0"], graph["api-1"]):
        assert not any(replica.depends_on(child) for child in graph.descendants("gateway"))


def test_one_shots_run_as_the_gateway_user_on_its_volume() -> None:
    """The reload signals process 1 of the server, which its own user may."""
    graph = render(_with_service)
    server, verify, reload = graph["gateway-server"], graph["gateway-verify"], graph["gateway-reload"]
    assert verify.inputs["user"] == reload.inputs["user"] == server.inputs["user"] == "101:101"
    assert verify.inputs["volumes"] == reload.inputs["volumes"] == server.inputs["volumes"]
    assert reload.inputs["pidMode"] == f"container:{server.id}"
    assert server.inputs["init"] is False


def test_the_check_is_on_the_networks_without_the_name() -> None:
    """Names resolve there as for the server, but nobody is led to a container in which nothing listens."""
    graph = render(_with_service)
    assert graph["gateway-server"].inputs["networksAdvanced"][0]["aliases"] == ["gateway"]
    (joined,) = graph["gateway-verify"].inputs["networksAdvanced"]
    assert joined["name"] == graph["edge-network"].id
    assert not joined.get("aliases")
    assert "networksAdvanced" not in graph["gateway-reload"].inputs


def test_no_argument_is_empty() -> None:
    """The real provider refuses one ("values for command may not be empty"), the embedded engine's does not."""
    for item in render(_with_service).of_type("Container"):
        assert "" not in (item.inputs.get("command") or []), item


def _order(resource: Resource) -> bool | None:
    return resource.options.delete_before_replace


def test_orders_of_replacement() -> None:
    """The server holds a port of the host; everything else can stand beside its successor."""
    graph = _gateway()
    assert _order(graph["gateway-server"]) is True
    assert [_order(graph[f"gateway-{child}"]) for child in ("stage", "verify", "reload", "config")] == [False] * 4


@pytest.mark.parametrize(("job", "what"), [("verify", "check of the configuration"), ("reload", "reload")])
def test_a_refused_configuration_fails_the_deployment(job: str, what: str) -> None:
    """With nginx's message."""
    outcome = {"exitCode": 1, "containerLogs": "nginx: [emerg] host not found"}
    with pytest.raises(pulumi.RunError, match=rf"the {what} of gateway failed with exit code 1(.|\n)*host not found"):
        _gateway(outputs={f"gateway-{job}": outcome})


def test_a_refused_configuration_is_never_reloaded() -> None:
    """The reload is not even registered."""
    seen: list[str] = []

    def note(resource: Resource) -> dict[str, Any]:
        seen.append(resource.name)
        return {"exitCode": int(resource.name == "gateway-verify"), "containerLogs": ""}

    with pytest.raises(pulumi.RunError):
        render(_with_service, outputs={"docker:index/container:Container": note})
    assert "gateway-verify" in seen
    assert not {"gateway-server", "gateway-reload"} & set(seen)


def _names_in(config: str, graph: Graph) -> Sequence[str]:
    return [item.name for item in graph.of_type("Container") if str(item.outputs["name"]) in config]


def test_the_configuration_names_the_replicas() -> None:
    """By their containers' names, which are new with each release: nginx resolves them once."""
    graph = render(_with_service)
    (upload,) = graph["gateway-stage"].inputs["uploads"]
    assert _names_in(upload["content"], graph) == ["api-0", "api-1"]
    assert graph["gateway"].outputs["config"] == upload["content"]


def test_the_file_is_named_by_its_content() -> None:
    """So that old and new stand side by side until the link moves."""

    def file(graph: Graph) -> str:
        (upload,) = graph["gateway-stage"].inputs["uploads"]
        assert graph["gateway-verify"].inputs["command"][-1] == upload["file"].rpartition("/")[2]
        return str(upload["file"])

    one, other = file(_gateway()), file(_gateway(replace(ARGS, server=Server(workers=3))))
    assert one != other
    assert file(_gateway()) == one
