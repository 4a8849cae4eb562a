"""Which parts there are, what they are called, and how many of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.systems.look.view import ENVIRONMENTS, Check, View, graph_of


def parts_are(*names: str) -> Check:
    """These parts run all the time, and no others."""

    def look(view: View) -> None:
        assert view.parts() == set(names)

    return look


def exists(*parts: str) -> Check:
    """These parts are there."""

    def look(view: View) -> None:
        for part in parts:
            view.container(part)

    return look


def only_in(environment: str, *parts: str) -> Check:
    """These parts are there in one environment, and not in the other."""

    def look(view: View) -> None:
        here = View(view.system, environment, graph_of(view.system, environment))
        other = next(name for name in ENVIRONMENTS if name != environment)
        for part in parts:
            here.container(part)
            assert part not in View(view.system, other, graph_of(view.system, other)).parts(), other
        view.container(parts[0]) if view.environment == environment else None
        assert view.parts(), "nothing is there"

    return look


def only_with(profile: str, *parts: str) -> Check:
    """A profile adds exactly these parts."""

    def look(view: View) -> None:
        assert view.parts(), "nothing is there"
        assert view.having(profile).parts() - view.parts() == set(parts)

    return look


def named(part: str, name: str) -> Check:
    """Its container has a fixed name."""

    def look(view: View) -> None:
        assert view.container(part).inputs.get("name") == name

    return look


def aliased(part: str, *names: str) -> Check:
    """Others reach it by these names."""

    def look(view: View) -> None:
        joined = view.container(part).inputs["networksAdvanced"]
        found = {alias for item in joined for alias in item["aliases"]}
        assert set(names) <= found | {view.container(part).inputs.get("name")}, found

    return look


def copies(part: str, number: int) -> Check:
    """How many containers it has."""

    def look(view: View) -> None:
        assert len(view.replicas(part)) == number

    return look


def scalable(*parts: str) -> Check:
    """Nothing of them exists only once: no fixed name, no port of the host."""

    def look(view: View) -> None:
        for part in parts:
            inputs = view.container(part).inputs
            assert not inputs.get("name"), part
            assert not inputs.get("ports"), part

    return look


def job(name: str, *, manual: bool, profile: str | None = None) -> Check:
    """A job, and whether it runs by itself."""

    def look(view: View) -> None:
        seen = view.having(profile) if profile else view
        assert seen.container(name).inputs.get("start", True) is not manual

    return look


def warned(part: str) -> Check:
    """Preview and deployment say what power over the host it has."""

    def look(view: View) -> None:
        view.container(part)
        assert [log for log in view.graph.logs if log.severity == "warning" and log.message.startswith(f"{part} has ")]

    return look


def inputs(part: str, **values: Any) -> Check:
    """Inputs of its container."""

    def look(view: View) -> None:
        found: Mapping[str, Any] = view.container(part).inputs
        for name, value in values.items():
            assert found.get(name) == value, (name, found.get(name))

    return look
