"""Service and Workers: containers of one kind that share their files."""

from __future__ import annotations

from typing import Any

import pytest

from components import Network, Service, ServiceArgs, Workers, WorkersArgs
from testing import Graph, Resource, render

CASES: list[Any] = [(Service, ServiceArgs), (Workers, WorkersArgs)]


@pytest.mark.parametrize(("component", "arguments"), CASES)
def test_children_are_the_replicas_and_one_set_of_files(component: Any, arguments: Any) -> None:
    """Files belong to the service, not to a replica: resources cost time."""
    args = arguments(
        image="app", replicas=3, secret_files={"/run/secrets/key": "v"}, files={"/etc/app/app.toml": "a = 1"}
    )
    graph = render(lambda: component("api", args))
    assert {(child.type.rpartition(":")[2], child.name) for child in graph.children("api")} == {
        ("Container", "api-0"),
        ("Container", "api-1"),
        ("Container", "api-2"),
        ("SecretFiles", "api-secrets"),
        ("SecretFiles", "api-files"),
    }
    mounts = [graph[f"api-{index}"].inputs["volumes"] for index in range(3)]
    assert mounts[0] == mounts[1] == mounts[2]
    assert [item["containerPath"] for item in mounts[0]] == ["/run/secrets", "/etc/app"]
    assert all(item["readOnly"] for item in mounts[0])


@pytest.mark.parametrize(("component", "arguments"), CASES)
def test_replicas_start_only_when_their_files_are_there(component: Any, arguments: Any) -> None:
    """The carrier fills the volume before anything mounts it."""
    graph = render(lambda: component("api", arguments(image="app", secret_files={"/run/secrets/key": "v"})))
    assert graph["api-0"].depends_on("api-secrets-carrier")
    assert not graph["api-secrets-carrier"].depends_on("api-0")


def test_replicas_do_not_wait_for_each_other() -> None:
    """What can start together does."""
    graph = render(lambda: Service("api", ServiceArgs(image="app", replicas=3)))
    assert not any(replica.depends_on(other) for replica in graph.of_type("Container") for other in graph)


def _network_of_three() -> Graph:
    def program() -> None:
        backend = Network("backend")
        Service("api", ServiceArgs(image="app", port=8000, replicas=3, networks=[backend.attach("api")]))

    return render(program)


def test_replicas_share_a_name_on_the_network_and_differ_in_number_alone() -> None:
    """One alias for all; the number is a label, and with it the hash."""
    graph = _network_of_three()

    def comparable(container: Resource) -> dict[str, Any]:
        return {key: value for key, value in container.inputs.items() if key != "labels"}

    replicas = [graph[f"api-{index}"] for index in range(3)]
    assert comparable(replicas[0]) == comparable(replicas[1]) == comparable(replicas[2])
    assert [replica.labels()["slipway.replica"] for replica in replicas] == ["0", "1", "2"]


def test_names_of_the_containers_are_an_output() -> None:
    """The gateway's configuration is made of them."""
    graph = _network_of_three()
    names = [graph[f"api-{index}"].outputs["name"] for index in range(3)]
    assert graph["api"].outputs == {"container_names": names, "port": 8000}
    assert len(set(names)) == 3


def test_no_replica_is_possible() -> None:
    """A service that is switched off for a while."""
    graph = render(lambda: Service("api", ServiceArgs(image="app", replicas=0)))
    assert graph.of_type("Container") == ()
    assert graph["api"].outputs["container_names"] == []
