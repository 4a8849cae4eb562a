"""Merging, for any layers at all."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from settings.tree import (
    DEFAULT,
    Layer,
    Node,
    Origin,
    find,
    from_plain,
    idle_nulls,
    merge,
    origins,
    prune,
    to_plain,
    walk,
)

QUICK = settings(max_examples=60, deadline=None)
NAMES = st.sampled_from(["a", "b", "c"])
SCALARS = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["x", "y"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.dictionaries(NAMES, inner, max_size=3) | st.lists(inner, max_size=2), max_leaves=8
)
MAPS = st.dictionaries(NAMES, VALUES, max_size=3)
LAYERS: tuple[Layer, ...] = ("machine", "blueprint", "stack")


def layer(values: Any, name: Layer) -> Node:
    return from_plain(values, Origin(f"{name}.yaml", 1, name))


def reference(lower: Any, upper: Any) -> Any:
    """Say what laying one plain structure over another means, in the simplest way."""
    if not isinstance(lower, dict) or not isinstance(upper, dict):
        return upper
    return {**lower, **{key: reference(lower.get(key), value) for key, value in upper.items()}}


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@QUICK
@given(MAPS, MAPS)
def test_maps_merge_deeply_lists_replace_and_null_removes(lower: Any, upper: Any) -> None:
    merged = merge(layer(lower, "machine"), layer(upper, "stack"))
    assert to_plain(prune(merged)) == without_nulls(reference(lower, upper))


@QUICK
@given(MAPS, MAPS, MAPS)
def test_merging_is_associative(one: Any, two: Any, three: Any) -> None:
    low, middle, high = (layer(values, name) for values, name in zip((one, two, three), LAYERS, strict=True))
    left = prune(merge(merge(low, middle), high))
    right = prune(merge(low, merge(middle, high)))
    assert to_plain(left) == to_plain(right)
    assert origins(left) == origins(right)


@QUICK
@given(MAPS)
def test_merging_with_nothing_changes_nothing(values: Any) -> None:
    one, nothing = layer(values, "machine"), layer({}, "stack")
    assert to_plain(merge(one, nothing)) == to_plain(merge(nothing, one)) == values


@QUICK
@given(MAPS)
def test_merging_with_itself_changes_nothing(values: Any) -> None:
    assert to_plain(merge(layer(values, "machine"), layer(values, "stack"))) == values


@QUICK
@given(MAPS, MAPS)
def test_an_origin_names_the_layer_that_won(lower: Any, upper: Any) -> None:
    low, high = layer(lower, "machine"), layer(upper, "stack")
    for path, node in walk(prune(merge(low, high))):
        if path and not node.is_map:
            winner = {"machine": low, "stack": high}[node.origin.layer]
            found = find(winner, path)
            assert found is not None
            assert without_nulls(to_plain(found)) == to_plain(node)
        if path and not node.is_map and (said := find(high, path)) is not None and not said.is_map:
            assert node.origin.layer == "stack"


@QUICK
@given(MAPS, MAPS)
def test_no_null_is_left_in_a_map(lower: Any, upper: Any) -> None:
    for _, node in walk(prune(merge(layer(lower, "machine"), layer(upper, "stack")))):
        if node.is_map:
            assert all(item.value is not None for item in node.value.values())


@QUICK
@given(MAPS)
def test_reading_and_writing_plain_structures_are_inverse(values: Any) -> None:
    assert to_plain(from_plain(values, DEFAULT)) == values


def test_a_short_form_stands_in_the_place_of_a_map_and_the_other_way_round() -> None:
    long, short = {"publish": {"port": 1, "host_port": 2}}, {"publish": "127.0.0.1:8080"}
    assert to_plain(merge(layer(long, "machine"), layer(short, "stack"))) == short
    assert to_plain(merge(layer(short, "machine"), layer(long, "stack"))) == long


def test_what_was_removed_does_not_come_back() -> None:
    layers = [layer(values, "stack") for values in ({"a": {"b": 1}}, {"a": None}, {"a": {"c": 2}})]
    assert to_plain(merge(merge(*layers[:2]), layers[2])) == {"a": {"c": 2}}
    assert to_plain(merge(layers[0], merge(*layers[1:]))) == {"a": {"c": 2}}


def test_a_null_that_removes_nothing_is_found() -> None:
    lower, upper = layer({"a": {"b": 1}}, "blueprint"), layer({"a": {"b": None, "c": None}, "d": None}, "stack")
    assert [path for path, _ in idle_nulls(lower, upper)] == [("a", "c"), ("d",)]
