"""Whatever a description says, the answer is a platform or a list of problems, and never shows a secret."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from settings import SettingsError, load_platform

RICH: dict[str, Any] = {
    "name": "app",
    "images": {"family": "debian", "references": {"redis": "acme/redis:7"}},
    "host": {"memory": "64GiB", "cpus": 16},
    "networks": {"edge": {}, "backend": {"internal": True, "subnet": "10.1.0.0/24", "gateway": "10.1.0.1"}},
    "volumes": {"data": {"driver_opts": {"type": "none"}}},
    "secrets": {"token": {}, "made": {"source": "generated"}},
    "databases": {"main": {"version": 15, "settings": {"max_connections": 9}, "init": {"a.sql": "select 1"}}},
    "caches": {"queue": {"persistence": "aof", "profiles": []}},
    "services": {
        "api": {
            "image": "acme/api:1.0",
            "port": 8000,
            "health": {"path": "/health"},
            "env": {"URL": "${databases.main.url}", "N": 5},
            "secrets": ["token", {"name": "made", "env": "MADE"}],
            "needs": {"migrate": "completed"},
            "ulimits": {"nofile": 10},
            "binds": [{"source": "/srv", "path": "/srv"}],
            "capabilities": ["NET_RAW"],
            "relax": {"capabilities": "it pings its peers"},
        },
        "web": {"image": "slipway/sample", "port": 80, "health": {"tcp": 80}, "profiles": ["web"]},
    },
    "workers": {"runner": {"build": {"args": {"A": "b"}}, "volumes": ["data:/data"], "publish": ["127.0.0.1:9000"]}},
    "jobs": {"migrate": {"image": "acme/api:1.0", "timeout": "5m"}},
    "gateway": {"publish": "8080", "routes": [{"to": "api"}, {"to": "web", "path": "/web"}]},
    "environments": {"dev": {"services": {"api": {"replicas": 2}}}, "prod": {}},
}
SECRET = "kJ8s0meReal5ecretV4lue"
TEXTS = [
    "",
    "x",
    "../x",
    "${",
    "${secrets.token}",
    "${databases.main.url}",
    "${services.api.url}",
    "api",
    "gateway",
    "0",
]
FORMS = ["1GiB", "5s", "127.0.0.1:80", "a:/b", SECRET]
LISTS: list[Any] = [[], [None], [[]], [{}], ["api", "api"], [SECRET]]
MAPS: list[Any] = [{}, {"x": None}, {"": 1}, {"a b": {}}, {"api": "completed"}, {"secure": "x"}, {"token": SECRET}]
VALUES: st.SearchStrategy[Any] = st.sampled_from([None, True, 0, -1, 1.5, 10**12, *TEXTS, *FORMS, *LISTS, *MAPS])
KEYS = st.sampled_from(["x", "", "api", "memory", "needs", "networks", "secure", "<<", "a.b", "${x}", "[0]"])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths of everything in a structure."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@st.composite
def mangled(draw: st.DrawFn) -> Any:
    """Change up to three things of a rich description to something that does not belong there."""
    description = copy.deepcopy(RICH)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(description)))
        value = copy.deepcopy(draw(VALUES))
        if path and draw(st.booleans()):
            at(description, path[:-1])[path[-1]] = value
        elif isinstance(target := at(description, path), dict):
            target[draw(KEYS)] = value
        elif isinstance(target, list):
            target.append(value)
    return description


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mangled(), st.sampled_from(["dev", "eu"]), st.sampled_from([(), ("web",), ("x",)]))
def test_there_is_always_an_answer(project: Any, description: Any, stack: str, profiles: tuple[str, ...]) -> None:
    project.write("blueprints/app.yaml", json.dumps(description))
    source = project.source(stack=stack, profiles=profiles, secrets={"token": SECRET})
    try:
        load_platform(source)
    except SettingsError as error:
        assert error.problems  # noqa: PT017 - either outcome is right
        declared = description.get("secrets") if isinstance(description, dict) else None
        if isinstance(declared, dict) and "token" in declared:
            assert SECRET not in str(error)  # noqa: PT017
        assert all(problem.message for problem in error.problems)  # noqa: PT017
