"""Several logs as one."""

from __future__ import annotations

from operate.find_containers import find_containers
from operate.logs import Follower, read_logs
from tests.operate.fake_docker import PROJECT, STACK, client, container

ONE = "2026-01-01T00:00:01.5Z first\n2026-01-01T00:00:03.5Z third ünï\n"
TWO = "2026-01-01T00:00:02.5Z second\n2026-01-01T00:00:04.5Z \n"
CLIENT = client(container("api", logs=ONE), container("api", replica=1, logs=TWO), container("main", role="server"))


def test_lines_come_in_the_order_of_their_time() -> None:
    """Across containers; an empty line stays one."""
    lines = read_logs(CLIENT, find_containers(CLIENT, PROJECT, STACK), None)
    assert [(line.title, line.text) for line in lines] == [
        ("api-0", "first"),
        ("api-1", "second"),
        ("api-0", "third ünï"),
        ("api-1", ""),
    ]


def test_only_the_last_lines_of_each() -> None:
    """A tail counts for each container."""
    lines = read_logs(CLIENT, find_containers(CLIENT, PROJECT, STACK), 1)
    assert [line.text for line in lines] == ["third ünï", ""]


def test_following_puts_lines_together_and_ends_when_everything_has_ended() -> None:
    """Docker sends pieces that end anywhere, even within a letter."""
    follower = Follower(CLIENT, PROJECT, STACK, lambda item: item.part == "api", None)
    lines = sorted(follower.lines())
    assert [(line.title, line.text) for line in lines] == [
        ("api-0", "first"),
        ("api-1", "second"),
        ("api-0", "third ünï"),
        ("api-1", ""),
    ]


def test_a_last_line_without_its_end_is_shown() -> None:
    """A program that was killed while writing."""
    broken = client(container("api", logs="2026-01-01T00:00:01.5Z cut of"))
    assert [line.text for line in Follower(broken, PROJECT, STACK, lambda _: True, None).lines()] == ["cut of"]
