"""Data volumes: found by label or state, removed only on request."""

from __future__ import annotations

from typing import cast

import pytest

from operate.stack_view import StackView, Volume
from operate.volumes import VolumeInUse, data_volumes, remove_volumes
from tests.operate.fake_docker import PROJECT, STACK, FakeClient, client, volume

VOLUMES = [
    volume("main-data", "main"),
    volume("queue-data", "queue", kind="cache"),
    volume("uploads", "uploads", kind="volume"),
    volume("main-secrets", "main", content="abc"),
    volume("gateway-config", "gateway", kind="gateway"),
    volume("before-our-time"),
]


def test_only_data_counts() -> None:
    """Not files with a content hash, not the gateway's configuration, not volumes of others."""
    found = data_volumes(client(volumes=VOLUMES), PROJECT, STACK, None, {"main": True, "queue": False}, otherwise=False)
    assert [(item.name, item.part, item.protected) for item in found] == [
        ("main-data", "main", True),
        ("queue-data", "queue", False),
        ("uploads", "uploads", False),
    ]


def test_a_volume_that_was_there_before_is_known_by_the_state() -> None:
    """It was taken over under its fixed name and has no labels."""
    view = StackView(
        volumes=(
            Volume("u1", "before-our-time", retained=True),
            Volume("u2", "main-secrets", retained=False),
            Volume("u3", "gone", retained=True),
        )
    )
    found = data_volumes(client(volumes=VOLUMES), PROJECT, STACK, view, {}, otherwise=True)
    assert [item.name for item in found] == ["before-our-time", "main-data", "queue-data", "uploads"]


def test_without_a_readable_description_everything_is_protected() -> None:
    """When in doubt, data stay."""
    found = data_volumes(client(volumes=VOLUMES), PROJECT, STACK, None, None, otherwise=False)
    assert all(item.protected for item in found)


def test_another_stacks_data_are_not_touched() -> None:
    """The labels say whose they are."""
    assert data_volumes(client(volumes=VOLUMES), PROJECT, "prod", None, {}) == []
    assert data_volumes(client(volumes=[]), PROJECT, STACK, None, {}) == []


def test_removal() -> None:
    """One that is gone already counts as removed; one in use stops it, with its name."""
    docker_client = client(volumes=list(VOLUMES))
    api = cast("FakeClient", docker_client).api
    data = data_volumes(docker_client, PROJECT, STACK, None, {}, otherwise=False)
    api.vanished.add("main-data")
    api.in_use.add("uploads")
    with pytest.raises(VolumeInUse, match="volume uploads can't be removed: volume is in use"):
        remove_volumes(docker_client, data)
    assert api.removed == ["queue-data"]
