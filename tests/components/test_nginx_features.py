"""Each feature of a route, as directives: read back by the parser, not compared as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import crossplane
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import GatewayRoute, Server
from components.nginx import (
    Answer,
    Backend,
    Balancing,
    BasicAuth,
    RateLimit,
    Redirect,
    SubrequestAuth,
    TcpRoute,
    render,
)
from components.nginx.tree import time

API = {"api": [Backend(address="10.0.0.1:80", weight=3), Backend(address="10.0.0.2:80", weight=0)]}
Block = list[dict[str, Any]]


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Return a function that renders, parses, and gives the directives of the http block."""

    def parse(*routes: GatewayRoute, server: Server | None = None, balancing: Balancing | None = None) -> Block:
        spread = {"api": balancing} if balancing else {}
        file = tmp_path / "nginx.conf"
        file.write_text(render(routes, API, server or Server(), spread), encoding="utf-8")
        parsed: dict[str, Any] = crossplane.parse(str(file), single=True)
        assert parsed["status"] == "ok", parsed["errors"]
        main: Block = parsed["config"][0]["parsed"]
        return next(item["block"] for item in main if item["directive"] == "http")

    return parse


def said(block: Block, name: str) -> list[str]:
    """Return what a block says by that name."""
    return [" ".join(item["args"]) for item in block if item["directive"] == name]


def server_of(http: Block, host: str = "_") -> Block:
    """Return the server block of a host on the gateway's port."""
    servers = [item["block"] for item in http if item["directive"] == "server"]
    return next(
        block for block in servers if said(block, "server_name") == [host] and said(block, "listen")[0][:4] == "8080"
    )


def location(http: Block, match: str, host: str = "_") -> Block:
    """Return a location's block."""
    found: Block = next(
        item["block"]
        for item in server_of(http, host)
        if item["directive"] == "location" and " ".join(item["args"]) == match
    )
    return found


def route(**changes: Any) -> GatewayRoute:
    """Return a route to the API."""
    return GatewayRoute(**{"upstream": "api", "path": "/a", **changes})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"timeout_s": 7200.0}, {"proxy_read_timeout": "7200s", "proxy_send_timeout": "7200s"}),
        ({"send_timeout_s": 1.5, "connect_timeout_s": 0.25},
         {"proxy_send_timeout": "1500ms", "proxy_connect_timeout": "250ms", "proxy_read_timeout": "60s"}),
        ({"retries": 0}, {"proxy_next_upstream": "off"}),
        ({"retries": 4}, {"proxy_next_upstream": "error timeout", "proxy_next_upstream_tries": "5"}),
        ({"streaming": True}, {"proxy_buffering": "off", "gzip": "off"}),
        ({"stream_upload": True}, {"proxy_request_buffering": "off"}),
        ({"compress": False}, {"gzip": "off"}),
        ({"max_body_mib": 50}, {"client_max_body_size": "50m"}),
        ({"rate": RateLimit(per_second=5, burst=9)}, {"limit_req_status": "429"}),
        ({"connections": 3}, {"limit_conn_status": "429"}),
        ({"allow": ["10.0.0.0/8"]}, {"allow": "10.0.0.0/8", "deny": "all"}),
        ({"basic_auth": BasicAuth(realm="staff", file="users")},
         {"auth_basic": "staff", "auth_basic_user_file": "/etc/nginx/conf.d/users"}),
        ({"auth": SubrequestAuth(upstream="api", path="/v", headers=["X-User"])},
         {"auth_request": "/.slipway/auth-0", "auth_request_set": "$auth_x_user $upstream_http_x_user"}),
        ({"exact": True}, {"proxy_pass": "http://to-api"}),
        ({"rewrite": "/b", "exact": True}, {"proxy_pass": "http://to-api/b"}),
    ],
)  # fmt: skip
def test_a_setting_becomes_directives(read: Any, changes: dict[str, Any], expected: dict[str, str]) -> None:
    block = location(read(route(**changes)), "= /a" if changes.get("exact") else "/a")
    assert {name: said(block, name) for name in expected} == {name: [value] for name, value in expected.items()}


def test_nothing_is_said_that_was_not_asked_for(read: Any) -> None:
    """No work for each request that nobody wants."""
    block = location(read(route()), "/a")
    for name in ("gzip", "limit_req", "limit_conn", "auth_basic", "auth_request", "deny", "allow", "add_header",
                 "proxy_buffering", "proxy_request_buffering", "client_max_body_size"):  # fmt: skip
        assert said(block, name) == [], name


@pytest.mark.parametrize(
    ("path", "replacement", "matches", "target"),
    [
        ("/v1", {"strip": True}, "/v1/", "/"),
        ("/v1/", {"strip": True}, "/v1/", "/"),
        ("/v1", {"rewrite": "/v2"}, "/v1/", "/v2/"),
        ("/v1/", {"rewrite": "/v2"}, "/v1/", "/v2/"),
        ("/v1", {"rewrite": "/v2"}, "= /v1", "/v2"),
        ("/v1", {"rewrite": "/v2/"}, "/v1/", "/v2/"),
    ],
)
def test_what_a_path_becomes(read: Any, path: str, replacement: dict[str, Any], matches: str, target: str) -> None:
    block = location(read(route(path=path, **replacement)), matches)
    assert said(block, "proxy_pass") == [f"http://to-api{target}"]


@pytest.mark.parametrize(
    ("slash", "exact", "leads", "serves"),
    [
        ("add", False, "= /a", "/a/"),
        ("remove", False, "= /a/", "= /a"),
        ("add", True, "= /a", "= /a/"),
        ("remove", True, "= /a/", "= /a"),
    ],
)
def test_a_final_slash(read: Any, slash: str, exact: bool, leads: str, serves: str) -> None:
    http = read(route(slash=slash, exact=exact, rate=RateLimit(per_second=1)))
    assert said(location(http, leads), "return") == [f"308 {serves.removeprefix('= ')}$is_args$args"]
    assert said(location(http, leads), "limit_req") == []
    assert said(location(http, serves), "proxy_pass") == ["http://to-api"]


@pytest.mark.parametrize(
    ("redirect", "expected"),
    [
        (Redirect(to="/b"), "308 /b$is_args$args"),
        (Redirect(to="/b?x=1"), "308 /b?x=1"),
        (
            Redirect(to="https://new.example.org/", status=301, keep_path=True),
            "301 https://new.example.org$request_uri",
        ),
    ],
)
def test_redirects_keep_the_query(read: Any, redirect: Redirect, expected: str) -> None:
    http = read(GatewayRoute(redirect=redirect, path="/a"))
    assert said(location(http, "/a"), "return") == [expected]


@pytest.mark.parametrize(
    ("balancing", "expected"),
    [
        (Balancing(), {}),
        (Balancing(method="least_conn"), {"least_conn": [""]}),
        (Balancing(method="ip_hash"), {"ip_hash": [""]}),
        (Balancing(sticky=True), {"hash": ["$slipway_sticky consistent"]}),
    ],
)
def test_balancing(read: Any, balancing: Balancing, expected: dict[str, list[str]]) -> None:
    """A backend of weight 0 gets nothing, and is not even named."""
    http = read(route(), balancing=balancing)
    upstream: Block = next(item["block"] for item in http if item["directive"] == "upstream")
    assert {
        name: said(upstream, name) for name in ("least_conn", "ip_hash", "hash") if said(upstream, name)
    } == expected
    assert said(upstream, "server") == ["10.0.0.1:80 weight=3 max_fails=2 fail_timeout=2s"]


def test_passive_health_in_whole_seconds(read: Any) -> None:
    http = read(route(), balancing=Balancing(max_fails=5, fail_timeout_s=0.2))
    upstream: Block = next(item["block"] for item in http if item["directive"] == "upstream")
    assert said(upstream, "server") == ["10.0.0.1:80 weight=3 max_fails=5 fail_timeout=1s"]


def test_headers_of_a_route_keep_those_of_the_gateway(read: Any) -> None:
    """What nginx does: it drops what a block inherits as soon as it says one of its own."""
    server = Server(headers={"X-Frame-Options": "DENY", "X-Other": "a"})
    http = read(route(headers={"X-Own": "b", "x-frame-options": None}), server=server)
    block = location(http, "/a")
    assert said(block, "add_header") == [
        "X-Request-Id $slipway_id always",
        "X-Other $add_x_other always",
        "X-Own b always",
    ]
    assert said(block, "proxy_hide_header") == ["x-frame-options", "X-Own"]


def test_a_rate_counts_by_its_header(read: Any) -> None:
    """One zone for both locations that one route becomes; another key is another zone."""
    by_key = RateLimit(per_second=1.5, header="X-Api-Key")
    http = read(route(rate=by_key, strip=True), route(path="/b", rate=RateLimit(per_second=20)))
    zones = said(http, "limit_req_zone")
    assert sorted((zone.split()[0], zone.split()[2]) for zone in zones) == [
        ("$binary_remote_addr", "rate=20r/s"),
        ("$limit_by_x_api_key", "rate=90r/m"),
    ]
    assert said(location(http, "= /a"), "limit_req") == said(location(http, "/a/"), "limit_req")


@pytest.mark.parametrize(("rate", "expected"), [(100_000, "100000r/s"), (0.0001, "1r/m"), (1 / 60, "1r/m")])
def test_rates_are_whole_numbers(read: Any, rate: float, expected: str) -> None:
    (zone,) = said(read(route(rate=RateLimit(per_second=rate))), "limit_req_zone")
    assert zone.endswith(f"rate={expected}")


def test_unknown_hosts_are_closed_unanswered(read: Any) -> None:
    http = read(route(), server=Server(hosts=["app.example.org"]))
    assert said(location(http, "/"), "return") == ["444"]
    assert said(location(http, "= /.slipway/health"), "return") == [r"200 ok\n"]
    assert said(location(http, "/a", "app.example.org"), "proxy_pass") == ["http://to-api"]


@pytest.mark.parametrize("page", [None, "page.html"])
def test_maintenance(read: Any, page: str | None) -> None:
    """A flag of the service, or of all; a redirect and the gateway's health go on."""
    http = read(
        route(services=["api"]),
        GatewayRoute(answer=Answer(body="x"), path="/b"),
        GatewayRoute(redirect=Redirect(to="/a"), path="/c"),
        server=Server(maintenance_page=page, maintenance_retry_s=90),
    )
    flags = "/etc/nginx/conf.d/.flags/maintenance"
    assert said(location(http, "/a"), "if") == [f"-f {flags}", f"-f {flags}.api"]
    assert said(location(http, "/b"), "if") == [f"-f {flags}"]
    for untouched in ("/c", "= /.slipway/health"):
        assert said(location(http, untouched), "if") == []
    shown = location(http, "= /.slipway/maintenance")
    assert "Retry-After 90 always" in said(shown, "add_header")
    assert bool(said(shown, "alias")) == bool(page)


def test_proxies_are_believed_by_address(read: Any) -> None:
    """Without any, what a client says of its own address is thrown away."""
    alone = location(read(route()), "/a")
    behind = read(route(), server=Server(trusted_proxies=["10.0.0.0/8"]))
    assert "X-Forwarded-For $remote_addr" in said(alone, "proxy_set_header")
    assert said(behind, "set_real_ip_from") == ["10.0.0.0/8"]
    assert "X-Forwarded-Proto $slipway_scheme" in said(location(behind, "/a"), "proxy_set_header")


def test_nginx_own_figures_are_on_a_port_of_their_own(read: Any) -> None:
    servers = [item["block"] for item in read(route()) if item["directive"] == "server"]
    ports = [said(block, "listen") for block in servers if any(item["args"] == ["=", "/stub_status"] for item in block)]
    assert ports == [["8081"]]


def test_pass_through() -> None:
    text = render(
        [route()], {**API, "store": [Backend(address="10.0.0.9:5432")]},
        Server(tcp=[TcpRoute(port=15432, upstream="store", idle_s=1_500_000)], stream_module="/x.so"),
    )  # fmt: skip
    assert text.startswith("load_module /x.so;")
    assert "listen 15432;" in text
    assert "proxy_timeout 1500000s;" in text


@pytest.mark.parametrize("order", [1, -1])
def test_what_a_route_says_goes_before_what_another_one_implies(read: Any, order: int) -> None:
    routes = [
        route(strip=True),
        GatewayRoute(answer=Answer(body="x"), path="/a", exact=True),
        GatewayRoute(answer=Answer(body="y"), path="/a/"),
    ]
    http = read(*routes[::order])
    assert said(location(http, "= /a"), "return") == ["200 x"]
    assert said(location(http, "/a/"), "return") == ["200 y"]


@given(
    st.lists(
        st.builds(
            GatewayRoute,
            upstream=st.just("api"),
            path=st.sampled_from(["/", "/a", "/a/", "/a/b", "/health"]),
            exact=st.booleans(),
            strip=st.booleans(),
            slash=st.sampled_from(["leave", "add", "remove"]),
            host=st.sampled_from([None, "x.example.org"]),
        ),
        min_size=1,
        max_size=8,
        unique_by=lambda item: (item.host, item.path, item.exact),
    )
)
def test_no_location_stands_twice(tmp_path_factory: pytest.TempPathFactory, routes: list[GatewayRoute]) -> None:
    """A second one would be refused by nginx a second one; what a route says goes before what another one implies."""
    file = tmp_path_factory.mktemp("nginx") / "nginx.conf"
    file.write_text(render(routes, API, Server(health_path="/health")), encoding="utf-8")
    parsed: dict[str, Any] = crossplane.parse(str(file), single=True)
    http: Block = next(item["block"] for item in parsed["config"][0]["parsed"] if item["directive"] == "http")
    for block in (item["block"] for item in http if item["directive"] == "server"):
        found = said(block, "location")
        assert len(found) == len(set(found)), found


@pytest.mark.parametrize(("seconds", "written"), [(5, "5s"), (0.5, "500ms"), (1.5, "1500ms"), (0.0001, "1ms")])
def test_times_have_no_decimal_point(seconds: float, written: str) -> None:
    assert time(seconds) == written


@pytest.mark.parametrize(
    ("routes", "drain_s", "limit"),
    [
        ([GatewayRoute(upstream="api", timeout_s=3600)], 30.0, "30s"),
        (
            [GatewayRoute(upstream="api"), GatewayRoute(upstream="api", path="/w", websocket=True, timeout_s=60)],
            9,
            "60s",
        ),
        ([GatewayRoute(upstream="api", streaming=True, timeout_s=20)], 30.0, "30s"),
        ([GatewayRoute(upstream="api", connect_timeout_s=5)], 5.0, "7s"),
    ],
)
def test_what_lasts_outlives_a_reload(routes: list[GatewayRoute], drain_s: float, limit: str) -> None:
    """Workers of an old configuration may live as long as a websocket or stream may; without any, as the drain says.

    But no shorter than it takes to find out that a replica is gone, and to ask the next.
    """
    text = render(routes, {"api": [Backend(address="a:1")]}, Server(drain_s=drain_s))
    assert f"worker_shutdown_timeout {limit};" in text
