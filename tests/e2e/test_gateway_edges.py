"""Routes where something does not answer: names that nobody has, services that are silent, replicas that hang.

The graph decides on its routes and not the engine: one engine shows it.
"""

from __future__ import annotations

import http.client
import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Stacks
from tests.e2e.harness.blueprints import Blueprint, service
from tests.e2e.harness.engines import EMBEDDED
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.waiting import until
from tests.e2e.test_gateway_routes import ECHO

pytestmark = pytest.mark.e2e

HOST = "app.slipway.test"


def _blueprint(port: int) -> Blueprint:
    echo = service(
        entrypoint=["python3", "/srv/echo.py"],
        files={"/srv/echo.py": ECHO.replace("${", "$${")},
        health={"path": "/hits", "interval": "1s", "wait": "60s"},
        memory="256MiB",
        replicas=2,
    )
    return {
        "name": "edges",
        "protect_data": False,
        "networks": {"edge": {}, "backend": {"internal": True}},
        "services": {"one": {**echo, "command": [], "env": {"NAME": "one"}}},
        "gateway": {
            "publish": f"127.0.0.1:{port}",
            "health_interval": "1s",
            "drain": "3s",
            "hosts": [HOST],
            "routes": [
                {"path": "/", "to": "one"},
                {"path": "/long", "to": "one", "timeout": "7200s", "send_timeout": "7200s"},
                {"path": "/full", "to": "one", "port": 8002, "connect_timeout": "500ms", "retries": 0},
                {"path": "/stuck", "to": "one", "send_timeout": "1s", "stream_upload": True, "max_body": "60MiB",
                 "retries": 0},
                {"path": "/flaky", "to": "one", "timeout": "1s", "max_fails": 1, "fail_timeout": "5s"},
            ],
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def gate(stacks: Stacks) -> Iterator[Platform]:
    """Return the platform, deployed."""
    port = free_port()
    platform = stacks.new(EMBEDDED, _blueprint(port), port=port)
    platform.up().ended()
    yield platform
    stacks.remove(platform)


def _ask(
    gate: Platform, path: str, body: bytes | None = None, host: str = HOST, **headers: str
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=20)
    try:
        sent = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request("GET" if body is None else "POST", path, body, sent)
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


def _log(gate: Platform, word: str, number: int) -> list[dict[str, Any]]:
    """Wait until so many lines of the access log hold a word, and return them."""
    gateway = gate.world.of("gateway")[0].id

    def lines() -> list[dict[str, Any]]:
        text = gate.daemon.api.logs(gateway, stdout=True, stderr=False, tail=400).decode()
        return [json.loads(line) for line in text.splitlines() if word in line]

    until(lambda: len(lines()) >= number, "the log is written", 10)
    return lines()


def test_an_unknown_name_gets_no_answer(gate: Platform) -> None:
    """Over plain HTTP too: neither a page nor a status, but for the gateway's own health."""
    for host in ("nobody.slipway.test", "127.0.0.1", f"x.{HOST}"):
        with pytest.raises(http.client.RemoteDisconnected):
            _ask(gate, "/", host=host)
        assert _ask(gate, "/.slipway/health", host=host).status == 200
    assert _ask(gate, "/").status == 200


def test_connecting_and_sending_have_their_own_limits(gate: Platform) -> None:
    """A service that takes no connection, and one that takes nothing of a body: 504 after that time, not for ever."""
    assert _ask(gate, "/full").status == 504
    assert _ask(gate, "/stuck", b"x" * 50_000_000).status == 504


def test_two_hours_are_what_nginx_runs_with(gate: Platform) -> None:
    """The longest silence that can be asked for reaches the server that runs."""
    code, text = gate.daemon.exec(
        gate.world.of("gateway")[0].id, "sh", "-c", "nginx -T -c /etc/nginx/conf.d/run-*.conf"
    )
    assert code == 0, text
    route = text.partition("location /long {")[2].partition("}\n    location")[0]
    assert "proxy_read_timeout 7200s;" in route
    assert "proxy_send_timeout 7200s;" in route
    assert _ask(gate, "/long").status == 200


def test_requests_go_to_the_replicas_in_turn(gate: Platform) -> None:
    """As long as nobody says otherwise."""
    word = secrets.token_hex(4)
    for _ in range(12):
        assert _ask(gate, f"/?{word}").status == 200
    asked = [line["upstream"] for line in _log(gate, word, 12)]
    # Two workers take turns each by itself.
    assert sorted(asked.count(address) for address in set(asked)) in ([5, 7], [6, 6]), asked


def test_a_request_is_followed_by_its_id(gate: Platform) -> None:
    """One id in the answer, at the service and in the log, which is JSON with nothing of the headers in it."""
    word = f"trace-{secrets.token_hex(8)}"
    answer = _ask(gate, f"/x?{word}", X_Request_Id=word)
    assert answer.headers["X-Request-Id"] == word
    (line,) = [item for item in _log(gate, word, 1) if item["id"] == word]
    assert (line["status"], line["method"], line["uri"], line["host"]) == (200, "GET", f"/x?{word}", HOST)
    assert line["upstream_status"] == "200"
    assert {"time", "remote", "bytes", "seconds", "upstream", "upstream_seconds"} <= line.keys()


def test_a_replica_that_hangs_is_left_out_and_asked_again(gate: Platform) -> None:
    """One request waits for it and is answered by the other one; the next do not wait; later it is tried again."""
    hung, other = gate.world.of("one")
    address = {
        seen.id: next(iter(gate.daemon.api.inspect_container(seen.id)["NetworkSettings"]["Networks"].values()))[
            "IPAddress"
        ]
        for seen in (hung, other)
    }
    word = secrets.token_hex(4)
    gate.daemon.api.pause(hung.id)
    try:
        for _ in range(12):
            assert _ask(gate, f"/flaky?{word}").status == 200
    finally:
        gate.daemon.api.unpause(hung.id)
    lines = [line["upstream"] for line in _log(gate, word, 12)]
    tried = [line for line in lines if address[hung.id] in line]
    # Each of the two workers finds it out for itself.
    assert 1 <= len(tried) <= 2, lines
    assert all(line.endswith(f", {address[other.id]}:8000") for line in tried), lines

    def asked_again() -> bool:
        again = secrets.token_hex(4)
        for _ in range(4):
            assert _ask(gate, f"/flaky?{again}").status == 200
        return any(address[hung.id] in line["upstream"] for line in _log(gate, again, 4))

    until(asked_again, "the replica is asked again", 30)
