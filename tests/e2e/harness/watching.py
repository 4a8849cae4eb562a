"""A platform that is watched, with the shortest times that mean anything, and what is asked of it."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.e2e.harness import blueprints
from tests.e2e.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.e2e.harness.platform import Platform

AGENT: Final = (Path(__file__).parent / "agent.py").read_text(encoding="utf-8")
HOST: Final = "watched.slipway.test"
_TIMEOUT_S: Final = 10.0
_SOON_S: Final = 120.0
"""The longest until an alert is told, on a machine that does much else."""


def blueprint(port: int, https: int, prometheus: int, grafana: int) -> blueprints.Blueprint:
    """Return a platform with one of each kind of thing that is watched."""
    agent = blueprints.service(
        entrypoint=["python3", "/srv/agent.py"],
        env={},
        files={"/srv/agent.py": AGENT.replace("${", "$${")},
    )
    agent["command"] = []
    agent["tmpfs"] = {"/tmp": "64MiB"}  # noqa: S108 - in the container
    agent["health"] = {"path": "/health", "interval": "1s", "retries": 20, "wait": "60s"}
    stores = {"health_interval": "4s", "stop_grace": "5s"}
    return {
        "name": "e2e",
        "protect_data": False,
        "networks": {"edge": {}, "backend": {"internal": True}},
        "secrets": {"tls_certificate": {}, "tls_key": {}, "ops_address": {}, "picky_address": {}},
        "databases": {"main": {"memory": "128MiB", "settings": {"max_connections": 20}, "tls": {}, **stores}},
        "caches": {"queue": {"memory": "96MiB", "max_memory": "48MiB", **stores}},
        "services": {
            "api": {**agent, "metrics": {"port": 8000}},
            "inbox": agent,
        },
        "gateway": {
            "publish": f"127.0.0.1:{port}",
            "hosts": [HOST, "127.0.0.1"],
            "health_interval": "1s",
            "drain": "5s",
            "routes": [
                {"path": "/", "to": "api", "retries": 0},
                {"path": "/inbox/", "to": "inbox", "strip": True},
                {"path": "/prometheus/", "to": "prometheus", "allow": ["0.0.0.0/0"]},
            ],
            "tls": {
                "mode": "files",
                "redirect": False,
                "publish": f"127.0.0.1:{https}",
                "certificates": [{"certificate": "tls_certificate", "key": "tls_key", "hosts": [HOST]}],
            },
        },
        "monitoring": {
            "enabled": True,
            "publish": f"127.0.0.1:{prometheus}",
            "interval": "2s",
            "hold": "1s",
            "window": "10s",
            "receivers": {
                "ops": {"webhook": "ops_address", "repeat": "1h"},
                "picky": {"webhook": "picky_address", "repeat": "1h"},
            },
            "grafana": {
                "image": "slipway/sample",
                "publish": f"127.0.0.1:{grafana}",
                "memory": "64MiB",
            },
            "alerts": {
                "latency": "500ms",
                "refused": 10,
                "queue_age": "5m",
                "queue_depth": 100,
                "failed_jobs": 3,
                "certificate": "14d",
                "cpu": 1.0,
                "memory": 0.8,
                "disk_free": 0.000001,
            },
        },
    }


class Watched:
    """The questions.

    Args:
        platform: The platform, deployed.
        prometheus: Prometheus' port on this machine.
        grafana: Grafana's.
    """

    def __init__(self, platform: Platform, prometheus: int, grafana: int) -> None:
        self.platform = platform
        self.grafana = grafana
        self._prometheus = prometheus

    def ask(self, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Ask the gateway, and return status and text."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.platform.port}{path}",
            data=None if body is None else body.encode(),
            headers=headers or {},
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return what an expression of PromQL comes to now."""
        found: list[dict[str, Any]] = self._api(f"query?query={urllib.parse.quote(expression)}")["result"]
        return found

    def metric_names(self) -> set[str]:
        """Return the name of every metric that Prometheus has read."""
        return set(self._api("label/__name__/values"))

    def targets(self) -> dict[str, tuple[str, str]]:
        """Return the health and last error of every target, by job."""
        active = self._api("targets")["activeTargets"]
        return {target["labels"]["job"]: (target["health"], target["lastError"]) for target in active}

    def alerts(self) -> list[dict[str, Any]]:
        """Return every alert that the inbox was told of so far."""
        told: list[dict[str, Any]] = json.loads(self.ask("/inbox/told")[1])
        return told

    def now(self) -> set[str]:
        """Return the names of the alerts of which the last that was told is that they fire."""
        last: dict[str, str] = {}
        for alert in self.alerts():
            last[json.dumps(alert["labels"], sort_keys=True)] = alert["status"]
        return {json.loads(labels)["alertname"] for labels, status in last.items() if status == "firing"}

    def wait_for(self, names: Iterable[str]) -> None:
        """Return when the inbox was told that each of these fires; one may be over before the next begins."""
        seen: set[str] = set()

        def left() -> set[str]:
            seen.update(self.now())
            return set(names) - seen

        self._wait(left, "the inbox is told of everything")

    def wait_until_clear(self, names: Iterable[str]) -> None:
        """Return when the inbox was told that none of these fires any more."""
        self._wait(lambda: set(names) & self.now(), "the inbox is told that everything is over")

    @staticmethod
    def _wait(left: Callable[[], set[str]], what: str) -> None:
        try:
            until(lambda: not left(), what, _SOON_S)
        except AssertionError as error:
            raise AssertionError(f"{error}: {', '.join(sorted(left()))} is left") from None

    def container(self, part: str) -> str:
        """Return the id of a part's container."""
        return self.platform.daemon.world(self.platform.workspace.stack).of(part)[0].id

    def _api(self, path: str) -> Any:
        address = f"http://127.0.0.1:{self._prometheus}/prometheus/api/v1/{path}"
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as answer:
            return json.loads(answer.read())["data"]
