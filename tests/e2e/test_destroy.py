"""What is left of a platform that is destroyed."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import NewPlatform
from tests.e2e.harness.blueprints import tiny
from tests.e2e.harness.platform import Platform

pytestmark = pytest.mark.e2e


def test_destroy_leaves_the_data_and_nothing_else(platform: Platform) -> None:
    """Containers, networks, files and the state's entries go; the data volume stays until it is asked for."""
    data = f"slipway-{platform.workspace.stack}-queue-data"
    platform.destroy().ended()
    world = platform.world
    assert not world.containers
    assert not world.networks
    assert world.volumes == {data}
    assert not platform.workspace.checkpoint().resources
    platform.destroy("--volumes").ended()
    assert platform.world.empty, str(platform.world)


def test_destroy_of_what_is_gone_already_ends_well(new_platform: NewPlatform) -> None:
    """Containers that somebody removed by hand do not keep a stack from being destroyed."""
    platform = new_platform(tiny())
    platform.up().ended()
    for seen in platform.world.of("api"):
        platform.daemon.api.remove_container(seen.id, force=True)
    platform.destroy("--volumes").ended()
    assert platform.world.empty, str(platform.world)
