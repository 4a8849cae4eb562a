"""Networks: declared, connecting what talks, and with a way out where one is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from settings import Loaded, Problem

Refused = Callable[..., Problem]
Accepted = Callable[..., Loaded]
OPEN = "no network that is not internal is declared"


def runner(**fields: Any) -> dict[str, Any]:
    return {"workers": {"runner": fields}}


def test_a_network_is_declared(refused: Refused) -> None:
    problem = refused(runner(networks=["bakend"]))
    assert (problem.path, problem.message) == ("workers.runner.networks[0]", "there is no network 'bakend'")
    assert (problem.allowed, problem.nearest) == ("backend, edge", "backend")


@pytest.mark.parametrize("part", [runner(networks=[]), {"caches": {"queue": {"networks": []}}}])
def test_a_part_is_on_a_network(refused: Refused, part: dict[str, Any]) -> None:
    assert refused(part).message == "at least one network is needed"


def test_a_platform_has_a_network(all_refused: Callable[..., tuple[Problem, ...]]) -> None:
    problems = all_refused({"networks": {"edge": None, "backend": None}})
    assert ("networks", "at least one network is needed") in [(p.path, p.message) for p in problems]


def test_egress_on_internal_networks_alone_is_refused(refused: Refused) -> None:
    problem = refused(runner(networks=["backend"], egress=True))
    assert problem.path == "workers.runner.networks"
    assert problem.message == (
        "egress is asked for, but it is only on internal networks, from which nothing reaches the internet"
    )
    assert (problem.allowed, problem.fix) == ("edge", "add a network without internal: true to networks")


def test_egress_where_every_network_is_internal_is_refused(refused: Refused) -> None:
    problem = refused({"networks": {"edge": {"internal": True}}} | runner(egress=True))
    assert (problem.path, problem.allowed) == ("workers.runner.egress", OPEN)


@pytest.mark.parametrize("fields", [{"egress": True}, {"egress": True, "networks": ["backend", "edge"]}])
def test_egress_with_a_way_out_is_accepted(accepted: Accepted, fields: dict[str, Any]) -> None:
    assert accepted(runner(**fields)).platform.workers["runner"].networks == ["edge", "backend"]


@pytest.mark.parametrize(
    ("part", "path"),
    [
        (runner(publish=[9000], networks=["backend"]), "workers.runner.publish"),
        ({"databases": {"main": {"publish": [5432], "networks": ["backend"]}}}, "databases.main.publish"),
        (
            {"gateway": {"publish": 8080, "networks": ["backend"]}},
            "gateway.publish",
        ),
    ],
)
def test_a_port_published_from_an_internal_network_is_refused(
    refused: Refused, part: dict[str, Any], path: str
) -> None:
    problem = refused(part)
    assert (problem.path, problem.message) == (path, "a port can't be published from internal networks alone")
    assert problem.allowed == "edge"


def test_a_published_port_joins_an_open_network_by_itself(accepted: Accepted) -> None:
    loaded = accepted({"databases": {"main": {"publish": [5432]}}} | runner(publish=[9000]))
    assert loaded.platform.databases["main"].networks == ["edge", "backend"]
    assert loaded.platform.workers["runner"].networks == ["edge", "backend"]


def test_a_part_shares_a_network_with_what_it_refers_to(refused: Refused) -> None:
    problem = refused(runner(networks=["edge"], env={"X": "${databases.main.url}"}))
    assert problem.path == "workers.runner.networks"
    assert problem.message == "shares no network with databases.main, to which ${databases.main.url} leads"
    assert problem.allowed == "at least one of backend"
    assert problem.fix == "add one of them to networks, or leave workers.runner.networks out"


def test_a_part_joins_the_network_of_what_it_refers_to(accepted: Accepted) -> None:
    loaded = accepted(
        {"networks": {"data": {"internal": True}}, "databases": {"main": {"networks": ["data"]}}}
        | runner(env={"X": "${databases.main.host}"})
    )
    assert loaded.platform.workers["runner"].networks == ["backend", "data"]


def test_the_gateway_reaches_its_services(refused: Refused) -> None:
    problem = refused({"gateway": {"networks": ["edge"]}})
    assert (problem.path, problem.message) == (
        "gateway.routes[0].to",
        "the gateway shares no network with services.api",
    )
    assert problem.allowed == "at least one of backend"


def test_the_gateway_joins_one_network_of_each_service(accepted: Accepted) -> None:
    loaded = accepted(
        {
            "networks": {"data": {"internal": True}, "apps": {"internal": True}},
            "services": {"api": {"networks": ["backend", "data"]}, "web": web(networks=["apps"])},
            "gateway": {"routes": [{"to": "api"}, {"to": "web", "path": "/web"}]},
        }
    )
    assert loaded.platform.gateway is not None
    assert loaded.platform.gateway.networks == ["edge", "backend", "apps"]


@pytest.mark.parametrize("field", ["networks", "publish", "aliases"])
def test_the_hosts_network_has_nothing_beside_it(refused: Refused, field: str) -> None:
    value: list[Any] = [9000] if field == "publish" else ["backend"]
    problem = refused(runner(host_network=True, relax={"host_network": "scans the host"}, **{field: value}))
    assert problem.message == "has no effect with host_network, where every port is the host's own"
    assert problem.fix == f"remove {field}, or host_network"


def test_on_the_hosts_network_no_part_has_a_name(refused: Refused) -> None:
    scan = {"host_network": True, "relax": {"host_network": "scans the host"}}
    problem = refused(runner(**scan, env={"X": "${caches.queue.host}"}))
    assert problem.message == (
        "on the host's own network, 'queue' of ${caches.queue.host} is no name that it can look up"
    )


def test_a_service_on_the_hosts_network_has_no_name(refused: Refused) -> None:
    scan = web(host_network=True, relax={"host_network": "scans the host"})
    problem = refused({"services": {"scan": scan}} | runner(env={"X": "${services.scan.url}"}))
    assert (
        problem.message == "${services.scan.url} can't be reached by name: services.scan is on the host's own network"
    )


@pytest.mark.parametrize(
    ("networks", "path", "message"),
    [
        ({"edge": {"gateway": "10.0.0.1"}}, "networks.edge.gateway", "needs a subnet that holds it"),
        ({"edge": {"subnet": "10.0.0.1/24"}}, "networks.edge.subnet", "'10.0.0.1/24' is no IPv4 range"),
        ({"edge": {"subnet": "10.0.0.0/33"}}, "networks.edge.subnet", "'10.0.0.0/33' is no IPv4 range"),
        ({"edge": {"subnet": "10.0.300.0/24"}}, "networks.edge.subnet", "'10.0.300.0/24' is no IPv4 range"),
        (
            {"edge": {"subnet": "10.0.0.0/24", "gateway": "10.0.1.1"}},
            "networks.edge.gateway",
            "'10.0.1.1' is no address of 10.0.0.0/24",
        ),
        (
            {"edge": {"subnet": "10.0.0.0/16"}, "backend": {"subnet": "10.0.4.0/24"}},
            "networks.backend.subnet",
            "10.0.4.0/24 overlaps 10.0.0.0/16 of networks.edge",
        ),
    ],
)
def test_subnets_are_possible(refused: Refused, networks: dict[str, Any], path: str, message: str) -> None:
    problem = refused({"networks": networks})
    assert (problem.path, problem.message) == (path, message)


def test_subnets_side_by_side_are_accepted(accepted: Accepted) -> None:
    edge = {"subnet": "10.0.0.0/24", "gateway": "10.0.0.1"}
    accepted({"networks": {"edge": edge, "backend": {"subnet": "10.0.1.0/24"}}})


def web(**fields: Any) -> dict[str, Any]:
    return {"image": "acme/web:1.0", "port": 3000, "health": {"path": "/"}, **fields}
