"""nginx.conf from routes: the whole text of typical platforms, an audit by gixy, and nginx's own opinion."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import crossplane
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import GatewayRoute, Server
from components.nginx import (
    Answer,
    Backend,
    Balancing,
    BasicAuth,
    RateLimit,
    Redirect,
    StaticFiles,
    SubrequestAuth,
    TcpRoute,
    render,
)
from components.nginx.headers import SECURITY
from components.nginx.model import CONFIG_FOLDER, HEALTH_PATH
from settings import CatalogueImage

API = [Backend(address="127.0.0.1:8000"), Backend(address="127.0.0.1:8001")]
EVERYTHING: tuple[list[GatewayRoute], dict[str, list[Backend]], Server] = (
    [
        GatewayRoute(upstream="api", services=["api"]),
        GatewayRoute(upstream="api", path="/v1", strip=True, retries=0, connect_timeout_s=0.5, send_timeout_s=90.5),
        GatewayRoute(upstream="api", path="/v2", rewrite="/v3", slash="add", max_body_mib=64),
        GatewayRoute(upstream="api", path="/bare", slash="remove", headers={"X-Frame-Options": None, "X-Own": "a; b"}),
        GatewayRoute(upstream="api", path="/up", stream_upload=True, request_headers={"X-Source": "edge"}),
        GatewayRoute(upstream="least", path="/events", streaming=True, timeout_s=7200),
        GatewayRoute(upstream="hash", path="/ws", websocket=True, compress=False),
        GatewayRoute(upstream="sticky", path="/sticky", cache_control="no-store"),
        GatewayRoute(upstream="api", path="/few", rate=RateLimit(per_second=10, burst=20), connections=5),
        GatewayRoute(upstream="api", path="/key", rate=RateLimit(per_second=0.5, header="X-Api-Key")),
        GatewayRoute(upstream="api", path="/in", allow=["10.0.0.0/8"], deny=["10.9.0.0/16"]),
        GatewayRoute(upstream="api", path="/closed", basic_auth=BasicAuth(realm="staff only", file="@files/users-0")),
        GatewayRoute(
            upstream="api", path="/asked", auth=SubrequestAuth(upstream="who", path="/verify", headers=["X-User"])
        ),
        GatewayRoute(redirect=Redirect(to="https://new.example.org/", status=301, keep_path=True), path="/old"),
        GatewayRoute(redirect=Redirect(to="/v1/"), path="/latest", exact=True),
        GatewayRoute(answer=Answer(body='{"services": []}\n', content_type="application/json"), path="/api/services"),
        GatewayRoute(files=StaticFiles(root="@files/static-0", fallback="/site/index.html"), path="/site"),
        GatewayRoute(upstream="who", host="*.example.org", services=["who"]),
    ],
    {
        "api": [Backend(address="127.0.0.1:8000", weight=9), Backend(address="127.0.0.1:8001")],
        **dict.fromkeys(("least", "hash", "sticky", "who"), API),
        "store-main": [Backend(address="127.0.0.1:5432")],
    },
    Server(
        hosts=["app.example.org"],
        headers=SECURITY,
        trusted_proxies=["10.0.0.0/8"],
        health_path="/health",
        maintenance_page="@files/maintenance.html",
        drain_s=2.5,
        tcp=[TcpRoute(port=5432, upstream="store-main", idle_s=1_500_000)],
    ),
)
CASES: dict[str, tuple[list[GatewayRoute], dict[str, list[Backend]], Server]] = {
    "one-service": ([GatewayRoute(upstream="api")], {"api": API}, Server()),
    "websocket": (
        [GatewayRoute(upstream="api"), GatewayRoute(upstream="fanout", path="/ws", websocket=True, timeout_s=3600)],
        {"api": API, "fanout": [Backend(address="127.0.0.1:8002")]},
        Server(workers=4, max_body_mib=512, drain_s=90),
    ),
    "hosts-and-prefixes": (
        [
            GatewayRoute(upstream="web", host="app.example.org"),
            GatewayRoute(upstream="api", host="app.example.org", path="/v1", strip=True),
            GatewayRoute(upstream="api", path="/status", exact=True),
            GatewayRoute(upstream="web", host="*.example.org", path="/assets/"),
        ],
        {"api": API, "web": [Backend(address="127.0.0.1:8003")]},
        Server(),
    ),
    "no-replica": ([GatewayRoute(upstream="api", path="/api")], {"api": []}, Server()),
    "everything": EVERYTHING,
}
BALANCING = {
    "least": Balancing(method="least_conn", max_fails=5, fail_timeout_s=0.5),
    "hash": Balancing(method="ip_hash"),
    "sticky": Balancing(sticky=True),
}
ACCEPTED = {
    "worker_rlimit_nofile_vs_connections": "the container's own limit of open files holds for its workers",
    "proxy_pass_normalized": "removing a prefix is what `strip` asks for, and nginx has no other way",
    "add_header_redefinition": "the route says which header it drops; all others are said again",
    "return_bypasses_allow_deny": "the return is maintenance, which turns away everybody",
}
"""What gixy reports and stays."""


def _text(name: str, **changes: Any) -> str:
    routes, upstreams, server = CASES[name]
    balancing = {upstream: BALANCING[upstream] for upstream in upstreams if upstream in BALANCING}
    return render(routes, upstreams, replace(server, **changes), balancing)


@pytest.mark.parametrize("name", CASES)
def test_text(name: str, golden: Callable[[str, str], None]) -> None:
    """The golden text is what a reviewer sees of a change here."""
    golden(f"nginx/{name}.conf", _text(name))


def test_gixy_finds_nothing_else(tmp_path: Path) -> None:
    """Each accepted finding has its reason above."""
    files = []
    for name in CASES:
        files.append(tmp_path / f"{name}.conf")
        files[-1].write_text(_text(name), encoding="utf-8")
    gixy = Path(sys.executable).with_name("gixy")
    done = subprocess.run([gixy, "-f", "json", *files], capture_output=True, text=True, timeout=60, check=False)
    reported = json.loads(done.stdout)
    assert not [item for item in reported if item["severity"] == "HIGH"]
    assert {item["plugin"] for item in reported} == set(ACCEPTED)  # no reason for what is no longer found


@pytest.mark.e2e
@pytest.mark.parametrize("name", CASES)
def test_nginx_accepts_it(name: str, nginx_image: CatalogueImage) -> None:
    """``nginx -t`` of the image that Slipway runs, as the gateway's user, with no right."""
    flags = ["--rm", "-i", "--network=none", "--user=101:101", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL"]
    flags.append(f"--tmpfs={CONFIG_FOLDER}:uid=101,gid=101")  # where the gateway has its volume
    # Over standard input: the daemon may be another machine's.
    check = "cat >/tmp/nginx.conf && exec nginx -t -q -c /tmp/nginx.conf"
    done = subprocess.run(
        ["docker", "run", *flags, "--entrypoint=sh", nginx_image.reference, "-c", check],
        input=_text(name, stream_module=nginx_image.facts.get("stream_module")),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def nginx_image(root: Path) -> CatalogueImage:
    """Return an nginx image of the catalogue that is on this machine."""
    from settings import load_catalogue  # noqa: PLC0415 - the end-to-end tests alone need it

    for image in load_catalogue(root).images["nginx"].values():
        seen = subprocess.run(
            ["docker", "image", "inspect", image.reference], capture_output=True, timeout=30, check=False
        )
        if seen.returncode == 0:
            return image
    pytest.skip("no nginx image of the catalogue is on this machine: slipway images build")


def _locations(text: str, tmp_path: Path) -> dict[str, list[str]]:
    """Return for each server name its locations, read back by the parser."""
    file = tmp_path / "nginx.conf"
    file.write_text(text, encoding="utf-8")
    parsed: dict[str, Any] = crossplane.parse(str(file), single=True)
    assert parsed["status"] == "ok", parsed["errors"]
    http = next(item for item in parsed["config"][0]["parsed"] if item["directive"] == "http")
    found: dict[str, list[str]] = {}
    for server in http["block"]:
        if server["directive"] == "server":
            (name,) = next(item["args"] for item in server["block"] if item["directive"] == "server_name")
            found[name] = [" ".join(item["args"]) for item in server["block"] if item["directive"] == "location"]
    return found


def test_a_host_has_its_own_routes_and_those_of_every_host(tmp_path: Path) -> None:
    """A route without a host holds everywhere, unless the host has its own for that path."""
    text = render(*CASES["hosts-and-prefixes"])
    assert _locations(text, tmp_path) == {
        "_": [f"= {HEALTH_PATH}", "= /.slipway/maintenance", "= /status", "/"],
        "*.example.org": [f"= {HEALTH_PATH}", "= /.slipway/maintenance", "= /status", "/assets/", "/"],
        "app.example.org": [f"= {HEALTH_PATH}", "= /.slipway/maintenance", "= /status", "= /v1", "/", "/v1/"],
    }


def test_what_no_route_wants_is_not_found() -> None:
    """Not the first route, and not nginx's welcome page."""
    assert "location / {\n      return 404;" in render(*CASES["no-replica"])


def test_a_service_without_replica_answers_as_unavailable() -> None:
    """An empty upstream block would be refused by nginx."""
    assert "upstream to-api {\n    server 127.0.0.1:9;" in render(*CASES["no-replica"])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1", {"= /v1", "/v1/"}),
        ("/v1/", {"/v1/"}),
        ("/", {"/"}),
    ],
)
def test_a_removed_prefix_leaves_one_slash(path: str, expected: set[str], tmp_path: Path) -> None:
    """``/v1/jobs`` becomes ``/jobs``, not ``//jobs``, and ``/v1beta`` is another path."""
    text = render([GatewayRoute(upstream="api", path=path, strip=True)], {"api": API}, Server())
    assert text.count("proxy_pass http://to-api/;") == len(expected)
    assert expected <= set(_locations(text, tmp_path)["_"])


PATHS = st.from_regex(r"\A/[a-z0-9/_.~-]{0,12}\Z")


@settings(max_examples=40)
@given(
    st.lists(
        st.builds(GatewayRoute, upstream=st.just("api"), path=PATHS, exact=st.booleans()),
        min_size=1,
        max_size=5,
        unique_by=lambda route: (route.path, route.exact),
    )
)
def test_any_routes_make_a_configuration_that_reads_back(routes: Sequence[GatewayRoute]) -> None:
    """Whatever the order of the routes, the text is the same, and each has its location."""
    text = render(routes, {"api": API}, Server())
    assert text == render(list(reversed(routes)), {"api": API}, Server())
    for route in routes:
        assert f"location {'= ' if route.exact else ''}{route.path} {{" in text


def test_values_are_quoted_by_the_library() -> None:
    """No value becomes a directive."""
    text = render([GatewayRoute(upstream="api", path='/a b"; return 200; #')], {"api": API}, Server())
    assert "\n      return 200" not in text.replace("return 200 'ok", "")


@pytest.mark.parametrize("text", ["$host", "$http_host", "$slipway_id", "$remote_addr", "$scheme"])
def test_every_route_tells_where_a_request_came_from(text: str) -> None:
    """Headers set in a location replace those of the server, so each has all."""
    routes, upstreams, server = CASES["websocket"]
    assert render(routes, upstreams, server).count(f" {text};") >= len(routes)
