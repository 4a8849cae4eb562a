"""The providers' plans against what the real CLI planned, for each step of the recordings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from engine.providers import default_providers
from tests.engine.providers.recorded import Entry, as_written, previewed, state, steps, unknowns

if TYPE_CHECKING:
    from engine.provider import DiffResult, Provider

PROVIDERS = default_providers()


def pairs() -> list[Any]:
    """Return each step of each world with the one before."""
    return [
        pytest.param(world, before, step, id=f"{world}-{step}")
        for world in ("containers", "swarm")
        for before, step in zip(steps(world), steps(world)[1:], strict=False)
    ]


def provider_of(entry: Entry) -> Provider:
    """Return the provider of an entry's package."""
    return PROVIDERS[entry.type.partition(":")[0]]


def managed(entry: Entry) -> bool:
    """Whether the providers manage the entry's type."""
    return entry.type in provider_of(entry).types()


def planned(old: Entry, new: Entry, inputs: dict[str, Any]) -> DiffResult:
    """Check inputs against the old ones, and compare them with the old outputs."""
    provider = provider_of(old)
    checked = provider.check(old.type, old.name, old.inputs, as_written(inputs))
    assert checked.failures == ()
    return provider.diff(old.type, old.id, old.inputs, old.outputs, checked.inputs, new.ignore_changes)


def reported(step: dict[str, Any] | None) -> tuple[Any, ...]:
    """Return what a preview said about a resource: reasons, replacing keys and the detailed differences."""
    if step is None or step["op"] not in {"update", "replace"}:
        return ([], [], {})
    details = {path: item["kind"] for path, item in (step["detailedDiff"] or {}).items()}
    return (step.get("diffReasons", []), step.get("replaceReasons", []), details)


def answered(result: DiffResult) -> tuple[Any, ...]:
    """Return the same of a provider's answer."""
    details = {path: item.kind for path, item in result.detailed.items()}
    return (list(result.changed_keys), list(result.replace_keys), details)


@pytest.mark.parametrize(("world", "before", "step"), pairs())
def test_plans_equal_the_recorded_ones(world: str, before: str, step: str) -> None:
    """Every resource gets the same reasons, replacing keys, paths and kinds, with the inputs that were then applied."""
    old, new, preview = state(world, before), state(world, step), previewed(world, step)
    for urn in old.keys() & new.keys():
        if managed(old[urn]):
            answer = planned(old[urn], new[urn], new[urn].inputs)
            if answered(answer) != ([], [], {}) or urn in preview:
                assert answered(answer) == reported(preview.get(urn)), urn
            assert answer.changes == (urn in preview and preview[urn]["op"] in {"update", "replace"}), urn


@pytest.mark.parametrize(("world", "before", "step"), pairs())
def test_plans_with_unknown_inputs_equal_the_recorded_ones(world: str, before: str, step: str) -> None:
    """The same with the inputs as the preview had them, where ids of replaced resources are unknown."""
    old, new, preview = state(world, before), state(world, step), previewed(world, step)
    for urn, item in preview.items():
        if urn in old and urn in new and managed(old[urn]) and item["op"] in {"update", "replace"}:
            inputs = unknowns(item["newState"]["inputs"], new[urn].inputs)
            answer = planned(old[urn], new[urn], inputs)
            assert answered(answer) == reported(item), urn


@pytest.mark.parametrize(("world", "before", "step"), pairs())
def test_checked_inputs_equal_the_recorded_ones(world: str, before: str, step: str) -> None:
    """Defaults, nested ones too, and kept names; a replacement has a fresh name of the same form."""
    old, new, preview = state(world, before), state(world, step), previewed(world, step)
    for urn, entry in new.items():
        if not managed(entry):
            continue
        replaced = urn not in old or preview.get(urn, {}).get("op") in {"replace", "create"}
        previous = None if replaced else old[urn].inputs
        checked = provider_of(entry).check(entry.type, entry.name, previous, as_written(entry.inputs))
        assert checked.failures == ()
        if replaced and "name" in entry.inputs.get("__defaults", ()):
            name = checked.inputs.pop("name")
            assert re.fullmatch(re.escape(entry.name) + "-[0-9a-f]{7}", name)
            assert checked.inputs == {key: value for key, value in entry.inputs.items() if key != "name"}
        else:
            assert checked.inputs == entry.inputs, urn


def test_containers_are_replaced_delete_first_and_autonamed_networks_are_not() -> None:
    """Container asks for it always, the others only when their name was chosen by the user."""
    entries = {entry.name: entry for entry in state("containers", "00-create").values()}
    container, network = entries["box-app"], entries["box-back"]
    docker = PROVIDERS["docker"]

    changed = docker.diff(
        container.type, container.id, container.inputs, container.outputs, container.inputs | {"envs": ["A=2"]}
    )
    assert changed.delete_before_replace

    inputs = network.inputs | {"internal": False}
    assert not docker.diff(network.type, network.id, network.inputs, network.outputs, inputs).delete_before_replace
    named = inputs | {"name": "mine", "__defaults": ["ipamDriver"]}
    assert docker.diff(network.type, network.id, network.inputs, network.outputs, named).delete_before_replace
