"""Networks exist, connect what has to talk, and keep apart what has not."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from settings.parts import GATEWAY_NAME, ROUTE_SECTIONS, parts, route_target
from settings.paths import dotted
from settings.problems import Finding, listing, nearest
from settings.texts import references_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description
    from settings.paths import Path


_ALL: Final = ("networks",)


def there_is_a_network(description: Description) -> Iterator[Finding]:
    """Containers without a network can't talk."""
    if not description.declared.networks and any(True for _ in parts(description.declared)):
        yield Finding(
            _ALL,
            "at least one network is needed",
            fix="add networks: {backend: {internal: true}}",
            about=(_ALL,),
        )


def networks_exist(description: Description) -> Iterator[Finding]:
    """Each network that a part joins is declared."""
    known = description.declared.networks
    for part in parts(description.declared):
        joined = part.spec.networks
        if joined is None:
            continue
        if not joined and not getattr(part.spec, "host_network", False):
            yield Finding((*part.path, "networks"), "at least one network is needed", allowed=listing(known))
        for index, name in enumerate(joined):
            if name not in known:
                yield Finding(
                    (*part.path, "networks", index),
                    f"there is no network '{name}'",
                    allowed=listing(known),
                    nearest=nearest(name, known),
                    about=(("networks", name),),
                )


def egress_has_a_way_out(description: Description) -> Iterator[Finding]:
    """``egress`` needs a network that is not internal."""
    ways_out = description.open_networks()
    for path, declared, resolved in description.workloads():
        if not declared.egress or resolved.host_network or ways_out.intersection(resolved.networks or ()):
            continue
        yield Finding(
            (*path, "networks" if declared.networks is not None else "egress"),
            "egress is asked for, but it is only on internal networks, from which nothing reaches the internet",
            allowed=listing(ways_out, "no network that is not internal is declared"),
            fix="add a network without internal: true to networks",
            about=(_ALL, (*path, "networks"), (*path, "host_network")),
        )


def referenced_parts_are_reachable(description: Description) -> Iterator[Finding]:
    """A workload shares a network with what it refers to."""
    for path, declared, resolved in description.workloads():
        own = set(resolved.networks or ())
        for reference in references_in(declared):
            target = getattr(description.platform, reference.section, None)
            other = target.get(reference.name) if isinstance(target, dict) and reference.section != "secrets" else None
            if other is None or (reference.section, reference.name) == path:
                continue
            there = (reference.section, reference.name)
            if resolved.host_network:
                yield Finding(
                    (*path, "host_network"),
                    f"on the host's own network, '{reference.name}' of {reference} is no name that it can look up",
                    fix=f"publish a port of {dotted(there)} on 127.0.0.1 and write that address as text",
                )
            elif getattr(other, "host_network", False):
                yield Finding(
                    path,
                    f"{reference} can't be reached by name: {dotted(there)} is on the host's own network",
                    fix="use extra_hosts: {host.docker.internal: host-gateway} and write that address as text",
                )
            elif not own & set(other.networks or ()):
                yield Finding(
                    (*path, "networks"),
                    f"shares no network with {dotted(there)}, to which {reference} leads",
                    allowed=f"at least one of {listing(other.networks or ())}",
                    fix=f"add one of them to networks, or leave {dotted((*path, 'networks'))} out",
                    about=(_ALL, (*there, "networks"), (*path, "networks")),
                )


def gateway_reaches_its_services(description: Description) -> Iterator[Finding]:
    """The gateway shares a network with each service that it leads to."""
    gateway = description.platform.gateway
    if gateway is None:
        return
    own = set(gateway.networks or ())
    for path, name in description.route_targets():
        section = next((item for item in ROUTE_SECTIONS if name in getattr(description.platform, item)), "")
        target = route_target(description.platform, name)
        if target is None:
            continue
        if getattr(target, "host_network", False) or own & set(target.networks or ()):
            continue
        yield Finding(
            path,
            f"the gateway shares no network with {f'{section}.' if section else ''}{name}",
            allowed=f"at least one of {listing(target.networks or ())}",
            fix="add one of them to gateway.networks, or leave gateway.networks out",
            about=(_ALL, *([(section, name, "networks")] if section else []), (GATEWAY_NAME, "networks")),
        )


def host_network_stands_alone(description: Description) -> Iterator[Finding]:
    """A workload on the host's network has no networks, published ports or aliases of its own."""
    for path, declared, _ in description.workloads():
        if not declared.host_network:
            continue
        for field in ("networks", "publish", "aliases"):
            if getattr(declared, field):
                yield Finding(
                    (*path, field),
                    "has no effect with host_network, where every port is the host's own",
                    fix=f"remove {field}, or host_network",
                )


def subnets_are_possible(description: Description) -> Iterator[Finding]:
    """A subnet is a range of IPv4 and holds its gateway."""
    for name, network in description.declared.networks.items():
        path = ("networks", name)
        if network.subnet is None:
            if network.gateway is not None:
                yield Finding(
                    (*path, "gateway"),
                    "needs a subnet that holds it",
                    fix="add subnet: …",
                    about=((*path, "subnet"),),
                )
            continue
        subnet = _subnet(network.subnet)
        if subnet is None:
            yield Finding(
                (*path, "subnet"),
                f"'{network.subnet}' is no IPv4 range",
                allowed="an address with no bits set beyond its length, such as 172.28.0.0/16",
            )
        elif network.gateway is not None and not _holds(subnet, network.gateway):
            yield Finding(
                (*path, "gateway"), f"'{network.gateway}' is no address of {subnet}", allowed=f"{_range(subnet)}"
            )


def subnets_do_not_overlap(description: Description) -> Iterator[Finding]:
    """Docker refuses a network whose range is in use."""
    seen: list[tuple[Path, ipaddress.IPv4Network]] = []
    for name, network in description.declared.networks.items():
        subnet = _subnet(network.subnet) if network.subnet is not None else None
        if subnet is None:
            continue
        path = ("networks", name)
        for other, theirs in seen:
            if subnet.overlaps(theirs):
                yield Finding(
                    (*path, "subnet"), f"{subnet} overlaps {theirs} of {dotted(other)}", fix="choose another range"
                )
        seen.append((path, subnet))


def _subnet(text: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text)
    except ValueError:
        return None


def _holds(subnet: ipaddress.IPv4Network, text: str) -> bool:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return address in subnet and address not in {subnet.network_address, subnet.broadcast_address}


def _range(subnet: ipaddress.IPv4Network) -> str:
    return f"{subnet.network_address + 1} to {subnet.broadcast_address - 1}"


CHECKS: Final = (
    there_is_a_network,
    networks_exist,
    egress_has_a_way_out,
    referenced_parts_are_reachable,
    gateway_reaches_its_services,
    host_network_stands_alone,
    subnets_are_possible,
    subnets_do_not_overlap,
)
