"""A platform's status as tables for the terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.console import Console
    from operate.status import Replica, Status

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def parts_table(console: Console, status: Status, addresses: Mapping[str, str]) -> None:
    """Show the parts: how many replicas are well, and where each is reached."""
    rows = [
        [part.name, part.kind, f"{part.well}/{len(part.replicas)} healthy", addresses.get(part.name, "")]
        for part in status.parts
    ]
    console.table(["PART", "KIND", "REPLICAS", "ADDRESS"], rows)


def replicas_table(console: Console, status: Status, now: datetime | None = None) -> None:
    """Show every container that should run all the time."""
    now = now or datetime.now(UTC)
    rows = [
        [
            replica.title,
            replica.kind,
            replica.state,
            replica.health or "-",
            str(replica.restarts),
            _age(replica, now),
            ", ".join(replica.ports) or "-",
            replica.image.partition("@")[0],
            replica.name,
        ]
        for part in status.parts
        for replica in part.replicas
    ]
    console.table(["REPLICA", "KIND", "STATE", "HEALTH", "RESTARTS", "SINCE", "PORTS", "IMAGE", "CONTAINER"], rows)


def certificates_table(console: Console, status: Status) -> None:
    """Show every certificate that the gateway serves, if any, and warn of those that end soon."""
    if not status.certificates:
        return
    rows = [
        [item.host, item.issuer or "-", (item.ends or "-")[:10], "-" if item.days_left is None else str(item.days_left)]
        for item in status.certificates
    ]
    console.table(["HOST", "CERTIFICATE FROM", "ENDS", "DAYS LEFT"], rows)
    for item in status.certificates:
        if item.ends_soon and not item.problem:
            console.warn(f"the certificate of {item.host} ends in {item.days_left} days")


def versions_table(console: Console, status: Status) -> None:
    """Show who gets the requests of each service of which two versions run, if any."""
    rows = [
        [
            item.service,
            item.strategy,
            item.name,
            f"{item.image} ({item.version}{', described' if item.described else ''})",
            f"{item.percent} %",
        ]
        for item in status.versions
    ]
    console.table(["SERVICE", "RELEASE", "SET", "VERSION", "REQUESTS"], rows)


def _age(replica: Replica, now: datetime) -> str:
    if replica.since is None:
        return "-"
    seconds = max(0, int((now - datetime.fromisoformat(replica.since)).total_seconds()))
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= size), ("s", 1))
    return f"{seconds // size} {unit}"
