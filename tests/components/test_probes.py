"""Health probes: one line of shell that works in whatever image it meets."""

from __future__ import annotations

import http.server
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from components import command_probe, http_probe, tcp_probe
from components.probes import script


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/ok": 200, "/moved": 302, "/bad": 500}.get(self.path, 404))
        self.send_header("Location", "/ok")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Return the port of a small server."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def _world_of(folder: Path, *clients: str) -> dict[str, str]:
    """Return an environment in which nothing but a shell and these programs is found."""
    for client in ("sh", *clients):
        found = sys.executable if client == "python3" else shutil.which(client)
        if found is None:
            pytest.skip(f"{client} is not on this machine")
        wrapper = folder / client
        wrapper.write_text(f'#!/bin/sh\nexec "{found}" "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)
    return {"PATH": str(folder)}


@pytest.fixture(params=["curl", "wget", "bash", "python3"])
def only(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Return an environment in which one client alone is found."""
    return _world_of(tmp_path, request.param)


def _run(test: list[str], environment: dict[str, str]) -> int:
    assert test[0] == "CMD"
    return subprocess.run(test[1:], env=environment, capture_output=True, timeout=30, check=False).returncode


def test_an_answer_is_healthy_and_an_error_is_not(port: int, only: dict[str, str]) -> None:
    """2xx and 3xx are healthy, whatever client the image has."""
    assert _run(http_probe(port, "/ok"), only) == 0
    assert _run(http_probe(port, "/moved"), only) == 0
    assert _run(http_probe(port, "/bad"), only) != 0
    assert _run(http_probe(port, "/nothing"), only) != 0


def test_nobody_listening_is_unhealthy(only: dict[str, str]) -> None:
    """A refused connection is an answer too."""
    assert _run(http_probe(1, "/ok"), only) != 0


def test_without_a_client_the_probe_says_what_to_do(tmp_path: Path) -> None:
    """The text stands in ``docker inspect``."""
    environment = _world_of(tmp_path)
    for test, wanted in ((http_probe(80, "/"), "health.command"), (tcp_probe(80), "health.command")):
        done = subprocess.run(test[1:], env=environment, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 1
        assert wanted in done.stderr


@pytest.mark.parametrize("client", ["nc", "bash", "python3"])
def test_an_open_port_is_healthy(client: str, port: int, tmp_path: Path) -> None:
    """And a closed one is not."""
    environment = _world_of(tmp_path, client)
    assert _run(tcp_probe(port), environment) == 0
    assert _run(tcp_probe(1), environment) != 0


def test_a_command_is_run_without_a_shell() -> None:
    """As a list, so that nothing is quoted."""
    assert command_probe(["redis-cli", "ping"]) == ["CMD", "redis-cli", "ping"]


def test_arguments_are_never_part_of_the_script() -> None:
    """A path can't become a command."""
    test = http_probe(80, "/$(reboot)")
    assert "reboot" not in test[3]
    assert test[-2:] == ["80", "/$(reboot)"]


@pytest.mark.parametrize(
    "name",
    [
        *("gateway-addresses.sh", "gateway-reload.sh", "gateway-start.sh", "gateway-verify.sh"),
        *("postgres-start.sh", "probe-http.sh", "probe-tcp.sh"),
    ],
)
def test_scripts_are_valid_shell(name: str) -> None:
    """With the shell that images have, not bash."""
    subprocess.run(["sh", "-n"], input=script(name), text=True, timeout=10, check=True)
