"""Which ports of this machine are taken, and by whom."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from operate import labels

if TYPE_CHECKING:
    from collections.abc import Iterable

    import docker

    from operate.platform_view import HostPort

_LISTEN: Final = "0A"
_ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_PROC: Final = Path("/proc")


@dataclass(frozen=True)
class Listener:
    """A socket that waits for connections."""

    protocol: str
    """``tcp`` or ``udp``."""
    address: str
    """The address that it listens on."""
    port: int
    """Its port."""
    inode: str
    """The socket's number, by which its process is found."""


def listeners(proc: Path = _PROC) -> list[Listener]:
    """Return every listening socket of this machine, as the kernel tells; none where it does not."""
    found = []
    for name in ("tcp", "tcp6", "udp", "udp6"):
        try:
            lines = (proc / "net" / name).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        protocol = name.removesuffix("6")
        for line in lines:
            fields = line.split()
            if protocol == "udp" or fields[3] == _LISTEN:
                host, _, port = fields[1].partition(":")
                found.append(Listener(protocol, _address(host), int(port, 16), fields[9]))
    return found


def taken(wanted: Iterable[HostPort], present: Iterable[Listener]) -> list[tuple[HostPort, Listener]]:
    """Return the wanted ports on which somebody listens already."""
    known = list(present)
    clashes = []
    for port in wanted:
        for listener in known:
            same = listener.port == port.port and listener.protocol == port.protocol
            if same and (listener.address == port.address or {listener.address, port.address} & _ANY):
                clashes.append((port, listener))
                break
    return clashes


def owner(listener: Listener, client: docker.DockerClient | None, proc: Path = _PROC) -> str:
    """Return who listens, in words: a container if Docker publishes the port, else a process."""
    for item in client.api.containers() if client is not None else ():
        for port in item.get("Ports") or ():
            if port.get("PublicPort") == listener.port and port.get("Type") == listener.protocol:
                return f"container {item['Names'][0].removeprefix('/')}"
    return _process(listener.inode, proc) or "another process"


def own_ports(client: docker.DockerClient, project: str, stack: str) -> set[tuple[int, str]]:
    """Return the ports that the stack's own containers publish."""
    return {
        (port["PublicPort"], port["Type"])
        for item in client.api.containers(filters=labels.filters(project, stack))
        for port in item.get("Ports") or ()
        if "PublicPort" in port
    }


def _process(inode: str, proc: Path) -> str:
    for folder in proc.glob("[0-9]*"):
        try:
            if any(str(link.readlink()) == f"socket:[{inode}]" for link in (folder / "fd").iterdir()):
                name = (folder / "comm").read_text(encoding="utf-8").strip()
                return f"process {folder.name} ({name})"
        except OSError:  # it has ended, or belongs to another user
            continue
    return ""


def _address(text: str) -> str:
    """The kernel writes addresses as words of four bytes in the machine's order."""
    raw = bytes.fromhex(text)
    swapped = b"".join(raw[index : index + 4][::-1] for index in range(0, len(raw), 4))
    return socket.inet_ntop(socket.AF_INET if len(swapped) == 4 else socket.AF_INET6, swapped)  # noqa: PLR2004 - IPv4
