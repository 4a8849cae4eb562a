"""Releases in which something goes wrong, each caused on real containers: what serves, what is told, how it ends.

They share the small platform with other scenarios; each leaves it well.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.harness.blueprints import Blueprint, new_release, small
from tests.e2e.harness.docker_view import Daemon
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.waiting import until

pytestmark = pytest.mark.e2e

_TWO_SECONDS = {"interval": "1s", "timeout": "1s", "retries": 2, "wait": "30s"}
SERVER = """\
import http.server, os, signal, sys, threading

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if sys.argv[1] == "falling":
            threading.Timer(1.0, fall).start()

    def log_message(self, *_):
        pass

def fall():
    print("these are my last words", flush=True)
    os._exit(3)

if sys.argv[1] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Answer).serve_forever()
"""
"""Answers every request with 200. ``deaf``: ignores its stop signal; ``falling``: crashes a second after it was first
asked, so it is healthy before."""


def _with(port: int, release: str, **changes: Any) -> Blueprint:
    """Return the small platform with another API."""
    blueprint = small(port, release=release)
    blueprint["services"]["api"] |= changes
    return blueprint


def _serving(port: int, how: str) -> Blueprint:
    """Return it with the server above instead of the API."""
    health = {"path": "/", "interval": "1s", "wait": "60s"}
    server = {"entrypoint": ["python3", "-u", "-c", SERVER], "command": [how], "health": health, "stop_grace": "2s"}
    return _with(port, how, **server)


def test_an_old_replica_that_ignores_its_stop_signal_is_killed_and_told(platform: Platform) -> None:
    """The release succeeds and fails no request; which container, how long it was given, and what helps."""
    deaf = _serving(platform.port, "deaf")
    platform.deploy(deaf).ended()
    old = platform.world.of("api")
    new = new_release()
    with platform.prober() as probe:
        run = platform.deploy(small(platform.port, release=new)).ended()
        until(lambda: new in probe.answers.releases, "the new release answers")
    probe.answers.assert_none_failed()
    for replica in old:
        assert f"{replica.name} (service api) did not end within 2 s of SIGTERM and was killed (exit code 137)" in (
            " ".join(run.err.split())
        )
    assert "stop_grace" in run.err
    assert platform.release() == new
    platform.assert_settled()


def test_a_new_replica_that_is_healthy_and_then_crashes_fails_the_release(platform: Platform) -> None:
    """Before or after the gateway has turned to it: told with exit code and last words, and the old release is back."""
    good = new_release()
    platform.deploy(small(platform.port, release=good)).ended()
    falling = _serving(platform.port, "falling")
    falling["on_failure"] = "rollback"
    run = platform.deploy(falling)
    assert run.code == 1, run
    assert "service api: api-" in run.err
    assert "by itself" in run.err
    assert "exit code 3" in run.err
    assert "these are my last words" in run.err
    assert "probe 8000 /` gave exit code" in run.err or "has given no answer yet" in run.err
    assert "serves again" in run.text
    assert platform.release() == good
    platform.world.assert_well(api=2, gateway=1, queue=1)
    platform.assert_settled()


def test_a_health_check_that_never_answers_is_told_with_its_command(platform: Platform) -> None:
    """That it timed out, and the last log lines; the old release serves on, and is what the address is of."""
    good = new_release()
    platform.deploy(small(platform.port, release=good)).ended()
    hanging = _with(
        platform.port,
        "never",
        health={"command": ["sleep", "600"], "start_period": "0s", **_TWO_SECONDS},
    )
    with platform.prober() as probe:
        run = platform.deploy(hanging).failed(
            "api-0", "its health check `sleep 600` timed out", "exceeded timeout (1s)"
        )
    probe.answers.assert_none_failed()
    assert '"message": "starting"' in run.err
    assert "does not serve, and is left to be looked at" in run.text
    assert (
        f"still serving:\nPART     KIND     REPLICAS     ADDRESS\ngateway  gateway  1/1 healthy  http://localhost:{platform.port}"
        in run.out
    )
    assert "to go back to release" in run.text
    assert platform.release() == good
    platform.deploy(small(platform.port, release=good)).ended()
    platform.world.assert_well(api=2, gateway=1, queue=1)
    platform.assert_settled()


def test_nginx_that_can_not_reload_serves_on_and_its_message_is_told(platform: Platform) -> None:
    """A right configuration, and an nginx that can't make its folders: the old workers go on; then it is mended."""
    good, new = new_release(), new_release()
    platform.deploy(small(platform.port, release=good)).ended()
    gateway = platform.world.of("gateway")[0].id
    assert _inside(platform.daemon, gateway, "rmdir /tmp/nginx-scgi && chmod 0500 /tmp") == ""
    before = _inside(platform.daemon, gateway, "head -n 1 /etc/nginx/conf.d/run-*.conf")
    with platform.prober() as probe:
        platform.deploy(small(platform.port, release=new)).failed(
            "the reload of gateway failed", "serves the one before on", "[emerg]", "nginx-scgi"
        )
        assert platform.release() == good
        assert set(probe.answers.releases) == {good}
        # A reload for any other reason must not bring what was refused: nginx still reads the one before.
        assert _inside(platform.daemon, gateway, "head -n 1 /etc/nginx/conf.d/run-*.conf") == before
        _inside(platform.daemon, gateway, "chmod 0700 /tmp")
        platform.up().ended()
        until(lambda: new in probe.answers.releases, "the new release answers")
    probe.answers.assert_none_failed()
    assert platform.release() == new
    assert platform.world.of("gateway")[0].id == gateway
    platform.assert_converged()


def _inside(daemon: Daemon, container: str, line: str) -> str:
    code, text = daemon.exec(container, "sh", "-c", line)
    assert code == 0, text
    return text
