"""A platform's status as tables for the terminal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.console import Console
    from operate.status import Replica, Status

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::", "127.0.0.1"})  # noqa: S104 - compared, not bound
_USUAL: Final = {"http": "80", "https": "443"}


def parts_table(console: Console, status: Status, addresses: Mapping[str, str]) -> None:
    """Show the parts: how many replicas are well, and where each is reached."""
    rows = [
        [part.name, part.kind, f"{part.well}/{len(part.replicas)} healthy", addresses.get(part.name, "")]
        for part in status.parts
    ]
    console.table(["PART", "KIND", "REPLICAS", "ADDRESS"], rows)


def only_well(status: Status) -> Status:
    """Return a status with what is well alone."""
    parts = [
        replace(part, replicas=tuple(replica for replica in part.replicas if replica.well)) for part in status.parts
    ]
    return replace(status, parts=tuple(part for part in parts if part.replicas))


def published(status: Status) -> dict[str, str]:
    """Return where each part is reached from outside, by what its containers publish."""
    found: dict[str, str] = {}
    for part in status.parts:
        ports = dict.fromkeys(port for replica in part.replicas for port in replica.ports)
        if ports:
            found[part.name] = ", ".join(_outside(part.kind, port) for port in ports)
    return found


def _outside(kind: str, port: str) -> str:
    """Write ``127.0.0.1:8080->8080/tcp`` as what somebody would type."""
    outer, _, inner = port.partition("->")
    scheme = {"8080/tcp": "http", "8443/tcp": "https"}.get(inner) if kind == "gateway" else None
    address, _, number = outer.rpartition(":")
    if scheme is None:
        return outer if inner.endswith("/tcp") else f"{outer}/{inner.rpartition('/')[2]}"
    host = "localhost" if address in _ANY_ADDRESS else address
    return f"{scheme}://{host}" + ("" if _USUAL[scheme] == number else f":{number}")


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
