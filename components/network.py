"""A network of containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_docker as docker

from components.args import NetworkAttachment


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """Arguments of :class:`Network`."""

    internal: bool = False
    """Whether there is no way out to the internet (containers still reach services of the host on its address)."""
    subnet: str | None = None
    """IPv4 range in CIDR form. Default: Docker chooses."""
    gateway: str | None = None
    """The host's address in that range. Default: its first."""
    network_name: str | None = None
    """A fixed name on the host. Default: generated."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels; a change of them replaces the network and all that is on it."""


class Network(pulumi.ComponentResource):
    """A bridge network, found by its id."""

    network_id: pulumi.Output[str]
    """Docker's id of the network."""

    def __init__(self, name: str, args: NetworkArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:Network", name, {}, opts)
        args = args or NetworkArgs()
        network = docker.Network(
            f"{name}-network",
            docker.NetworkArgs(
                name=args.network_name,
                driver="bridge",
                internal=args.internal or None,
                ipam_configs=[docker.NetworkIpamConfigArgs(subnet=args.subnet, gateway=args.gateway)]
                if args.subnet
                else None,
                labels=[docker.NetworkLabelArgs(label=key, value=value) for key, value in sorted(args.labels.items())],
            ),
            # A fixed name can't stand twice; a generated one can.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=args.network_name is not None),
        )
        self.network_id = network.id
        self.register_outputs({"network_id": self.network_id})

    def attach(self, *aliases: str) -> NetworkAttachment:
        """Return what a workload lists in ``networks`` to join, under these names."""
        return NetworkAttachment(network_id=self.network_id, aliases=_unique(aliases))


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
