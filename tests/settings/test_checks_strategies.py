"""A release strategy that could not be carried out is refused, with what is in its way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from settings import Problem

Refused = Callable[..., Problem]


def api(release: Any, **more: Any) -> dict[str, Any]:
    return {"services": {"api": {"release": release, **more}}}


@pytest.mark.parametrize("strategy", ["canary", "blue_green"])
def test_a_strategy_needs_a_route(refused: Refused, strategy: str) -> None:
    """Without the gateway nobody could lead a share of the requests anywhere."""
    side = {"image": "acme/side:1.0", "port": 90, "health": {"path": "/"}, "release": strategy}
    problem = refused({"services": {"side": side}})
    assert problem.path == "services.side.release"
    assert problem.message.startswith(f"{strategy} needs a route")
    assert problem.fix == "add to gateway.routes: {path: /, to: side}"


def test_a_route_to_the_other_version_is_none(refused: Refused) -> None:
    side = {"image": "acme/side:1.0", "port": 90, "health": {"path": "/"}, "release": "canary"}
    routes = [{"to": "api"}, {"path": "/t", "to": "side", "version": "other"}]
    problem = refused({"services": {"side": side}, "gateway": {"routes": routes}})
    assert problem.path == "services.side.release"


@pytest.mark.parametrize(
    ("release", "path", "message", "allowed"),
    [
        ({"strategy": "canary", "weight": 0}, "weight", "0 is out of range", "at least 1"),
        ({"strategy": "canary", "weight": 100}, "weight", "100 is out of range", "at most 99"),
        ({"strategy": "canary", "weights": [5, 120]}, "weights[1]", "120 is out of range", "at most 99"),
        (
            {"strategy": "canary", "weights": [50, 25]},
            "weights",
            "each share must be larger than the one before it",
            None,
        ),
        ({"strategy": "canary", "weight": 5, "weights": [5]}, "weight", "both weight and weights are given", None),
        (
            {"strategy": "blue_green", "weight": 5},
            "weight",
            "has no effect: it belongs to strategy: canary",
            "switch",
        ),
        (
            {"strategy": "canary", "switch": "auto"},
            "switch",
            "has no effect: it belongs to strategy: blue_green",
            "replicas, weight, weights",
        ),
        ({"replicas": 2}, "replicas", "has no effect: it belongs to strategy: canary", "strategy alone"),
    ],
)
def test_what_a_strategy_says(refused: Refused, release: Any, path: str, message: str, allowed: str | None) -> None:
    problem = refused(api(release))
    assert (problem.path, problem.message, problem.allowed) == (f"services.api.release.{path}", message, allowed)


def test_a_misspelt_strategy(refused: Refused) -> None:
    problem = refused(api("blue-green"))
    assert (problem.path, problem.nearest) == ("services.api.release.strategy", "blue_green")


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("container_name", "the-api", "two versions can't have one name"),
        ("publish", ["127.0.0.1:9000:8000"], "a port of the host leads to one version"),
        ("volumes", ["data:/data"], "both versions would write one volume"),
        ("build", {"context": "."}, "needs a tag with strategy: canary"),
    ],
)
def test_what_can_exist_only_once(refused: Refused, key: str, value: Any, why: str) -> None:
    more = {key: value, **({"image": None} if key == "build" else {})}
    problem = refused({**api("canary", **more), "volumes": {"data": {}}})
    assert problem.path == f"services.api.{key}"
    assert why in problem.message
    assert problem.fix is not None


def test_a_volume_that_is_only_read_is_no_matter(accepted: Callable[..., Any]) -> None:
    assert accepted({**api("canary", volumes=["data:/data:ro"]), "volumes": {"data": {}}})


def test_aliases_would_lead_to_both_sets(refused: Refused, accepted: Callable[..., Any]) -> None:
    """The canary of a service gets none."""
    assert refused(api("blue_green", aliases=["v1"])).path == "services.api.aliases"
    assert accepted(api("canary", aliases=["v1"]))


@pytest.mark.parametrize("suffix", ["-other", "-canary", "-blue", "-green"])
def test_a_version_needs_its_name(refused: Refused, suffix: str) -> None:
    problem = refused(
        {
            "services": {
                "api": {"release": "canary"},
                f"api{suffix}": {"image": "a/b:1", "relax": {"health": "it has none"}},
            }
        }
    )
    assert (problem.path, problem.message) == (
        f"services.api{suffix}",
        "the name is needed for a version of services.api",
    )


def test_a_name_that_is_too_long(refused: Refused) -> None:
    name = "a" * 34
    service = {"image": "acme/side:1.0", "port": 90, "health": {"path": "/"}, "release": "canary"}
    problem = refused({"services": {name: service}, "gateway": {"routes": [{"to": "api"}, {"path": "/a", "to": name}]}})
    assert problem.path == f"services.{name}.release"
    assert problem.allowed == "at most 33 characters"


def test_routes_to_another_version(refused: Refused) -> None:
    """Only where there is one, and to one service."""
    door = {"path": "/", "host": "test.example.org", "to": "api", "version": "other"}
    problem = refused({"gateway": {"routes": [{"to": "api"}, door]}})
    assert (problem.path, problem.message) == ("gateway.routes[1].version", "services.api has one version at a time")
    other = {"image": "acme/side:1.0", "port": 90, "health": {"path": "/"}, "release": "canary"}
    both = {**door, "to": {"api": 1, "side": 1}}
    problem = refused(
        {
            "services": {"api": {"release": "canary"}, "side": other},
            "gateway": {"routes": [{"to": {"api": 1, "side": 1}}, both]},
        }
    )
    assert (problem.path, problem.fix) == ("gateway.routes[1].version", "name one service in to, or remove version")
