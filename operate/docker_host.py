"""Reaching Docker, and saying what to do where it can't be reached."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING, Any, Final

from operate.errors import OperateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker

DEFAULT_HOST: Final = "unix:///var/run/docker.sock"
_TIMEOUT_S: Final = 60
_MIB: Final = 1024 * 1024


class DockerUnreachable(OperateError):  # noqa: N818 - named as what it reports
    """Docker does not answer; the text says why, ``fix`` what to run."""

    def __init__(self, host: str, reason: str, fix: str) -> None:
        super().__init__(f"Docker can't be reached at {host}: {reason}\n  fix: {fix}")
        self.host = host
        self.reason = reason
        self.fix = fix


def host_of(environ: Mapping[str, str], configured: str | None = None) -> str:
    """Return the address of the daemon: the stack's ``docker:host``, else ``DOCKER_HOST``, else the local socket."""
    return configured or environ.get("DOCKER_HOST") or DEFAULT_HOST


def is_local(host: str) -> bool:
    """Whether that daemon runs on this machine, so that its ports and disks are this machine's."""
    return host.startswith("unix://")


def connect(environ: Mapping[str, str], configured: str | None = None) -> docker.DockerClient:
    """Return a client of a daemon that answers.

    Raises:
        DockerUnreachable: It does not.
    """
    host = host_of(environ, configured)
    _knock(host)  # before the library is loaded: it is slow, and says less

    import docker  # noqa: PLC0415 - slow to load; most commands need no Docker
    import docker.errors  # noqa: PLC0415

    try:
        if configured:
            client = docker.DockerClient(base_url=configured, timeout=_TIMEOUT_S, use_ssh_client=True)
        else:
            client = docker.from_env(timeout=_TIMEOUT_S, environment=dict(environ), use_ssh_client=True)
        client.ping()
    except (docker.errors.DockerException, OSError) as error:
        text = str(error) or type(error).__name__
        reason = "nothing answers" if "refused" in text else text
        raise DockerUnreachable(host, reason, _start_fix(host)) from error
    return client


def _knock(host: str) -> None:
    if not is_local(host):
        return
    with socket.socket(socket.AF_UNIX) as knocking:
        knocking.settimeout(_TIMEOUT_S)
        try:
            knocking.connect(host.removeprefix("unix://"))
        except FileNotFoundError:
            raise DockerUnreachable(host, "there is no such socket", _start_fix(host)) from None
        except PermissionError:
            fix = "sudo usermod -aG docker $USER, then log in again"
            raise DockerUnreachable(host, "this user may not use it", fix) from None
        except OSError as error:
            reason = "nothing answers" if isinstance(error, ConnectionRefusedError) else str(error)
            raise DockerUnreachable(host, reason, _start_fix(host)) from error


def _start_fix(host: str) -> str:
    if not is_local(host):
        return f"check DOCKER_HOST or docker:host, and that a daemon listens at {host}"
    if shutil.which("dockerd") is None:
        return "scripts/bootstrap (it installs Docker Engine)"
    return "scripts/bootstrap, or sudo service docker start"


def machine(client: docker.DockerClient) -> Machine:
    """Ask the daemon how big its machine is."""
    return Machine(client.info())


class Machine:
    """What a daemon says of the machine that it runs on."""

    def __init__(self, info: Mapping[str, Any]) -> None:
        self.memory_mib = int(info.get("MemTotal") or 0) // _MIB
        """Memory in MiB; 0 if it does not say."""
        self.cpus = int(info.get("NCPU") or 0)
        """Number of CPUs; 0 if it does not say."""
        self.version = str(info.get("ServerVersion") or "")
        """The daemon's version."""
        self.root = str(info.get("DockerRootDir") or "")
        """The folder that it keeps everything in."""
        self.nvidia = "nvidia" in (info.get("Runtimes") or {}) or bool(info.get("DiscoveredDevices"))
        """Whether it says that it can give GPUs to containers."""
