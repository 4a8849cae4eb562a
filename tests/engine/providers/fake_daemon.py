"""A Docker daemon in memory: it answers the provider's calls as 20.10 does, and remembers them."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from engine.providers.docker.daemon import Daemon
from engine.providers.docker.errors import DaemonError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

IMAGE = "sha256:" + "1" * 64


class FakeDaemon(Daemon):
    """Answers from memory. ``settle`` may change a container's inspection after it was started."""

    def __init__(self, settle: Callable[[dict[str, Any]], None] | None = None) -> None:
        super().__init__()
        self.calls: list[tuple[str, str]] = []
        self.archives: list[bytes] = []
        self.ids: list[str] = []
        """Ids for the next objects; generated where there are none left."""
        self.logs: dict[str, bytes] = {}
        self.objects: dict[str, dict[str, dict[str, Any]]] = {
            "containers": {},
            "networks": {},
            "volumes": {},
            "images": {"recording:1": {"Id": IMAGE, "RepoDigests": []}},
        }
        self.failures: dict[str, list[DaemonError]] = {}
        """Errors by ``METHOD path`` pattern, each raised once."""
        self._settle = settle or (lambda _: None)

    @property
    def api_version(self) -> tuple[int, int]:
        return (1, 41)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 1.0,
    ) -> Any:
        """Answer one request."""
        del headers, timeout_s
        self.calls.append((method, path))
        for pattern, errors in self.failures.items():
            if errors and re.fullmatch(pattern, f"{method} {path}"):
                raise errors.pop(0)
        kind, *rest = path.strip("/").split("/")
        rest = [unquote(part) for part in rest]
        query = query or {}
        if kind == "images":
            return self._found("images", "/".join(rest[:-1]))
        if data is not None:
            self.archives.append(data)
            return None
        if method == "POST" and rest == ["create"]:
            return getattr(self, f"_create_{kind}")(body, query)
        if method == "GET":
            return self._get(kind, rest)
        if method == "DELETE":
            return self._delete(kind, rest[0])
        return self._act(kind, rest, body)

    def stream(self, method: str, path: str, **options: Any) -> Iterator[dict[str, Any]]:
        """There are no events; waiters look by themselves."""
        del method, path, options
        return iter(())

    def registry_headers(self, image: str) -> dict[str, str]:
        """There are no credentials."""
        del image
        return {}

    def _found(self, kind: str, name: str) -> dict[str, Any]:
        things = self.objects[kind]
        for key, thing in things.items():
            if name in {key, thing.get("Id"), str(thing.get("Name", "")).lstrip("/")}:
                return thing
        word = {"images": "No such image", "containers": "No such container"}.get(kind, "not found")
        raise DaemonError(404, f"{word}: {name}")

    def _get(self, kind: str, rest: list[str]) -> Any:
        if rest in ([], ["json"]):
            return list(self.objects[kind].values())
        if rest[-1] == "logs":
            text = self.logs.get(rest[0], b"")
            return struct.pack(">BxxxL", 1, len(text)) + text
        return self._found(kind, rest[0])

    def _delete(self, kind: str, name: str) -> None:
        thing = self._found(kind, name)
        self.objects[kind] = {key: value for key, value in self.objects[kind].items() if value is not thing}

    def _act(self, kind: str, rest: list[str], body: Any) -> None:
        thing = self._found(kind, rest[0])
        if kind == "networks":
            name = thing["Name"]
            container = self._found("containers", body["Container"])
            endpoints = container["NetworkSettings"]["Networks"]
            if rest[1] == "disconnect":
                if name not in endpoints:
                    raise DaemonError(500, "is not connected to the network bridge")
                del endpoints[name]
            else:
                endpoints[name] = _endpoint()
        elif rest[1] == "start":
            thing["State"]["Running"] = True
            self._settle(thing)
        elif rest[1] == "stop":
            thing["State"]["Running"] = False
        elif rest[1] == "update":
            thing["HostConfig"].update(body)

    def _new_id(self, kind: str) -> str:
        return self.ids.pop(0) if self.ids else f"{kind}-{len(self.objects[kind])}".ljust(64, "0")

    def _create_networks(self, body: dict[str, Any], query: Mapping[str, Any]) -> dict[str, Any]:
        del query
        identity = self._new_id("networks")
        ipam = body["IPAM"]
        number = len(self.objects["networks"])
        config = ipam.get("Config") or [{"Subnet": f"172.{30 + number}.0.0/16", "Gateway": f"172.{30 + number}.0.1"}]
        self.objects["networks"][identity] = {
            "Id": identity,
            "Name": body["Name"],
            "Created": "2026-11-20T22:00:00.123456789Z",
            "Driver": body["Driver"],
            "Scope": "local",
            "EnableIPv6": body.get("EnableIPv6", False),
            "Internal": body["Internal"],
            "Attachable": body["Attachable"],
            "Ingress": body["Ingress"],
            "Options": body["Options"] or {},
            "Labels": body["Labels"] or {},
            "IPAM": {"Driver": ipam["Driver"], "Options": ipam.get("Options"), "Config": config},
        }
        return {"Id": identity}

    def _create_volumes(self, body: dict[str, Any], query: Mapping[str, Any]) -> dict[str, Any]:
        del query
        name = body["Name"]
        made = {
            "Name": name,
            "Driver": body.get("Driver", "local"),
            "Labels": body["Labels"] or None,
            "Options": body.get("DriverOpts"),
            "Mountpoint": f"/var/lib/docker/volumes/{name}/_data",
        }
        return self.objects["volumes"].setdefault(name, made)

    def _create_containers(self, body: dict[str, Any], query: Mapping[str, Any]) -> dict[str, Any]:
        image = body["Image"]
        if image not in {"recording:1", IMAGE} and not image.startswith("sha256:"):
            raise DaemonError(404, f"No such image: {image}")
        identity = self._new_id("containers")
        host = body["HostConfig"]
        self.objects["containers"][identity] = {
            "Id": identity,
            "Name": f"/{query['name']}",
            "Created": "2026-11-20T22:00:00.123456789Z",
            "Image": image if image.startswith("sha256:") else IMAGE,
            "Platform": "linux",
            "RestartCount": 0,
            "State": {"Running": False, "Restarting": False, "ExitCode": 0, "Error": ""},
            "Config": {
                **body,
                "Hostname": body["Hostname"] or identity[:12],
                "Cmd": body["Cmd"],
                "Entrypoint": body["Entrypoint"],
            },
            "HostConfig": {
                **host,
                "Runtime": host["Runtime"] or "runc",
                "IpcMode": host["IpcMode"] or "private",
                "ShmSize": host["ShmSize"] or 64 * 1024 * 1024,
                "LogConfig": {**host["LogConfig"], "Type": host["LogConfig"]["Type"] or "json-file"},
                "SecurityOpt": host.get("SecurityOpt") or None,
                "Dns": host.get("Dns") or [],
            },
            "NetworkSettings": {
                "Bridge": "",
                "Ports": host.get("PortBindings", {}),
                "Networks": {"bridge": _endpoint()} if host["NetworkMode"] == "bridge" else {},
            },
        }
        return {"Id": identity}


def _endpoint() -> dict[str, Any]:
    return {"IPAddress": "", "IPPrefixLen": 0, "Gateway": "", "MacAddress": ""}
