"""What a route says besides where it leads: what can't be is refused, and nothing is silently ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from settings import Loaded, Problem

Refused = Callable[..., Problem]
Accepted = Callable[..., Loaded]
NEXT: dict[str, Any] = {"image": "acme/next:1.0", "port": 3000, "health": {"path": "/"}}


def routes(*items: dict[str, Any], **gateway: Any) -> dict[str, Any]:
    return {"gateway": {"routes": list(items), **gateway}}


def told(problem: Problem) -> tuple[str, str, str | None]:
    return problem.path, problem.message, problem.fix


@pytest.mark.parametrize(
    ("route", "message", "fix"),
    [
        (
            {"to": "api", "redirect": "/b"},
            "says to and redirect: which one is meant is not clear",
            "remove all but one of to, redirect",
        ),
        (
            {"answer": {"text": "x"}, "files": "pages"},
            "says answer and files: which one is meant is not clear",
            "remove all but one of answer, files",
        ),
        ({"path": "/x"}, "leads to nothing", "add to: …"),
    ],
)
def test_a_route_does_one_thing(refused: Refused, route: dict[str, Any], message: str, fix: str) -> None:
    problem = refused(routes(route))
    assert told(problem) == ("gateway.routes[0]", message, fix)
    assert problem.allowed == "exactly one of to, redirect, answer, files"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("port", 8765),
        ("strip", True),
        ("rewrite", "/b"),
        ("websocket", True),
        ("streaming", True),
        ("stream_upload", True),
        ("timeout", "5s"),
        ("send_timeout", "5s"),
        ("connect_timeout", "5s"),
        ("retries", 1),
        ("request_headers", {"X-A": "b"}),
        ("balance", "ip_hash"),
        ("max_fails", 3),
        ("fail_timeout", "3s"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "action"),
    [("redirect", {"redirect": "/b"}), ("answer", {"answer": {"text": "b"}}), ("files", {"files": "pages"})],
)
def test_what_only_a_service_can_mean(
    refused: Refused, setting: str, value: object, kind: str, action: dict[str, Any]
) -> None:
    problem = refused(routes({"path": "/a", **action, setting: value}))
    assert told(problem) == (f"gateway.routes[0].{setting}", f"has no effect beside {kind}", f"remove {setting}")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("rate", "5/s"),
        ("connections", 2),
        ("auth", {"to": "api"}),
        ("basic_auth", {"users": {"ada": "door"}}),
        ("allow", ["10.0.0.0/8"]),
        ("deny", ["10.0.0.0/8"]),
        ("max_body", "1MiB"),
        ("cache", "1h"),
        ("compress", False),
    ],
)
def test_what_nginx_does_not_apply_where_it_answers_at_once(
    refused: Refused, accepted: Accepted, setting: str, value: object
) -> None:
    """A limit on a redirect would limit nothing; on files it holds."""
    declared: dict[str, Any] = {"secrets": {"door": {}}} if setting == "basic_auth" else {}
    secrets = {"secrets": {"door": "long enough"}} if declared else {}
    problem = refused(routes({"path": "/a", "answer": {"text": "b"}, setting: value}) | declared, **secrets)
    assert told(problem) == (f"gateway.routes[0].{setting}", "has no effect beside answer", f"remove {setting}")
    accepted(routes({"path": "/a", "files": "pages", setting: value}) | declared, **secrets)


@pytest.mark.parametrize(
    ("route", "path", "message", "fix"),
    [
        ({"to": "api", "path": "/v1", "strip": True, "rewrite": "/v2"}, "strip", "says another path than rewrite",
         "remove one of them"),
        ({"to": "api", "slash": "add"}, "slash", "has no effect on the path /", "remove slash"),
        ({"redirect": {"to": "/", "keep_path": True}, "path": "/a"}, "redirect.to", "with keep_path, / leads to itself",
         "name a host, or a path"),
        ({"answer": {"status": 204}, "path": "/a"}, "answer", "needs a text, or json", None),
        ({"answer": {"text": "a", "json": {}}, "path": "/a"}, "answer", "needs a text, or json", None),
        ({"answer": {"json": {"price": "5$"}}, "path": "/a"}, "answer",
         "'$' can't stand in an answer: nginx would read a variable", None),
        ({"to": "api", "rate": "1/h"}, "rate", "is below one request a minute", None),
        ({"to": "api", "path": "/.slipway/mine"}, "path", "what is below /.slipway/ is the gateway's own",
         "choose another path"),
        ({"to": {"api": 0}}, "to", "every weight is 0: nobody would answer", "give one service a weight above 0"),
    ],
)  # fmt: skip
def test_a_route_can_be(refused: Refused, route: dict[str, Any], path: str, message: str, fix: str | None) -> None:
    assert told(refused(routes(route))) == (f"gateway.routes[0].{path}", message, fix)


def test_a_path_of_the_gateway_is_not_routed(refused: Refused, accepted: Accepted) -> None:
    patch = routes({"to": "api"}, {"to": "api", "path": "/health", "exact": True}, health_path="/health")
    problem = refused(patch)
    assert told(problem) == (
        "gateway.routes[1].path",
        "gateway.health_path answers /health already",
        "remove the route, or health_path",
    )
    accepted(routes({"to": "api"}, {"to": "api", "path": "/health"}, health_path="/health"))


def test_challenges_of_an_authority_are_not_routed(refused: Refused, accepted: Accepted) -> None:
    route = {"to": "api", "host": "a.example.org", "path": "/.well-known/acme-challenge/"}
    acme = {"mode": "acme", "publish": 8443, "acme": {"email": "ops@example.org", "agree_terms": True}}
    patch = routes(route, publish=["8080"], tls=acme)
    assert refused(patch).message == "what is below /.well-known/acme-challenge/ is the gateway's own"
    accepted(routes(route))


def test_a_cookie_follows_no_weights(refused: Refused, accepted: Accepted) -> None:
    patch = routes({"to": {"api": 9, "next": 1}, "balance": "sticky"}) | {"services": {"next": NEXT}}
    accepted(routes({"to": "api", "balance": "sticky"}))
    assert told(refused(patch)) == (
        "gateway.routes[0].balance",
        "sticky needs one service",
        "remove balance, or lead to one service",
    )


@pytest.mark.parametrize("place", ["allow", "deny", "trusted_proxies"])
@pytest.mark.parametrize("address", ["10.0.0.1/8", "somewhere", "300.0.0.1"])
def test_an_address_is_one(refused: Refused, place: str, address: str) -> None:
    of_gateway = place == "trusted_proxies"
    patch = routes({"to": "api"}, trusted_proxies=[address]) if of_gateway else routes({"to": "api", place: [address]})
    problem = refused(patch)
    assert problem.path == ("gateway." if of_gateway else "gateway.routes[0].") + f"{place}[0]"
    assert problem.message == f"'{address}' is no address and no range"
    assert problem.allowed == "such as 203.0.113.7, 10.0.0.0/8 (no bits beyond its mask) or 2001:db8::/32"


def test_a_password_is_a_declared_secret(refused: Refused) -> None:
    patch = routes({"to": "api", "basic_auth": {"users": {"ada": "dor"}}}) | {"secrets": {"door": {}}}
    problem = refused(patch, secrets={"door": "long enough"})
    assert told(problem) == (
        "gateway.routes[0].basic_auth.users.ada",
        "the secret 'dor' is not declared",
        "add under secrets: dor: {}",
    )
    assert (problem.allowed, problem.nearest) == ("door", "door")


def test_who_is_asked_is_a_service(refused: Refused) -> None:
    problem = refused(routes({"to": "api", "auth": {"to": "runner"}}))
    assert told(problem)[:2] == (
        "gateway.routes[0].auth.to",
        "there is no service 'runner' (workers.runner takes no requests)",
    )


def test_weights_name_services(refused: Refused, accepted: Accepted) -> None:
    problem = refused(routes({"to": {"api": 90, "nxt": 10}}) | {"services": {"next": NEXT}})
    assert (problem.path, problem.message) == ("gateway.routes[0].to.nxt", "there is no service 'nxt'")
    assert problem.nearest == "next"
    accepted(routes({"to": {"api": 90, "next": 10}}) | {"services": {"next": NEXT}})


def test_another_port_needs_no_port_of_its_own(refused: Refused, accepted: Accepted) -> None:
    """A service that listens on several ports, such as one for the callback of a login."""
    quiet = {"services": {"quiet": {"image": "acme/quiet:1.0", "health": {"command": ["true"]}}}}
    assert told(refused(quiet | routes({"to": "quiet"}))) == (
        "gateway.routes[0].to",
        "services.quiet says no port",
        "add to services.quiet: port: …",
    )
    accepted(quiet | routes({"to": "quiet", "port": 8765}))


class TestPassThrough:
    """A database on the gateway: by name only, and with the reason."""

    @staticmethod
    def tcp(name: str = "main", **changes: Any) -> dict[str, Any]:
        asked = {"host_port": 15432, "reason": "analysts read from outside", **changes}
        return routes({"to": "api"}, tcp={name: asked})

    def test_by_name_and_reason(self, accepted: Accepted) -> None:
        gateway = accepted(self.tcp()).platform.gateway
        assert gateway is not None
        assert gateway.tcp["main"].address == "127.0.0.1"

    def test_without_a_reason(self, refused: Refused) -> None:
        problem = refused(routes({"to": "api"}, tcp={"main": {"host_port": 15432}}))
        assert (problem.path, problem.message) == ("gateway.tcp.main", "'reason' is missing")
        assert refused(self.tcp(reason="because")).path == "gateway.tcp.main.reason"

    def test_as_a_route(self, refused: Refused) -> None:
        """The usual mistake is told where it is."""
        problem = refused(routes({"to": "main"}))
        assert told(problem)[:2] == ("gateway.routes[0].to", "there is no service 'main'")

    def test_a_service(self, refused: Refused) -> None:
        problem = refused(self.tcp("api"))
        assert told(problem) == (
            "gateway.tcp.api",
            "there is no database, cache or vector store 'api'",
            "a service or model server is reached by a route",
        )

    @pytest.mark.parametrize("port", [8080, 8081, 8443])
    def test_a_port_of_the_gateway(self, refused: Refused, port: int) -> None:
        problem = refused(self.tcp(host_port=port))
        assert problem.path == "gateway.tcp.main.host_port"
        assert problem.message == f"the gateway itself listens on {port} inside its container"
        assert problem.allowed == "any port but 8080, 8081, 8082, 8083, 8084, 8443"


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ({"host": "a.*.example.org"}, "host"),
        ({"host": "App.example.org"}, "host"),
        ({"host": "a..b"}, "host"),
        ({"path": "no-slash"}, "path"),
        ({"path": "/a b"}, "path"),
        ({"path": "/a;"}, "path"),
        ({"path": "/$host"}, "path"),
        ({"rewrite": "/{x}"}, "rewrite"),
        ({"timeout": "7201s"}, "timeout"),
        ({"send_timeout": "3h"}, "send_timeout"),
        ({"connect_timeout": "76s"}, "connect_timeout"),
        ({"retries": 11}, "retries"),
        ({"rate": "fast"}, "rate"),
        ({"rate": "1000000/s"}, "rate.requests"),
        ({"rate": {"requests": "0/s"}}, "rate.requests"),
        ({"rate": {"requests": "1/s", "header": "bad header"}}, "rate.header"),
        ({"connections": 0}, "connections"),
        ({"connections": 65_536}, "connections"),
        ({"headers": {"X-A": "a\nX-B: b"}}, "headers.X-A"),
        ({"headers": {"X-A": "$host"}}, "headers.X-A"),
        ({"request_headers": {"bad name": "a"}}, 'request_headers["bad name"]'),
        ({"cache": "a\nb"}, "cache"),
        ({"to": {"api": -1}}, "to.api"),
        ({"to": {"api": 1001}}, "to.api"),
        ({"balance": "random"}, "balance"),
        ({"slash": "maybe"}, "slash"),
        ({"max_fails": 0}, "max_fails"),
        ({"fail_timeout": "0s"}, "fail_timeout"),
        ({"port": 0}, "port"),
        ({"auth": {"to": "api", "headers": ["bad name"]}}, "auth.headers[0]"),
        ({"basic_auth": {"users": {}}}, "basic_auth.users"),
        ({"basic_auth": {"users": {"a:b": "door"}}}, 'basic_auth.users["a:b"]'),
    ],
)
def test_an_impossible_value_is_refused_where_it_is(refused: Refused, route: dict[str, Any], path: str) -> None:
    problem = refused(routes({"to": "api", **route}))
    assert problem.path.removeprefix("gateway.routes[0].") == path, problem


@pytest.mark.parametrize(
    ("redirect", "path"),
    [
        ({"to": "javascript:alert(1)"}, "redirect.to"),
        ({"to": "/a", "status": 200}, "redirect.status"),
        ("elsewhere", "redirect.to"),
    ],
)
def test_a_redirect_leads_to_an_address(refused: Refused, redirect: object, path: str) -> None:
    assert refused(routes({"path": "/a", "redirect": redirect})).path == f"gateway.routes[0].{path}"


@pytest.mark.parametrize(
    ("written", "per_second"), [("10/s", 10.0), ("90/m", 1.5), ("3600/h", 1.0), ({"requests": 0.5}, 0.5)]
)
def test_rates(accepted: Accepted, written: object, per_second: float) -> None:
    gateway = accepted(routes({"to": "api", "rate": written})).platform.gateway
    assert gateway is not None
    assert gateway.routes[0].rate is not None
    assert gateway.routes[0].rate.per_second == per_second


@pytest.mark.parametrize(("written", "header"), [("1h", "public, max-age=3600"), ("no-store", "no-store")])
def test_cache_headers(accepted: Accepted, written: str, header: str) -> None:
    gateway = accepted(routes({"to": "api", "cache": written})).platform.gateway
    assert gateway is not None
    assert gateway.routes[0].cache == header
