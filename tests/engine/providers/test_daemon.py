"""The connection to a daemon, through a real socket: what it sends, and what it makes of answers and failures."""

from __future__ import annotations

import base64
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.providers.docker.daemon import DEFAULT_HOST, Daemon, segment
from engine.providers.docker.errors import DaemonError, UnreachableError, gone, redacted
from engine.providers.docker.leftovers import made_since
from engine.providers.docker.set_order import hash_ordered
from engine.providers.docker.units import cpus_text, duration_text, parse_cpus, parse_duration, short_duration_text

if TYPE_CHECKING:
    from collections.abc import Iterator


class Answers(BaseHTTPRequestHandler):
    """Answers as a daemon of API 1.41, and keeps what it was asked."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str, dict[str, str], bytes]]

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, dict(self.headers), body))
        if self.path == "/version":
            self.reply(200, {"ApiVersion": "1.41"})
        elif "missing" in self.path:
            self.reply(404, {"message": "No such thing: missing"})
        elif "events" in self.path:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b'{"a": 1}\n{"b"', b': "\xc3\xa9"}', b'\n{"c": [1, 2]}\n'):
                self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        elif "plain" in self.path:
            self.reply(500, "not even JSON")
        elif "empty" in self.path:
            self.reply(204, None)
        else:
            self.reply(200, {"Id": "x"})

    def reply(self, status: int, body: Any) -> None:
        data = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def address_string(self) -> str:
        return "test"


class Server(socketserver.ThreadingUnixStreamServer):
    """Serves many connections at once."""

    daemon_threads = True
    request_queue_size = 64


@pytest.fixture
def socket_path(tmp_path: Path) -> Iterator[Path]:
    """A daemon behind a unix socket."""
    path = tmp_path / "d.sock"
    Answers.seen = []
    server = Server(str(path), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield path
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def daemon(socket_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    """A connection to it, with a docker login of its own."""
    logins = {"auths": {"registry.test": {"auth": base64.b64encode(b"me:word").decode()}}}
    (tmp_path / "config.json").write_text(json.dumps(logins))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    daemon = Daemon()
    daemon.configure({"host": f"unix://{socket_path}"})
    return daemon


def test_requests_carry_version_query_and_body(daemon: Daemon) -> None:
    assert daemon.post("/things/create", {"a": 1}, force=True, none=None, filters={"x": ["y"]}) == {"Id": "x"}

    method, path, headers, body = Answers.seen[-1]
    assert (method, path) == ("POST", "/v1.41/things/create?force=1&filters=%7B%22x%22%3A+%5B%22y%22%5D%7D")
    assert (headers["Content-Type"], json.loads(body)) == ("application/json", {"a": 1})
    assert daemon.api_version == (1, 41)


def test_an_error_carries_status_and_the_daemons_words(daemon: Daemon) -> None:
    with pytest.raises(DaemonError, match="No such thing: missing") as caught:
        daemon.get("/missing")
    assert gone(caught.value)
    with pytest.raises(DaemonError, match="not even JSON"):
        daemon.get("/plain")
    assert daemon.get("/empty") is None


def test_a_stream_is_cut_into_its_objects(daemon: Daemon) -> None:
    assert list(daemon.stream("GET", "/events")) == [{"a": 1}, {"b": "é"}, {"c": [1, 2]}]


def test_each_thread_has_its_own_connection_and_the_version_is_asked_for_once(daemon: Daemon) -> None:
    threads = [threading.Thread(target=daemon.get, args=("/things",)) for _ in range(8)]
    daemon.get("/things")
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [path for _, path, _, _ in Answers.seen].count("/version") == 1
    assert len(Answers.seen) == 10


def test_credentials_come_from_the_provider_or_from_docker_login(daemon: Daemon, socket_path: Path) -> None:
    def sent(image: str) -> dict[str, Any]:
        header = daemon.registry_headers(image).get("X-Registry-Auth")
        found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(header)) if header else {}
        return found

    assert sent("registry.test/a:1")["username"] == "me"
    assert sent("other.test/a:1") == {}
    auth = [{"address": "https://other.test", "username": "you", "password": "w"}]
    daemon.configure({"host": f"unix://{socket_path}", "registryAuth": json.dumps(auth)})
    assert sent("other.test/a:1")["username"] == "you"
    assert "registry.test" in json.loads(base64.urlsafe_b64decode(daemon.registry_config()["X-Registry-Config"]))


def test_the_host_comes_from_the_provider_the_environment_or_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = Daemon()
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert daemon.host == DEFAULT_HOST
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert daemon.host == "tcp://127.0.0.1:1"
    daemon.configure({"host": "unix:///elsewhere"})
    assert daemon.host == "unix:///elsewhere"


@pytest.mark.parametrize("host", ["unix:///no/such/docker.sock", "tcp://127.0.0.1:1"])
def test_a_daemon_that_is_not_there_is_explained(host: str) -> None:
    daemon = Daemon()
    daemon.configure({"host": host})

    with pytest.raises(UnreachableError, match=f"{host}.*(No such file|Connection refused).*DOCKER_HOST"):
        daemon.get("/info")


def test_path_segments_are_quoted() -> None:
    assert segment("a/b?c") == "a%2Fb%3Fc"


def test_secrets_are_blotted_out_longest_first_and_short_ones_stay() -> None:
    assert redacted("abcdef abcdefgh a", ["abcdef", "abcdefgh", "a"]) == "[secret] [secret] a"


@pytest.mark.parametrize(
    ("text", "nanoseconds", "shown", "short"),
    [
        ("0s", 0, "0s", "0s"),
        ("30s", 30 * 10**9, "30s", "30s"),
        ("90s", 90 * 10**9, "1m30s", "1m30s"),
        ("1m", 60 * 10**9, "1m0s", "1m"),
        ("1h", 3600 * 10**9, "1h0m0s", "1h"),
        ("1h30m", 5400 * 10**9, "1h30m0s", "1h30m"),
        ("1.5s", 1_500_000_000, "1.5s", "1.5s"),
        ("250ms", 250_000_000, "250ms", "250ms"),
        ("1500us", 1_500_000, "1.5ms", "1.5ms"),
        ("7ns", 7, "7ns", "7ns"),
        ("-2s", -2 * 10**9, "-2s", "-2s"),
    ],
)
def test_durations_are_gos(text: str, nanoseconds: int, shown: str, short: str) -> None:
    assert parse_duration(text) == nanoseconds
    assert duration_text(nanoseconds) == shown
    assert short_duration_text(nanoseconds) == short


@pytest.mark.parametrize("text", ["", "soon", "1", "1x", "s", "1s2"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [("0.5", "0.5"), ("2", "2.0"), ("1.0", "1.0"), ("10", "10."), ("0.05", "0.1"), ("0.25", "0.25"), ("12.5", "12.5")],
)
def test_cpus_are_written_with_the_real_providers_peculiarities(text: str, shown: str) -> None:
    assert cpus_text(parse_cpus(text)) == shown


def test_cpus_have_nine_digits_at_most() -> None:
    with pytest.raises(ValueError, match="nine digits"):
        parse_cpus("0.0000000001")


def test_strings_of_a_set_are_ordered_as_the_real_provider_orders_them() -> None:
    """Seen in containers that the real CLI created."""
    assert hash_ordered(["A=2", "Z=1"]) == ["Z=1", "A=2"]
    assert hash_ordered(["a.test", "b.test"]) == ["b.test", "a.test"]
    assert hash_ordered(["no-new-privileges:true", "seccomp=unconfined"])[0] == "seccomp=unconfined"


def test_creation_times_are_compared_with_a_second_of_slack() -> None:
    created = "2026-11-20T22:00:00.123456789Z"
    moment = 1795212000.123

    assert made_since(created, moment)
    assert made_since(created, moment + 0.9)
    assert not made_since(created, moment + 2)
    assert not made_since(created, None)
    assert not made_since(None, moment)
    assert not made_since("yesterday", moment)
