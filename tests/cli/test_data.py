"""``slipway data``: what is kept, and how it is removed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.operate.fake_docker import entry, volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeWorkplace, Said

    Slipway = Callable[..., Said]

CREATED = "2026-01-02T03:04:05Z"


@pytest.fixture(autouse=True)
def _stored(work: FakeWorkplace) -> None:
    main = {**volume("shop-dev-main-data", "main"), "CreatedAt": CREATED, "Size": 5 * 1024**2}
    work.api.stored = [main, {**volume("left-over", "old"), "Size": -1}, volume("files", "api", content="1")]
    work.api.things[0]["Mounts"] = [{"Name": "shop-dev-main-data"}, {"Type": "bind", "Source": "/srv"}]


def test_the_list_says_whose_how_much_since_when_and_what_uses_it(slipway: Slipway, work: FakeWorkplace) -> None:
    """A volume that nothing uses is called kept; one that Docker did not count has no size."""
    name = work.api.things[0]["Name"].removeprefix("/")
    said = slipway("data", "list")
    assert said.code == 0
    rows = [line.split() for line in said.out.splitlines()]
    assert rows[0] == ["VOLUME", "PART", "KIND", "SIZE", "SINCE", "PROTECTED", "USED", "BY"]
    assert rows[1] == ["left-over", "old", "database", "?", "?", "no", "nothing", "(kept)"]
    assert rows[2] == ["shop-dev-main-data", "main", "database", "5.0", "MiB", "2026-01-02", "03:04:05", "no", name]


def test_the_list_as_json(slipway: Slipway, work: FakeWorkplace) -> None:
    """What the state protects is protected, whatever the description says by now."""
    work.knows(
        entry(
            "main-data",
            "docker:index/volume:Volume",
            outputs={"name": "shop-dev-main-data"},
            protect=True,
            retainOnDelete=True,
        )
    )
    document = json.loads(slipway("data", "list", "--json").out)
    assert document[1] == {
        "volume": "shop-dev-main-data",
        "stack": "dev",
        "part": "main",
        "kind": "database",
        "bytes": 5 * 1024**2,
        "created": CREATED,
        "protected": True,
        "used_by": [work.api.things[0]["Name"].removeprefix("/")],
    }


def test_nothing_is_kept(slipway: Slipway, work: FakeWorkplace) -> None:
    """Said in words."""
    work.api.stored = []
    assert slipway("data", "list").out == "stack dev has no data on this host\n"


def test_a_stack_that_never_was(slipway: Slipway) -> None:
    """Exit code 6, for both."""
    assert slipway("data", "list", "--stack", "nowhere").code == 6
    assert slipway("data", "remove", "x", "--stack", "nowhere").code == 6


def test_what_is_left_over_is_removed_after_a_question(
    slipway: Slipway, work: FakeWorkplace, terminal: Callable[[bool], list[str]]
) -> None:
    """It can't be undone."""
    questions = terminal(True)
    assert slipway("data", "remove", "left-over").code == 0
    assert questions == ["Delete the data of dev? They can't be brought back."]
    assert work.api.removed == ["left-over"]


def test_without_an_answer_nothing_is_removed(slipway: Slipway, work: FakeWorkplace) -> None:
    """Exit code 2."""
    assert slipway("data", "remove", "left-over").code == 2
    assert work.api.removed == []


def test_a_name_that_is_not_the_stacks_is_refused(slipway: Slipway, work: FakeWorkplace) -> None:
    """Volumes with files and those of others are not data of the stack; none of the named ones goes."""
    said = slipway("data", "remove", "left-over", "files", "--yes")
    assert said.code == 1
    assert said.err == "error: stack dev has no data volume files\n  allowed: left-over, shop-dev-main-data\n"
    assert work.api.removed == []


def test_data_in_use_are_refused(slipway: Slipway, work: FakeWorkplace) -> None:
    """With the name of what uses them."""
    said = slipway("data", "remove", "shop-dev-main-data", "--yes")
    assert said.code == 1
    assert said.err.startswith(f"error: shop-dev-main-data is used by {work.api.things[0]['Name'].removeprefix('/')}\n")
    assert work.api.removed == []


def test_data_that_the_state_still_has_are_refused(slipway: Slipway, work: FakeWorkplace) -> None:
    """Destroying is the way that tells the state."""
    work.knows(entry("old-data", "docker:index/volume:Volume", outputs={"name": "left-over"}, retainOnDelete=True))
    said = slipway("data", "remove", "left-over", "--yes")
    assert said.code == 1
    assert "fix: slipway destroy --stack dev --delete-data left-over" in said.err
    assert work.api.removed == []
