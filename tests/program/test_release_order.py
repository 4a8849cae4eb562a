"""The order of a release of the whole platform is in the graph (rules 1 to 4 of the design)."""

from __future__ import annotations

import itertools

import pytest

from testing import Graph, Resource

CONTAINER = "docker:index/container:Container"


def _role(container: Resource) -> str:
    return container.labels()["slipway.role"]


@pytest.fixture
def replicas(starter: Graph) -> list[Resource]:
    """Return the containers of services and workers."""
    return [item for item in starter.of_type(CONTAINER) if _role(item) == "replica"]


def test_stores_then_migration_then_services_then_gateway(starter: Graph) -> None:
    """Each waits for those before it."""
    order = [
        "main-secrets-carrier",
        "main-server",
        "migrate-run",
        "api-0",
        "gateway-stage",
        "gateway-verify",
        "gateway-server",
        "gateway-reload",
    ]
    for earlier, later in itertools.pairwise(order):
        assert starter[later].depends_on(earlier), (later, earlier)


def test_every_replica_waits_for_the_migration_and_the_stores(replicas: list[Resource]) -> None:
    """A worker must not see yesterday's tables either."""
    assert len(replicas) >= 5
    for replica in replicas:
        for name in ("migrate-run", "main-server", "queue-server"):
            assert replica.depends_on(name), (replica, name)


def test_the_gateway_names_every_replica_that_it_leads_to_before_it_reloads(starter: Graph) -> None:
    """All services with a route, no worker."""
    named = {item.name for item in starter.dependencies("gateway-stage") if item.type == CONTAINER}
    routed = {item.name for item in starter.of_type(CONTAINER) if item.name.startswith(("api-", "fanout-"))}
    assert named == {name for name in routed if "secrets" not in name}


def test_whatever_takes_traffic_is_created_before_its_predecessor_goes(replicas: list[Resource]) -> None:
    """Rule 2."""
    assert [str(item) for item in replicas if item.options.delete_before_replace is not False] == []


def test_whatever_holds_a_port_or_data_goes_first(starter: Graph) -> None:
    """The other half of rule 2."""
    alone = {item.name for item in starter.of_type(CONTAINER) if item.options.delete_before_replace}
    assert alone == {"main-server", "queue-server", "gateway-server"}


def test_nothing_that_goes_first_is_made_from_a_replica(starter: Graph, replicas: list[Resource]) -> None:
    """A delete-first resource made from a replica's name would take itself down with each release."""
    for resource in starter:
        if resource.options.delete_before_replace:
            used = set().union(*resource.property_dependencies.values())
            assert not used & {replica.urn for replica in replicas}, resource


def test_no_replica_is_made_from_what_goes_first(starter: Graph, replicas: list[Resource]) -> None:
    """Pulumi deletes and recreates what uses an output of a resource that it deletes first."""
    first = {item.urn for item in starter if item.options.delete_before_replace}
    for replica in replicas:
        assert not set().union(*replica.property_dependencies.values()) & first, replica


def test_no_volume_or_network_is_made_from_a_container(starter: Graph) -> None:
    """Else a new container would mean a new, empty volume."""
    containers = {item.urn for item in starter.of_type(CONTAINER)}
    for resource in (*starter.of_type("Volume"), *starter.of_type("Network")):
        assert not resource.waits_for & containers, resource


def test_data_volumes_are_protected_where_the_platform_says_so_and_always_kept(starter: Graph) -> None:
    """Rule 6: prod protects, dev relaxes, both keep."""
    for name in ("main-data", "queue-data"):
        options = starter[name].options
        assert bool(options.protect) is (starter.stack == "prod"), name
        assert options.retain_on_delete is True
        assert set(options.ignore_changes) == {"labels", "driverOpts"}


def test_credentials_are_protected_with_their_data(starter: Graph) -> None:
    """A new password would lock clients out of kept data."""
    for name in ("main-password", "queue-password"):
        assert bool(starter[name].options.protect) is (starter.stack == "prod"), name


def test_every_container_uses_an_image_by_its_id(starter: Graph) -> None:
    """So that a new image under an old name replaces what runs it."""
    images = {item.urn for item in starter.of_type("RemoteImage")}
    for container in starter.of_type(CONTAINER):
        assert container.property_dependencies["image"] & images, container


def test_networks_are_joined_by_id(starter: Graph) -> None:
    """And nothing is on Docker's own bridge with a port open."""
    networks = {item.urn for item in starter.of_type("Network")}
    for container in starter.of_type(CONTAINER):
        if "networksAdvanced" in container.inputs:
            assert container.property_dependencies["networksAdvanced"] <= networks, container


def test_the_graph_is_shallow(starter: Graph) -> None:
    """Each layer that waits costs seconds (rule 9): stores, migration, services, check, gateway, reload."""

    def depth(resource: Resource, known: dict[str, int]) -> int:
        if resource.urn not in known:
            waits = resource.inputs.get("wait") or resource.inputs.get("attach")
            below = [depth(other, known) for other in starter.dependencies(resource)]
            known[resource.urn] = max(below, default=0) + bool(waits)
        return known[resource.urn]

    known: dict[str, int] = {}
    assert max(depth(resource, known) for resource in starter) <= 6
