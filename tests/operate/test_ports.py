"""Which ports are taken, and by whom: real sockets of this process on loopback."""

from __future__ import annotations

import os
import socket

import pytest

from operate.platform_view import HostPort
from operate.ports import Listener, listeners, own_ports, owner, taken
from tests.operate.fake_docker import PROJECT, STACK, client, container


def test_a_listening_socket_is_seen_with_its_process() -> None:
    """IPv4 and IPv6; a socket that does not listen is not."""
    with socket.create_server(("127.0.0.2", 0)) as four, socket.socket() as idle:
        idle.bind(("127.0.0.3", 0))
        found = [item for item in listeners() if item.port == four.getsockname()[1]]
        assert [(item.protocol, item.address) for item in found] == [("tcp", "127.0.0.2")]
        assert not [item for item in listeners() if item.port == idle.getsockname()[1] and item.address == "127.0.0.3"]
        assert owner(found[0], None).startswith(f"process {os.getpid()} (")


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_an_ipv6_listener() -> None:
    """The kernel writes its address another way."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as six:
        found = [item for item in listeners() if item.port == six.getsockname()[1]]
        assert [(item.protocol, item.address) for item in found] == [("tcp", "::1")]


ANY = "0.0.0.0"  # noqa: S104 - compared, not bound


@pytest.mark.parametrize(
    ("listens", "wants", "clash"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        (ANY, "127.0.0.1", True),
        ("127.0.0.1", ANY, True),
        ("::", "127.0.0.1", True),
        ("127.0.0.2", "127.0.0.1", False),
    ],
)
def test_addresses_that_clash(listens: str, wants: str, clash: bool) -> None:
    """One for all addresses clashes with each of them."""
    wanted = [HostPort("gateway", wants, 8080, "tcp")]
    assert bool(taken(wanted, [Listener("tcp", listens, 8080, "1")])) is clash
    assert not taken(wanted, [Listener("udp", listens, 8080, "1"), Listener("tcp", listens, 8081, "1")])


def test_a_container_is_named_rather_than_dockers_proxy() -> None:
    """The proxy's process would tell nobody anything."""
    other = container("web", project="other", ports={"80/tcp": "127.0.0.1:8080"})
    docker_client = client(other)
    assert owner(Listener("tcp", "127.0.0.1", 8080, "1"), docker_client) == f"container {other['Name'][1:]}"
    assert owner(Listener("tcp", "127.0.0.1", 8081, "0"), docker_client) == "another process"


def test_a_stacks_own_ports() -> None:
    """They are taken by what is about to be replaced."""
    mine = container("gateway", ports={"8080/tcp": "127.0.0.1:80"})
    other = container("web", project="other", ports={"80/tcp": "127.0.0.1:8080"})
    assert own_ports(client(mine, other), PROJECT, STACK) == {(80, "tcp")}
