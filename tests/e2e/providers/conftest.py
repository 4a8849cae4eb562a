"""The daemon and a world on it, for the tests of the Docker provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.provider import ProviderError
from engine.providers.docker.daemon import Daemon
from engine.providers.docker.errors import DaemonError
from tests.e2e.providers.world import BUSYBOX, NAME, World, import_image

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def daemon() -> Daemon:
    """The daemon, with the test image on it."""
    daemon = Daemon()
    try:
        daemon.get(f"/images/{NAME}/json")
    except DaemonError:
        if not BUSYBOX.exists():
            pytest.skip(f"no image {NAME}, and no busybox-static to make it from")
        import_image()
    except ProviderError as error:
        pytest.skip(str(error))
    return daemon


@pytest.fixture
def world(daemon: Daemon) -> Iterator[World]:
    """A world that is empty again afterwards."""
    world = World(daemon)
    yield world
    world.clear()
