"""Maintenance: the gateway answers 503 with a page, for all services or for one, within a second and with no reload.

A file in the gateway's volume says so, which nginx looks for (``components.nginx.model`` has the other side of this);
it outlives the gateway's container, and a deployment does not touch it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from operate.errors import OperateError
from operate.find_containers import find_containers

if TYPE_CHECKING:
    import docker

FLAGS_FOLDER: Final = "/etc/nginx/conf.d/.flags"
_ALL: Final = "maintenance"
_SEEN: Final = "sleep 1"
"""nginx goes by what it last saw for at most a second (``FLAGS_VALID_S`` of ``components.nginx.model``)."""
_LIST: Final = f"ls -A {FLAGS_FOLDER} 2>/dev/null || true"


class NoGateway(OperateError):  # noqa: N818 - named as what it reports
    """There is no gateway that could show the page."""


def closed(client: docker.DockerClient, project: str, stack: str) -> list[str]:
    """Return the services that are in maintenance, the empty name for all of them.

    Raises:
        NoGateway: None runs.
    """
    names = _run(client, project, stack, _LIST).split()
    return sorted(name.removeprefix(_ALL).removeprefix(".") for name in names if name.partition(".")[0] == _ALL)


def close(client: docker.DockerClient, project: str, stack: str, service: str = "") -> None:
    """Show the maintenance page for a service; for all without a name. It is shown when this returns.

    Raises:
        NoGateway: None runs.
    """
    _run(client, project, stack, f"mkdir -p {FLAGS_FOLDER} && : >{FLAGS_FOLDER}/{_flag(service)} && {_SEEN}")


def open_again(client: docker.DockerClient, project: str, stack: str, service: str = "") -> None:
    """End it; without a name, for all services, those that were closed one by one included. Raises NoGateway."""
    more = "" if service else f" {FLAGS_FOLDER}/{_ALL}.*"
    _run(client, project, stack, f"rm -f {FLAGS_FOLDER}/{_flag(service)}{more} && {_SEEN}")


def _flag(service: str) -> str:
    return f"{_ALL}.{service}" if service else _ALL


def _run(client: docker.DockerClient, project: str, stack: str, line: str) -> str:
    """Run a line in the gateway's container, as its own user."""
    servers = [
        item
        for item in find_containers(client, project, stack)
        if item.part == "gateway" and item.role == "server" and item.running
    ]
    if not servers:
        raise NoGateway(
            f"stack {stack} has no gateway that runs, so there is nobody to show a page\n"
            f"  fix: slipway status --stack {stack}"
        )
    made = client.api.exec_create(servers[0].id, ["sh", "-c", line])
    output = client.api.exec_start(made["Id"])
    code = client.api.exec_inspect(made["Id"])["ExitCode"]
    text = output.decode(errors="replace").strip() if isinstance(output, bytes) else ""
    if code:
        raise OperateError(f"the gateway could not do it (exit code {code}): {text}")
    return text
