"""A status is read until Docker has its own word on every container's health."""

from __future__ import annotations

from collections.abc import Callable

from operate.settling import settled_status
from operate.status import PartStatus, Replica, Status


def status(health: str | None) -> Status:
    replica = Replica("api", "service", 0, "api-0", "c1", "running", health, 0, None, "image", ())
    return Status("p", "s", (PartStatus("api", "service", (replica,)),))


def reader(*healths: str | None) -> tuple[Callable[[], Status], list[str | None]]:
    left = list(healths)
    return lambda: status(left.pop(0)), left


def test_it_reads_until_nothing_is_starting() -> None:
    read, left = reader("starting", "starting", "healthy", "unread")
    assert settled_status(read, 10).parts[0].replicas[0].health == "healthy"
    assert left == ["unread"]


def test_what_has_no_health_check_is_settled() -> None:
    read, left = reader(None, "unread")
    assert settled_status(read, 10).parts[0].replicas[0].health is None
    assert left == ["unread"]


def test_it_gives_up_at_its_limit_and_says_what_it_saw() -> None:
    read, _ = reader("starting")
    assert settled_status(read, 0).parts[0].replicas[0].health == "starting"
