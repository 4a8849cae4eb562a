"""The package's functions that ask the daemon alone: ``getNetwork`` and ``getRemoteImage``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.provider import Properties, ProviderError
from engine.providers.docker.daemon import Daemon, segment
from engine.providers.docker.errors import DaemonError, gone
from engine.providers.docker.network import ipam_fields
from engine.providers.docker.remote_image import inspect_image, repo_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def functions(daemon: Daemon) -> Mapping[str, Callable[[Properties], Properties]]:
    """Return the functions by token."""
    return {
        "docker:index/getNetwork:getNetwork": lambda args: get_network(daemon, args),
        "docker:index/getRemoteImage:getRemoteImage": lambda args: get_remote_image(daemon, args),
    }


def get_network(daemon: Daemon, args: Properties) -> Properties:
    """Look a network up by name. Raises ProviderError if there is none."""
    name = str(args.get("name") or "")
    try:
        found = daemon.get(f"/networks/{segment(name)}")
    except DaemonError as error:
        if gone(error):
            raise ProviderError(f"there is no Docker network {name!r}") from error
        raise
    containers = [
        {
            "containerId": key,
            "name": item["Name"],
            "endpointId": item["EndpointID"],
            "macAddress": item["MacAddress"],
            "ipv4Address": item["IPv4Address"],
            "ipv6Address": item["IPv6Address"],
        }
        for key, item in sorted((found.get("Containers") or {}).items())
    ]
    blank = {"subnet": "", "ipRange": "", "gateway": "", "auxAddress": {}}
    return {
        "name": name,
        "id": found["Id"],
        "driver": found["Driver"],
        "internal": found["Internal"],
        "options": found.get("Options") or {},
        "scope": found["Scope"],
        "ipamConfigs": [blank | ipam_fields(item) for item in (found.get("IPAM") or {}).get("Config") or []],
        "containers": containers,
    }


def get_remote_image(daemon: Daemon, args: Properties) -> Properties:
    """Look a local image up by name. Raises ProviderError if there is none."""
    name = str(args.get("name") or "")
    found = inspect_image(daemon, name)
    if found is None:
        raise ProviderError(f"there is no local Docker image {name!r}")
    return {"id": found["Id"], "name": name, "repoDigest": repo_digest(name, found)}
