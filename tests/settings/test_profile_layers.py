"""Layers of profiles: what a profile changes beside the parts that name it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from settings import Loaded, Problem

Refused = Callable[..., Problem]
Accepted = Callable[..., Loaded]
LAYERS: dict[str, Any] = {
    "environments": {"dev": {"services": {"api": {"cpus": 2}}}},
    "profiles": {
        "big": {"services": {"api": {"cpus": 4, "memory": "2GiB"}}},
        "bigger": {"services": {"api": {"cpus": 8}}},
    },
}


def test_a_layer_applies_where_its_profile_is_on(accepted: Accepted) -> None:
    """Above the environment."""
    assert accepted(LAYERS).platform.services["api"].cpus == 2
    api = accepted(LAYERS, profiles=("big",)).platform.services["api"]
    assert (api.cpus, api.memory_mib) == (4, 2048)


def test_the_blueprints_order_decides_between_two(accepted: Accepted) -> None:
    """Not the order in which they were switched on."""
    for profiles in (("big", "bigger"), ("bigger", "big")):
        api = accepted(LAYERS, profiles=profiles).platform.services["api"]
        assert (api.cpus, api.memory_mib) == (8, 2048)


def test_the_stack_has_the_last_word(accepted: Accepted) -> None:
    """``slipway:overrides`` is above them."""
    found = accepted(LAYERS, profiles=("big",), overrides={"services": {"api": {"cpus": 1}}})
    assert found.platform.services["api"].cpus == 1


def test_a_value_names_its_line(accepted: Accepted) -> None:
    """A layer's values are the blueprint's."""
    origins = accepted(LAYERS, profiles=("big",)).origins
    assert str(origins["services.api.memory"]).startswith("blueprints/app.yaml:")


def test_a_profile_that_nothing_names_is_refused(refused: Refused) -> None:
    """A misspelt one would change nothing."""
    problem = refused(LAYERS, profiles=("bigg",))
    assert problem.message == "no part belongs to profile 'bigg'"
    assert (problem.allowed, problem.nearest) == ("big, bigger", "big")


@pytest.mark.parametrize("profiles", [["big"], {"big": 5}, {"big": None}])
def test_layers_are_maps(refused: Refused, profiles: Any) -> None:
    """Each a partial platform."""
    assert refused({"profiles": profiles}).message == "must be a map: by profile, a partial platform"
