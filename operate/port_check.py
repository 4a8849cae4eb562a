"""Whether the ports of the host that a platform takes are free, before anything is stopped for them.

Whatever holds a port goes before its successor comes, so a port that turns out to be taken only when the successor
starts leaves nobody serving. Plain ``pulumi up`` has no such check: it fails at the container that publishes the port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from operate.errors import OperateError
from operate.platform_view import host_ports
from operate.ports import listeners, own_ports, owner, taken

if TYPE_CHECKING:
    import docker

    from settings import Platform


class PortTaken(OperateError):  # noqa: N818 - named as what it reports
    """Somebody else listens on a port that the platform publishes."""


def check_ports(platform: Platform, client: docker.DockerClient, project: str, stack: str) -> None:
    """Refuse a platform whose ports of this machine are taken by anybody but its own containers.

    Only for a daemon of this machine, whose listeners the kernel tells.

    Raises:
        PortTaken: Names each port, the part that wants it and who has it.
    """
    own = own_ports(client, project, stack)
    wanted = [port for port in host_ports(platform) if (port.port, port.protocol) not in own]
    clashes = taken(wanted, listeners()) if wanted else []
    if not clashes:
        return
    lines = [f"  {port} for {port.part}: taken by {owner(listener, client)}" for port, listener in clashes]
    raise PortTaken(
        "ports of this machine are taken, so nothing was changed:\n"
        + "\n".join(lines)
        + "\n  fix: end that program, or publish another port, for instance under slipway:overrides in"
        f" Pulumi.{stack}.yaml"
    )
