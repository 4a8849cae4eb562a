"""A platform whose ports are taken is refused before anything is stopped."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from operate.port_check import PortTaken, check_ports
from settings.model import Platform
from tests.operate.fake_docker import PROJECT, STACK, client, container

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port of loopback on which this process listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def _platform(port: int) -> Platform:
    service = {"image": "api:1", "port": 80, "publish": [f"127.0.0.1:{port}:80"], "health": {"path": "/"}}
    return Platform.model_validate({"name": "shop", "services": {"api": service}})


def test_a_port_that_somebody_has_is_named_with_who_has_it(taken: int) -> None:
    """And the part that wants it."""
    with pytest.raises(PortTaken, match=rf"127.0.0.1:{taken}/tcp for api: taken by process \d+"):
        check_ports(_platform(taken), client(), PROJECT, STACK)


def test_a_port_of_the_stack_itself_is_no_clash(taken: int) -> None:
    """Its present holder goes before its successor comes."""
    own = container("api", ports={"80/tcp": f"127.0.0.1:{taken}"})
    check_ports(_platform(taken), client(own), PROJECT, STACK)


def test_a_port_of_another_stack_is_a_clash(taken: int) -> None:
    """Whoever it is, it would not go."""
    other = container("api", ports={"80/tcp": f"127.0.0.1:{taken}"}, stack="prod")
    with pytest.raises(PortTaken, match="taken by container api-"):
        check_ports(_platform(taken), client(other), PROJECT, STACK)
