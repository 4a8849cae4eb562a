"""Ports of the host, replicas and routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from settings import Loaded, Problem

Refused = Callable[..., Problem]
Accepted = Callable[..., Loaded]


def runner(**fields: Any) -> dict[str, Any]:
    return {"workers": {"runner": fields}}


def service(**fields: Any) -> dict[str, Any]:
    return {"image": "acme/web:1.0", "port": 3000, "health": {"path": "/"}, **fields}


@pytest.mark.parametrize(
    ("one", "other", "address", "taken"),
    [
        ("127.0.0.1:8080", "127.0.0.1:8080:80", "127.0.0.1", "127.0.0.1"),
        ("0.0.0.0:8080", "127.0.0.1:8080:80", "0.0.0.0", "127.0.0.1"),  # noqa: S104 - a text in a description
        ("127.0.0.1:8080", "0.0.0.0:8080:80", "127.0.0.1", "0.0.0.0"),  # noqa: S104 - a text in a description
        ("8080", "8080:80", "127.0.0.1", "127.0.0.1"),
        ("192.0.2.1:8080", "[::]:8080:80", "192.0.2.1", "::"),
    ],
)
def test_a_port_of_the_host_has_one_owner(refused: Refused, one: str, other: str, address: str, taken: str) -> None:
    problem = refused({"gateway": {"publish": one}} | runner(publish=[other]))
    assert problem.path == "gateway.publish[0]"
    assert problem.message == f"port 8080/tcp of {address} is taken by workers.runner.publish[0] ({taken})"
    assert problem.fix == "choose another port of the host, or another address"


def test_a_service_on_the_hosts_network_owns_its_port(refused: Refused) -> None:
    scan = service(port=8080, host_network=True, relax={"host_network": "scans the host"})
    problem = refused({"services": {"scan": scan}, "gateway": {"publish": 8080}})
    assert problem.message == "port 8080/tcp of 0.0.0.0 is taken by gateway.publish[0] (127.0.0.1)"


@pytest.mark.parametrize(
    ("one", "other"),
    [("127.0.0.1:8080", "127.0.0.2:8080"), ("8080", "8081"), ("192.0.2.1:53", "192.0.2.2:53")],
)
def test_different_ports_or_addresses_are_accepted(accepted: Accepted, one: str, other: str) -> None:
    accepted({"gateway": {"publish": one}} | runner(publish=[other]))


def test_a_port_of_a_container_is_published_once(refused: Refused) -> None:
    problem = refused(runner(publish=["8080:80", "8081:80"]))
    assert problem.path == "workers.runner.publish[1]"
    assert problem.message == "port 80/tcp of the container is published by publish[0] already"
    assert problem.fix == "publish it once, on 0.0.0.0 if several addresses are meant"


def test_one_port_of_two_protocols_is_accepted(accepted: Accepted) -> None:
    accepted(runner(publish=["53", "53/udp"]))


def test_a_port_is_published_on_an_address(refused: Refused) -> None:
    problem = refused(runner(publish=["localhost:8080"]))
    assert problem.message == "'localhost' is no IP address of the host"


def test_the_gateway_listens_on_its_own_port_alone(refused: Refused) -> None:
    problem = refused({"gateway": {"publish": "127.0.0.1:8080:80"}})
    assert (problem.path, problem.message) == ("gateway.publish[0]", "the gateway does not listen on 80/tcp")
    assert (problem.allowed, problem.fix) == (
        "8080/tcp, 8082/tcp, 8083/tcp, 8084/tcp",
        "write [address:]host_port alone",
    )


def test_each_port_of_the_host_has_one_of_the_gateway(accepted: Accepted) -> None:
    """Docker does not keep the order of two bindings of one port, and each deployment would replace the gateway."""
    gateway = accepted({"gateway": {"publish": ["0.0.0.0:80", 8000, "127.0.0.1:9000:8083"]}}).platform.gateway
    assert gateway is not None
    assert [(port.host_port, port.port) for port in gateway.publish] == [(80, 8080), (8000, 8082), (9000, 8083)]


def test_there_are_four_of_them(all_refused: Callable[..., tuple[Problem, ...]]) -> None:
    problems = all_refused({"gateway": {"publish": [80, 8000, 8001, 8002, 8003]}})
    assert [problem.path for problem in problems] == ["gateway.publish[4]"]


def test_published_ports_have_no_replicas(refused: Refused) -> None:
    problem = refused(runner(publish=[9000], replicas=2))
    assert (problem.path, problem.message) == ("workers.runner.publish", "a port of the host can't lead to 2 replicas")
    assert problem.fix == "let the gateway lead to it (gateway.routes), or set replicas: 1"


def test_a_fixed_name_has_no_replicas(refused: Refused) -> None:
    problem = refused(runner(container_name="oc_worker", replicas=2))
    assert problem.path == "workers.runner.container_name"
    assert problem.message == "2 replicas can't all be called 'oc_worker'"


def test_a_fixed_name_with_one_replica_is_accepted(accepted: Accepted) -> None:
    accepted(runner(container_name="oc_worker", replicas=1))


def test_a_route_leads_to_a_service(refused: Refused) -> None:
    problem = refused({"gateway": {"routes": [{"to": "apis"}]}})
    assert (problem.path, problem.message) == ("gateway.routes[0].to", "there is no service 'apis'")
    assert (problem.allowed, problem.nearest) == ("api", "api")


@pytest.mark.parametrize(("name", "place"), [("runner", "workers.runner"), ("migrate", "jobs.migrate")])
def test_a_route_does_not_lead_to_a_worker_or_job(refused: Refused, name: str, place: str) -> None:
    problem = refused({"gateway": {"routes": [{"to": name}]}})
    assert problem.message == f"there is no service '{name}' ({place} takes no requests)"


def test_a_routed_service_has_a_port(refused: Refused) -> None:
    problem = refused({"services": {"api": {"port": None, "health": {"path": None, "tcp": 8000}}}})
    assert (problem.message, problem.fix) == ("services.api says no port", "add to services.api: port: …")


def test_a_routed_service_has_replicas(refused: Refused) -> None:
    problem = refused({"services": {"api": {"replicas": 0}}})
    assert problem.message == "services.api has replicas: 0: nobody would answer"
    assert problem.fix == "remove the route, or set services.api.replicas"


def test_a_service_without_a_route_may_have_no_replicas(accepted: Accepted) -> None:
    accepted({"services": {"api": {"replicas": 0}}, "gateway": None})


def test_a_routed_service_is_not_on_the_hosts_network(refused: Refused) -> None:
    api = {"host_network": True, "relax": {"host_network": "scans the host"}, "env": None}
    problem = refused({"services": {"api": api}})
    assert problem.message == "services.api is on the host's own network, where the gateway does not find it by name"


@pytest.mark.parametrize(
    ("route", "what"),
    [
        ({"path": "/a"}, "/a"),
        ({"path": "/a", "exact": True}, "exactly /a"),
        ({"path": "/a", "host": "x.example"}, "/a of x.example"),
    ],
)
def test_a_route_stands_once(refused: Refused, route: dict[str, Any], what: str) -> None:
    problem = refused({"gateway": {"routes": [{"to": "api"}, {"to": "api", **route}, {"to": "api", **route}]}})
    assert (problem.path, problem.message) == (
        "gateway.routes[2]",
        f"{what} is already routed by gateway.routes[1]",
    )


def test_routes_that_differ_are_accepted(accepted: Accepted) -> None:
    routes: list[dict[str, Any]] = [
        {"path": "/a"},
        {"path": "/a", "exact": True},
        {"path": "/a", "host": "x.example"},
        {"path": "/a/"},
    ]
    accepted({"gateway": {"routes": [{"to": "api", **route} for route in routes]}})


def test_a_route_goes_with_its_service(accepted: Accepted) -> None:
    patch = {
        "services": {"web": service(profiles=["web"])},
        "gateway": {"routes": [{"to": "web", "path": "/web"}, {"to": "api"}]},
    }
    loaded = accepted(patch)
    assert loaded.platform.gateway is not None
    assert [name for route in loaded.platform.gateway.routes for name in route.services] == ["api"]
    with_web = accepted(patch, profiles=["web"])
    assert with_web.platform.gateway is not None
    assert [name for route in with_web.platform.gateway.routes for name in route.services] == ["web", "api"]


def test_a_switched_off_route_does_not_shift_the_places_of_others(refused: Refused) -> None:
    patch = {
        "services": {"web": service(profiles=["web"])},
        "gateway": {"routes": [{"to": "web", "path": "/web"}, {"to": "nothing"}]},
    }
    assert refused(patch).path == "gateway.routes[1].to"


def test_a_gateway_has_a_route_left(refused: Refused) -> None:
    patch = {"services": {"web": service(profiles=["web"])}, "gateway": {"routes": [{"to": "web"}]}}
    problem = refused(patch)
    assert (problem.path, problem.message) == (
        "gateway.routes",
        "each route leads to a service that this stack's profiles switch off",
    )
