"""Every feature of a route, on the nginx that serves it: one platform, asked many things."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.harness.blueprints import service
from tests.e2e.harness.engines import EMBEDDED
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.waiting import until
from tests.e2e.harness.websocket import messages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Stacks
    from tests.e2e.harness.platform import Platform

pytestmark = pytest.mark.e2e

ECHO = (Path(__file__).parent / "harness" / "echo.py").read_text(encoding="utf-8")
OWASP = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-XSS-Protection": "0",
}


def _echo(name: str, **changes: Any) -> dict[str, Any]:
    made = service(
        entrypoint=["python3", "/srv/echo.py"],
        files={"/srv/echo.py": ECHO.replace("${", "$${")},
        # Python may take long to start on a busy machine; nothing here waits for it to become unhealthy.
        health={"path": "/hits", "interval": "1s", "retries": 30, "wait": "60s"},
        memory="256MiB",
        **changes,
    )
    return {**made, "command": [], "env": {"NAME": name}}


def blueprint(port: int, store_port: int) -> dict[str, Any]:
    """Return a gateway with a route for each feature."""
    return {
        "name": "routes",
        "protect_data": False,
        "networks": {"edge": {}, "backend": {"internal": True}},
        "secrets": {"door": {"source": "generated"}},
        "caches": {"queue": {"engine": "redis", "memory": "64MiB", "persistence": "none", "health_interval": "1s"}},
        "services": {"one": _echo("one", replicas=2), "two": _echo("two", secrets=["door"])},
        "gateway": {
            "publish": f"127.0.0.1:{port}",
            "health_interval": "1s",
            "drain": "3s",
            "health_path": "/health",
            "trusted_proxies": ["172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8"],
            "maintenance_page": "pages/closed.html",
            "tcp": {"queue": {"host_port": store_port, "reason": "this scenario connects from outside"}},
            "routes": [
                {"path": "/", "to": "one"},
                {"path": "/strip", "to": "one", "strip": True},
                {"path": "/rewrite/", "to": "one", "rewrite": "/v2/"},
                {"path": "/exact", "to": "two", "exact": True, "rewrite": "/elsewhere"},
                {"path": "/folder", "to": "one", "slash": "add"},
                {"path": "/bare", "to": "one", "slash": "remove"},
                {"path": "/old", "redirect": {"to": "https://new.example.org", "status": 301, "keep_path": True}},
                {"path": "/moved", "exact": True, "redirect": "/status/204"},
                {"path": "/api/services", "exact": True, "answer": {"json": {"services": ["one", "two"]}}},
                {"path": "/site", "files": {"folder": "pages", "fallback": "/site/index.html"}, "cache": "1h"},
                {"path": "/", "host": "two.example.org", "to": "two"},
                {"path": "/asked", "to": "one", "auth": {"to": "two", "path": "/verify", "headers": ["X-User"]}},
                {"path": "/closed", "to": "one", "basic_auth": {"users": {"ada": "door"}}},
                {"path": "/keyed", "to": "one", "api_key": "door"},
                {"path": "/nobody", "to": "one", "allow": ["192.0.2.1"]},
                {"path": "/denied", "to": "one", "deny": ["0.0.0.0/0"]},
                {"path": "/ws", "to": "one", "websocket": True},
                {"path": "/stream", "to": "one", "streaming": True},
                {"path": "/slow", "to": "one", "timeout": "1s", "retries": 0},
                {"path": "/upload", "to": "one", "max_body": "60MiB", "stream_upload": True},
                {"path": "/limited", "to": "one", "rate": {"requests": "1/s", "burst": 4}},
                {"path": "/by-key", "to": "one", "rate": {"requests": "1/m", "header": "X-Api-Key"}},
                {"path": "/few", "to": "one", "rewrite": "/slow", "connections": 2},
                {"path": "/cached", "to": "one", "cache": "1h"},
                {"path": "/named", "to": "one", "headers": {"X-Frame-Options": "", "X-Own": "yes"},
                 "request_headers": {"X-Source": "gateway"}},
                {"path": "/sticky", "to": "one", "balance": "sticky"},
                {"path": "/least", "to": "one", "balance": "least_conn"},
                {"path": "/hash", "to": "one", "balance": "ip_hash"},
                {"path": "/shared", "to": {"one": 3, "two": 1}},
                # Its own count of failures: a replica that failed another scenario a moment ago must not be left out.
                {"path": "/drop", "to": "one", "max_fails": 9},
                {"path": "/second", "to": "two", "port": 8001},
                {"path": "/v1", "to": "one", "strip": True, "connect_timeout": "500ms", "fail_timeout": "500ms"},
                {"path": "/v1", "exact": True, "answer": {"text": "version one"}},
                {"path": "/plain", "to": "one", "rewrite": "/big", "exact": True, "compress": False},
            ],
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def gate(stacks: Stacks) -> Iterator[Platform]:
    """Return the platform, deployed. The graph decides on its routes and not the engine: one engine shows it."""
    port, store = free_port(), free_port()
    platform = stacks.new(EMBEDDED, {"name": "routes"}, port=port)
    pages = platform.workspace.root / "pages"
    (pages / "sub").mkdir(parents=True)
    (pages / "index.html").write_text("<h1>the site</h1>\n")
    (pages / "sub" / "style.css").write_text("h1 { color: navy }\n")
    (pages / "dot.png").write_bytes(base64.b64decode(b"iVBORw0KGgoAAAANSUhEUg==") + b"\xff\xfe")
    (pages / "closed.html").write_text("<h1>back soon</h1>\n")
    platform.deploy(blueprint(port, store)).ended()
    yield platform
    stacks.remove(platform)


class Answer:
    """One answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def told(self) -> dict[str, Any]:
        """What the server says that it got."""
        return dict(json.loads(self.body))


def ask(gate: Platform, path: str, method: str = "GET", body: bytes | None = None, /, **headers: str) -> Answer:
    """Send one request through the gateway."""
    connection = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=20)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return Answer(connection.getresponse())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "reaches"),
    [
        ("/any?x=1", "/any?x=1"),
        ("/strip", "/"),
        ("/strip/a?b=c", "/a?b=c"),
        ("/rewrite/a", "/v2/a"),
        ("/exact", "/elsewhere"),
        ("/exact/more", "/exact/more"),
        ("/folder/", "/folder/"),
        ("/bare", "/bare"),
        ("/bare/deeper", "/bare/deeper"),
        ("/v1/a", "/a"),
    ],
)
def test_paths(gate: Platform, path: str, reaches: str) -> None:
    """Prefix, exact path, strip and rewrite."""
    assert ask(gate, path).told["path"] == reaches


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/folder?x=1", 308, "/folder/?x=1"),
        ("/bare/", 308, "/bare"),
        ("/old/deep?x=1", 301, "https://new.example.org/old/deep?x=1"),
        ("/moved", 308, "/status/204"),
    ],
)
def test_redirects(gate: Platform, path: str, status: int, location: str) -> None:
    """They keep the query, and the path where that is asked for."""
    answer = ask(gate, path)
    assert (answer.status, answer.headers["Location"]) == (status, location)


def test_a_host_has_its_own_routes(gate: Platform) -> None:
    """By name; every other name gets the routes without one."""
    assert ask(gate, "/x", Host="two.example.org").told["name"] == "two"
    assert ask(gate, "/x", Host="other.example.org").told["name"] == "one"


def test_a_fixed_answer_and_static_files(gate: Platform) -> None:
    """The discovery page, files of any kind, the fallback of a single-page application, and their headers."""
    found = ask(gate, "/api/services")
    assert (json.loads(found.body), found.headers["Content-Type"]) == ({"services": ["one", "two"]}, "application/json")
    page = ask(gate, "/site/")
    assert (page.body, page.headers["Content-Type"]) == (b"<h1>the site</h1>\n", "text/html")
    assert page.headers["Cache-Control"] == "public, max-age=3600"
    assert ask(gate, "/site/sub/style.css").headers["Content-Type"] == "text/css"
    assert ask(gate, "/site/dot.png").body.endswith(b"\xff\xfe")
    assert ask(gate, "/site/app/route").body == b"<h1>the site</h1>\n"
    assert ask(gate, "/site/../../live.conf").status in {400, 404} or b"daemon" not in ask(gate, "/live.conf").body


def test_a_route_says_the_port_or_the_path_itself(gate: Platform) -> None:
    """Nothing listens on that port, which nginx tells; what a route says goes before what another one implies."""
    assert ask(gate, "/second").status == 502
    assert ask(gate, "/v1").body == b"version one"


def test_asking_a_service(gate: Platform) -> None:
    """401 where it says no; what it says of the user reaches the route's service, and nobody else can say it."""
    assert ask(gate, "/asked/x").status == 401
    assert ask(gate, "/asked/x", X_User="mallory", X_Word="no").status == 401
    told = ask(gate, "/asked/x?y=1", X_Word="please", X_User="mallory").told
    assert told["headers"]["x-user"] == "ada@/asked/x?y=1"


def test_a_password(gate: Platform) -> None:
    """The declared secret opens; nothing else does; it stands in no place where it could be read."""
    assert ask(gate, "/closed").status == 401
    code, password = gate.daemon.exec(gate.world.of("two")[0].id, "cat", "/run/secrets/door")
    assert code == 0
    wrong = base64.b64encode(b"ada:wrong").decode()
    assert ask(gate, "/closed", Authorization=f"Basic {wrong}").status == 401
    right = base64.b64encode(f"ada:{password.strip()}".encode()).decode()
    assert ask(gate, "/closed", Authorization=f"Basic {right}").status == 200
    assert password.strip() not in json.dumps(gate.daemon.inspect(gate.workspace.stack))


def test_a_key_opens_a_route_and_goes_no_further(gate: Platform) -> None:
    """In either header; the service sees neither, and nobody else gets in."""
    code, key = gate.daemon.exec(gate.world.of("two")[0].id, "cat", "/run/secrets/door")
    assert code == 0
    key = key.strip()
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-Api-Key": key}):
        answer = ask(gate, "/keyed", **headers)
        assert answer.status == 200
        assert key not in answer.body.decode()
    nearly: list[dict[str, str]] = [{}, {"Authorization": f"Bearer {key}x"}, {"X-Api-Key": key.swapcase()}]
    for headers in [*nearly, {"Authorization": key}]:
        refused = ask(gate, "/keyed", **headers)
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert json.loads(refused.body)["error"]["code"] == "invalid_api_key"


def test_addresses(gate: Platform) -> None:
    """Allow lists and deny lists; the address before a trusted proxy is the one that counts."""
    assert ask(gate, "/nobody").status == 403
    assert ask(gate, "/denied").status == 403
    assert ask(gate, "/nobody", X_Forwarded_For="192.0.2.1").status == 200


def test_headers(gate: Platform) -> None:
    """OWASP's on every status, the service's own in their place, the request's id there and back."""
    for path in ("/status/200", "/status/404", "/status/503", "/nobody", "/limited-not", "/old"):
        answer = ask(gate, path)
        assert {name: answer.headers[name] for name in OWASP} == OWASP, path
    assert ask(gate, "/x").headers.get_all("X-Frame-Options") == ["SAMEORIGIN"]
    assert ask(gate, "/status/404").headers["X-Frame-Options"] == "DENY"
    named = ask(gate, "/named")
    assert (named.headers["X-Frame-Options"], named.headers["X-Own"]) == (None, "yes")
    assert named.headers["X-Content-Type-Options"] == "nosniff"
    assert named.told["headers"]["x-source"] == "gateway"
    assert "nginx/" not in str(ask(gate, "/nobody").headers)
    kept = ask(gate, "/x", X_Request_Id="client-chosen-1")
    assert kept.headers["X-Request-Id"] == kept.told["headers"]["x-request-id"] == "client-chosen-1"
    made = ask(gate, "/x", X_Request_Id="bad id !")
    assert made.told["headers"]["x-request-id"] == made.headers["X-Request-Id"] != "bad id !"
    assert ask(gate, "/cached").headers.get_all("Cache-Control") == ["public, max-age=3600"]


def test_websocket(gate: Platform) -> None:
    """It opens, and what the service says comes through."""
    assert list(messages(gate.port, "/ws")) == [{"said": "hello"}]


def test_a_stream_is_passed_on_piece_by_piece(gate: Platform) -> None:
    """The first line is there while the service still holds the last one back."""
    connection = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=20)
    connection.request("GET", "/stream", headers={"Accept-Encoding": "gzip"})
    response = connection.getresponse()
    first = response.read1()
    assert first == b"data: first\n\n"
    assert response.read() == b"data: last\n\n"
    connection.close()


def test_timeouts_and_bodies(gate: Platform) -> None:
    """A silent service is 504 after its time; a body beyond its limit is 413, one of 50 MB arrives."""
    assert ask(gate, "/slow?s=10").status == 504
    assert ask(gate, "/upload", "POST", b"x" * 50_000_000).told["bytes"] == 50_000_000
    assert ask(gate, "/other", "POST", b"x" * 17 * 2**20).status == 413


def test_limits(gate: Platform) -> None:
    """Beyond rate and burst: 429 with Retry-After, by address or by key. Beyond its connections: 429."""
    answers = [ask(gate, "/limited") for _ in range(8)]
    refused = [answer for answer in answers if answer.status == 429]
    assert 2 <= len(refused) <= 3, [answer.status for answer in answers]
    assert refused[0].headers["Retry-After"] == "1"
    assert refused[0].headers["X-Content-Type-Options"] == "nosniff"
    keys = [ask(gate, "/by-key", X_Api_Key=key).status for key in ("a", "b", "a", "b", "c")]
    assert keys == [200, 200, 429, 429, 200]
    with ThreadPoolExecutor(6) as pool:
        together = [answer.status for answer in pool.map(lambda _: ask(gate, "/few?s=1"), range(6))]
    assert sorted(together) == [200, 200, 429, 429, 429, 429]


def test_a_post_is_never_sent_twice(gate: Platform) -> None:
    """A connection that breaks after the request was sent: a GET is tried at another replica, a POST is not."""

    def hits(method: str) -> int:
        return sum(json.loads(inside)[method] for inside in _each_hits(gate) if method in json.loads(inside))

    assert ask(gate, "/drop", "POST", b"once").status == 502
    assert hits("POST") == 1
    assert ask(gate, "/drop").status == 502
    assert hits("GET") == 2
    until(lambda: ask(gate, "/x").status == 200, "the replicas are asked again", 10)


def _each_hits(gate: Platform) -> list[str]:
    script = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/hits').read().decode())"
    return [gate.daemon.exec(item.id, "python3", "-c", script)[1] for item in gate.world.of("one")]


def test_compression(gate: Platform) -> None:
    """Text is compressed for who can read it, unless the route says no."""
    assert ask(gate, "/big", Accept_Encoding="gzip").headers["Content-Encoding"] == "gzip"
    assert ask(gate, "/big").headers["Content-Encoding"] is None
    assert ask(gate, "/plain", Accept_Encoding="gzip").headers["Content-Encoding"] is None


def test_balancing(gate: Platform) -> None:
    """A cookie or an address keeps its replica; weights between services are kept."""
    first = ask(gate, "/sticky/x")
    cookie = first.headers["Set-Cookie"].split(";")[0]
    assert "HttpOnly" in first.headers["Set-Cookie"]
    assert ask(gate, "/sticky/x", Cookie=cookie).headers["Set-Cookie"] is None
    gateway = gate.world.of("gateway")[0].id

    def replicas(path: str, **headers: str) -> set[str]:
        for _ in range(12):
            assert ask(gate, path, **headers).status == 200

        def logged() -> list[str]:
            lines = [json.loads(line) for line in _log(gateway) if line.startswith("{")]
            return [line["upstream"] for line in lines if line.get("uri") == path]

        until(lambda: len(logged()) >= 12, "the log is written", 10)
        return set(logged()[-12:])

    assert len(replicas("/sticky/y", Cookie=cookie)) == 1
    assert len(replicas("/hash/y")) == 1
    assert len(replicas("/least/y")) == 2
    names = [ask(gate, "/shared").told["name"] for _ in range(40)]
    assert names.count("two") == 10


def _log(container: str) -> list[str]:
    done = subprocess.run(["docker", "logs", container], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.splitlines()


def test_the_gateways_own_pages(gate: Platform) -> None:
    """Health by any name; nginx's figures on the networks alone; a store by its port."""
    assert ask(gate, "/health", Host="nobody.example.org").body == b"ok\n"
    assert ask(gate, "/stub_status").told["path"] == "/stub_status"
    one = gate.world.of("one")[0].id
    script = "import urllib.request as u; print(u.urlopen('http://gateway:8081/stub_status').read().decode())"
    assert "Active connections" in gate.daemon.exec(one, "python3", "-c", script)[1]
    store = gate.workspace.read("e2e")["gateway"]["tcp"]["queue"]["host_port"]
    with socket.create_connection(("127.0.0.1", store), 5) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(100).startswith(b"-NOAUTH")


def test_maintenance_of_one_service(gate: Platform) -> None:
    """A flag in the gateway's volume closes a service's routes within a second, with the page, and opens them again."""
    gateway = gate.world.of("gateway")[0].id
    folder = "/etc/nginx/conf.d/.flags"
    assert gate.daemon.exec(gateway, "sh", "-c", f"mkdir -p {folder} && touch {folder}/maintenance.one")[0] == 0
    until(lambda: ask(gate, "/x").status == 503, "the flag is seen", 5)
    closed = ask(gate, "/x", "POST", b"body")
    assert (closed.status, closed.body, closed.headers["Retry-After"]) == (503, b"<h1>back soon</h1>\n", "60")
    assert ask(gate, "/x", Host="two.example.org").status == 200
    assert ask(gate, "/health").status == 200
    assert gate.daemon.exec(gateway, "rm", f"{folder}/maintenance.one")[0] == 0
    until(lambda: ask(gate, "/x").status == 200, "the flag is seen to be gone", 5)


def test_nothing_more_to_do(gate: Platform) -> None:
    """All of this is no change for ever; another page is a reload, and the gateway stays."""
    gate.assert_converged()
    before = gate.world.ids("gateway")
    (gate.workspace.root / "pages" / "index.html").write_text("<h1>another site</h1>\n")
    gate.up().ended()
    until(lambda: ask(gate, "/site/").body == b"<h1>another site</h1>\n", "the new page is served", 10)
    assert gate.world.ids("gateway") == before
    code, listed = gate.daemon.exec(gate.world.of("gateway")[0].id, "sh", "-c", "ls -A /etc/nginx/conf.d")
    assert code == 0
    assert len([name for name in listed.split() if name.startswith("files-")]) == 1, listed
    assert ".staged" not in listed
