"""Ports of the host: each has one owner, and a network that it can be published from."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from settings.model import GATEWAY_PORTS, Gateway, Protocol, Service
from settings.parts import parts
from settings.paths import dotted
from settings.problems import Finding, listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description
    from settings.paths import Path

_ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True)
class _Listener:
    path: Path
    address: str
    port: int
    protocol: Protocol

    def conflicts_with(self, other: _Listener) -> bool:
        return (
            (self.port, self.protocol) == (other.port, other.protocol)
            and (self.address == other.address or bool(_ANY & {self.address, other.address}))
        )  # fmt: skip


def addresses_are_possible(description: Description) -> Iterator[Finding]:
    """A port is published on an IP address."""
    for path, listener in _published(description):
        try:
            ipaddress.ip_address(listener.address)
        except ValueError:
            yield Finding(
                path,
                f"'{listener.address}' is no IP address of the host",
                allowed="an IP address: 127.0.0.1 for this host alone, 0.0.0.0 for every network that it is on",
            )


def ports_have_one_owner(description: Description) -> Iterator[Finding]:
    """Two publishers of one port: the second container would not start."""
    listeners = [listener for _, listener in _published(description)]
    listeners += [
        _Listener((*path, "port"), "0.0.0.0", workload.port, Protocol.TCP)  # noqa: S104 - what the host's network means
        for path, workload, _ in description.workloads()
        if isinstance(workload, Service) and workload.host_network and workload.port is not None
    ]
    for index, listener in enumerate(listeners):
        for other in listeners[:index]:
            if listener.conflicts_with(other):
                yield Finding(
                    listener.path,
                    f"port {listener.port}/{listener.protocol.value} of {listener.address} is taken by "
                    f"{dotted(other.path)} ({other.address})",
                    fix="choose another port of the host, or another address",
                )
                break


def a_container_port_is_published_once(description: Description) -> Iterator[Finding]:
    """Docker lists two bindings of one container port in another order than asked: each deployment would replace it."""
    for part in parts(description.declared):
        seen: dict[tuple[int, Protocol], int] = {}
        for index, port in enumerate(part.spec.publish):
            first = seen.setdefault((port.port, port.protocol), index)
            if first != index:
                yield Finding(
                    (*part.path, "publish", index),
                    f"port {port.port}/{port.protocol.value} of the container is published by publish[{first}] already",
                    allowed="each port of a container once: Docker does not keep the order of two, "
                    "so that every deployment would replace it",
                    fix="publish it once, on 0.0.0.0 if several addresses are meant",
                )


def published_ports_have_a_way_in(description: Description) -> Iterator[Finding]:
    """Docker silently publishes nothing for a container that is only on internal networks."""
    ways_in = description.open_networks()
    for part in parts(description.platform):
        if not part.spec.publish or getattr(part.spec, "host_network", False):
            continue
        if not ways_in.intersection(part.spec.networks or ()):
            yield Finding(
                (*part.path, "publish"),
                "a port can't be published from internal networks alone",
                allowed=listing(ways_in, "no network that is not internal is declared"),
                fix="add a network without internal: true to its networks, or publish through the gateway",
                about=(("networks",), (*part.path, "networks")),
            )


def _published(description: Description) -> Iterator[tuple[Path, _Listener]]:
    for part in parts(description.declared):
        if isinstance(part.spec, Gateway):
            own = part.spec.ports
        else:
            own = {("publish", index): port for index, port in enumerate(part.spec.publish)}
        for place, port in own.items():
            path: Path = (*part.path, *place)
            yield path, _Listener(path, port.address, port.host_port, port.protocol)


def gateway_ports_lead_to_the_gateway(description: Description) -> Iterator[Finding]:
    """The gateway listens on its own ports alone."""
    gateway = description.declared.gateway
    for index, port in enumerate(gateway.publish if gateway is not None else ()):
        if port.port not in GATEWAY_PORTS or port.protocol is not Protocol.TCP:
            yield Finding(
                ("gateway", "publish", index),
                f"the gateway does not listen on {port.port}/{port.protocol.value}",
                allowed=listing(f"{number}/tcp" for number in GATEWAY_PORTS),
                fix="write [address:]host_port alone",
            )


CHECKS: Final = (
    addresses_are_possible,
    ports_have_one_owner,
    a_container_port_is_published_once,
    published_ports_have_a_way_in,
    gateway_ports_lead_to_the_gateway,
)
