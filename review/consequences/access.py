"""Doors that open: published ports, and containers that get at the host."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from review.consequences.model import CONTAINER, SERVICE, Notice, Quoted, Severity, listed
from review.consequences.traffic import is_carrier
from review.entries import EVERYWHERE
from review.plan import Change, Op, Order, Plan
from review.values import Hidden, items, mapping, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SOCKETS: Final = ("docker.sock", "containerd.sock", "podman.sock")
_HOST_MODES: Final = {
    "networkMode": "network",
    "pidMode": "processes",
    "ipcMode": "shared memory",
    "usernsMode": "users",
}


@dataclass(frozen=True, slots=True, order=True)
class Binding:
    """A port of the host that leads to a container."""

    address: str
    port: str
    protocol: str

    def __str__(self) -> str:
        """As in ``docker ps``, such as ``127.0.0.1:8080/tcp``."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.port}/{self.protocol}"

    @property
    def local(self) -> bool:
        """Whether only the host itself can reach it."""
        try:
            return ipaddress.ip_address(self.address).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Ports of the host that open and close, as far as the plan touches them."""

    opened: tuple[Binding, ...] = ()
    closed: tuple[Binding, ...] = ()


def access_of(plan: Plan) -> tuple[Access, list[Notice]]:
    """Return the ports that open and close, with notices about every door that was not open before."""
    workloads = [change for change in plan.changes if change.type in {CONTAINER, SERVICE}]
    before = {binding for change in workloads for binding in _bindings(change.old)}
    after = {binding for change in workloads for binding in _bindings(change.new)}
    access = Access(opened=tuple(sorted(after - before)), closed=tuple(sorted(before - after)))
    notices = [*_port_notices(access), *(notice for change in workloads for notice in _conflicts(change))]
    for change in workloads:
        if not is_carrier(change):
            notices += _host_notices(change)
    return access, notices


def _bindings(inputs: Mapping[str, Any]) -> Iterator[Binding]:
    """Published ports of a container, or of a Swarm service."""
    swarm = items(mapping(inputs.get("endpointSpec")).get("ports"))
    for port in map(mapping, [*items(inputs.get("ports")), *swarm]):
        outside = port.get("external", port.get("publishedPort"))
        yield Binding(
            address=text_of(port.get("ip") or EVERYWHERE),
            port=text_of(outside) if outside else "any",
            protocol=text_of(port.get("protocol") or "tcp"),
        )


def _port_notices(access: Access) -> Iterator[Notice]:
    outside = [str(binding) for binding in access.opened if not binding.local]
    if outside:
        yield Notice(Severity.CAUTION, ("Reachable from other machines, newly: ", *listed(outside), "."))


def _conflicts(change: Change) -> Iterator[Notice]:
    """A successor that starts first can't have a port that its predecessor still holds."""
    if change.op is Op.REPLACE and change.order is Order.START_FIRST and change.type == CONTAINER:
        held = sorted(set(_bindings(change.old)) & set(_bindings(change.new)))
        fixed = [str(binding) for binding in held if binding.port != "any"]
        if fixed:
            yield Notice(
                Severity.BLOCKED,
                (
                    Quoted(change.name),
                    " is to start before the old container stops, which still holds ",
                    *listed(fixed),
                    ": the deployment will fail.",
                ),
            )


def _host_notices(change: Change) -> Iterator[Notice]:
    """What lets a container at the host, if it did not have it before."""
    name = Quoted(change.name)
    old = set(_powers(change.old))
    for power in dict.fromkeys(_powers(change.new)):
        if power not in old:
            what, detail = power
            yield Notice(Severity.CAUTION, (name, f" newly {what}", *((" ", Quoted(detail)) if detail else ()), "."))


def _powers(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if inputs.get("privileged") is True:
        yield ("runs **privileged**: it is root on the host", "")
    for key, what in _HOST_MODES.items():
        if inputs.get(key) == "host":
            yield (f"shares the host's {what}", "")
    for source in _host_paths(inputs):
        if source.endswith(_SOCKETS):
            yield ("controls the container engine, which is root on the host, through", source)
        else:
            yield ("sees the host's", source)
    for capability in items(mapping(inputs.get("capabilities")).get("adds")):
        yield ("has the capability", text_of(capability))
    for device in map(mapping, items(inputs.get("devices"))):
        yield ("uses the host's device", text_of(device.get("hostPath")))
    if str(inputs.get("user", "")).partition(":")[0] in {"0", "root"}:
        yield ("runs as root in its container", "")


def _host_paths(inputs: Mapping[str, Any]) -> Iterator[str]:
    for volume in map(mapping, items(inputs.get("volumes"))):
        source = volume.get("hostPath")
        if isinstance(source, str) and not isinstance(source, Hidden):
            yield source
    specification = mapping(mapping(inputs.get("taskSpec")).get("containerSpec"))
    for mount in map(mapping, [*items(inputs.get("mounts")), *items(specification.get("mounts"))]):
        source = mount.get("source")
        if mount.get("type") == "bind" and isinstance(source, str) and not isinstance(source, Hidden):
            yield source
