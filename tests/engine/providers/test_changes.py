"""Single changes of single inputs, against what the real CLI said about each of them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from engine.providers import default_providers
from tests.engine.providers.recorded import FOLDER, as_written

PROVIDERS = default_providers()


PERPETUAL = {("services", "prov-full")}
"""Written with a delay of 90s and a restart policy in part, which the real CLI updates at every run, too."""


@cache
def recorded(world: str) -> dict[str, Any]:
    """Return a world's base and changes."""
    found: dict[str, Any] = json.loads((FOLDER / "changes" / f"{world}.json").read_text())
    return found


def changes() -> list[Any]:
    """Return every change with its world."""
    return [
        pytest.param(world, number, id=f"{item['resource']}-{'-'.join(item['change'])}-{number}")
        for world in ("containers", "services")
        for number, item in enumerate(recorded(world)["changes"])
    ]


@pytest.mark.parametrize(("world", "number"), changes())
def test_a_change_is_judged_as_by_the_real_cli(world: str, number: int) -> None:
    """Reasons, replacing keys, paths and kinds."""
    item = recorded(world)["changes"][number]
    base = recorded(world)["base"][item["resource"]]
    provider = PROVIDERS[base["type"].partition(":")[0]]
    program = {key: value for key, value in (as_written(base["inputs"]) | item["change"]).items() if value is not None}

    checked = provider.check(base["type"], item["resource"], base["inputs"], program)
    result = provider.diff(base["type"], base["id"], base["inputs"], base["outputs"], checked.inputs)

    assert checked.failures == ()
    assert {path: difference.kind for path, difference in result.detailed.items()} == item["details"]
    assert sorted(result.changed_keys) == item["reasons"]
    assert sorted(result.replace_keys) == item["replaces"]
    assert result.changes == bool(item["reasons"])


@pytest.mark.parametrize("world", ["containers", "services"])
def test_what_did_not_change_is_no_change(world: str) -> None:
    """The outputs that the real CLI wrote, with the inputs that it checked."""
    for name, base in recorded(world)["base"].items():
        provider = PROVIDERS[base["type"].partition(":")[0]]

        checked = provider.check(base["type"], name, base["inputs"], as_written(base["inputs"]))
        result = provider.diff(base["type"], base["id"], base["inputs"], base["outputs"], checked.inputs)

        assert checked.inputs == base["inputs"], name
        assert result.changes == ((world, name) in PERPETUAL), name
