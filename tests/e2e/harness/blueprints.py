"""The platforms of the scenarios: as small as each intent allows, with the shortest probes that are safe."""

from __future__ import annotations

import secrets
from typing import Any

Blueprint = dict[str, Any]

IMAGE = "slipway/sample"
NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"
"""The sample's API wants an address; it answers ``/health`` without a database."""


def service(command: str = "api", **changes: Any) -> dict[str, Any]:
    """Return a service of the sample that is healthy within a second and stops within one."""
    return {
        "image": IMAGE,
        "command": [command],
        "port": 8000,
        "memory": "96MiB",
        "env": {"RELEASE": "one", "DATABASE_URL": NO_DATABASE, "REDIS_URL": "${caches.queue.url}"},
        "health": {"path": "/health", "interval": "1s", "retries": 2, "wait": "30s"},
        "stop_grace": "5s",
        **changes,
    }


def small(port: int, *, release: str = "one", replicas: int = 2) -> Blueprint:
    """Return a gateway on ``port``, an API and a Redis with data: one of each kind that scenarios tell apart."""
    api = service(replicas=replicas)
    api["env"]["RELEASE"] = release
    return {
        "name": "e2e",
        "protect_data": False,
        "networks": {"edge": {}, "backend": {"internal": True}},
        "caches": {
            "queue": {
                "engine": "redis",
                "memory": "64MiB",
                "persistence": "aof",
                "health_interval": "1s",
                "stop_grace": "5s",
            }
        },
        "services": {"api": api},
        "gateway": {
            "publish": f"127.0.0.1:{port}",
            "health_interval": "1s",
            "drain": "5s",
            "routes": [{"path": "/", "to": "api"}],
        },
    }


def release_of(blueprint: Blueprint | None) -> str | None:
    """Return the release that a :func:`small` platform was deployed with; ``None`` if it is another one."""
    return ((blueprint or {}).get("services", {}).get("api", {}).get("env") or {}).get("RELEASE")


def new_release() -> str:
    """Return a release that no scenario has had."""
    return secrets.token_hex(3)


def tiny(release: str = "one", replicas: int = 1) -> Blueprint:
    """Return one service with a secret and nothing else, for what only needs something to be there."""
    api = service(replicas=replicas)
    api["env"] = {"RELEASE": release, "DATABASE_URL": NO_DATABASE, "REDIS_URL": "redis://127.0.0.1:1/0"}
    return {
        "name": "e2e",
        "protect_data": False,
        "networks": {"backend": {"internal": True}},
        "secrets": {"token": {"source": "generated"}},
        "services": {"api": {**api, "secrets": ["token"]}},
    }
