"""Containers: create, connect, fill, start, wait, and all that can go wrong on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from engine.provider import Properties, ProviderError
from engine.providers.docker.container_config import container_body, swap_bytes, throttles
from engine.providers.docker.container_read import read_fields
from engine.providers.docker.daemon import Daemon, segment
from engine.providers.docker.errors import CONFLICT, DaemonError, clashing_port, confidential, gone, redacted, says
from engine.providers.docker.health import container_logs, wait_until_ended, wait_until_healthy
from engine.providers.docker.leftovers import made_since
from engine.providers.docker.remote_image import find_image
from engine.providers.docker.schema_container import CONTAINER
from engine.providers.docker.units import MEBIBYTE
from engine.providers.docker.uploads import upload_archive
from engine.providers.docker.watch import Watch
from engine.providers.handler import Data, HalfMadeError, Handler, Limit, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.providers.schema import ResourceSchema

_APPLIED = (
    *("restart", "maxRetryCount", "cpuShares", "memory", "memoryReservation", "cpuSet", "memorySwap"),
    *("deviceReadBps", "deviceReadIops", "deviceWriteBps", "deviceWriteIops"),
)
"""The inputs whose change the daemon applies to a running container."""

_RETRY_S = 0.1


class ContainerHandler(Handler):
    """``docker:index/container:Container``."""

    schema: ClassVar[ResourceSchema] = CONTAINER

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._watch = Watch(daemon)

    def create(self, data: Data, limit: Limit) -> Seen:
        """Create and start the container, wait for it as asked, and read it back.

        What fails before the container runs is removed again; one that runs but does not become healthy stays, is
        recorded, and can be looked at.
        """
        hidden = confidential({"envs": data["envs"], "uploads": data["uploads"]})

        def redact(text: str) -> str:
            return redacted(text, hidden)

        body = container_body(data, self._daemon.api_version)
        archive = upload_archive(data["uploads"]) if data["uploads"] else None
        container = self._make(data, body, limit)
        try:
            self._connect(container, data)
            if archive is not None:
                self._fill(container, archive)
            if data["start"]:
                self._start(container, data)
        except ProviderError as error:
            self._discard(container, data)
            raise ProviderError(redact(str(error))) from error
        fields = self._follow(container, data, limit, redact)
        seen = self.read(container, data)
        if seen is None:
            raise ProviderError(
                f"container {data['name']} vanished after it had started; with rm=True (or removal by hand) there is"
                " nothing left to record: use rm=False"
            )
        return Seen(container, seen.fields | fields)

    def _make(self, data: Data, body: Mapping[str, Any], limit: Limit) -> str:
        try:
            return self._post_create(data, body)
        except DaemonError as error:
            if gone(error) and says(error, "no such image"):
                find_image(self._daemon, data["image"], "", limit)
                return self._post_create(data, body)
            if error.status == CONFLICT and says(error, "is already in use by container"):
                raise ProviderError(
                    f"a container named {data['name']} exists already; remove it (docker rm -f {data['name']}), or give"
                    " no name, so that a unique one is generated"
                ) from error
            raise

    def _post_create(self, data: Data, body: Mapping[str, Any]) -> str:
        query = {"name": data["name"], "platform": data["platform"] or None}
        made = self._daemon.call("POST", "/containers/create", query=query, body=body)
        return str(made["Id"])

    def _connect(self, container: str, data: Data) -> None:
        """Leave the default network and join the configured ones, with their aliases."""
        if not data["networksAdvanced"]:
            return
        try:
            self._daemon.post("/networks/bridge/disconnect", {"Container": container, "Force": False})
        except DaemonError as error:
            if not says(error, "is not connected to the network bridge", "is not connected to network bridge"):
                raise
        for network in data["networksAdvanced"]:
            endpoint = {
                "Aliases": network["aliases"],
                "IPAMConfig": {
                    "IPv4Address": network["ipv4Address"],
                    "IPv6Address": network["ipv6Address"],
                    "LinkLocalIPs": network["linkLocalIps"],
                },
                "MacAddress": network["macAddress"],
                "DriverOpts": dict(item.partition("=")[::2] for item in network["driverOpts"] if "=" in item),
                "GwPriority": network["gwPriority"],
            }
            self._daemon.post(
                f"/networks/{segment(network['name'])}/connect", {"Container": container, "EndpointConfig": endpoint}
            )

    def _fill(self, container: str, archive: bytes) -> None:
        try:
            self._daemon.call(
                "PUT",
                f"/containers/{segment(container)}/archive",
                query={"path": "/"},
                data=archive,
                headers={"Content-Type": "application/x-tar"},
            )
        except DaemonError as error:
            if says(error, "rootfs is marked read-only"):
                raise ProviderError(
                    "Docker takes no uploads into a container whose root is read-only, not even into a volume: upload"
                    " them through another container that mounts the volume"
                ) from error
            raise

    def _start(self, container: str, data: Data) -> None:
        try:
            self._daemon.post(f"/containers/{segment(container)}/start")
        except DaemonError as error:
            port = clashing_port(error)
            if port is None:
                raise ProviderError(f"container {data['name']} does not start: {error}") from error
            raise ProviderError(
                f"container {data['name']} does not start: host port {port} is taken {self._holder(port, container)}"
            ) from error

    def _holder(self, port: int, container: str) -> str:
        for other in self._daemon.get("/containers/json"):
            ports = {item.get("PublicPort") for item in other.get("Ports") or []}
            if port in ports and other["Id"] != container:
                name = other["Names"][0].lstrip("/")
                return f"by container {name}; stop it (docker stop {name}) or publish another port"
        return "by a program outside of Docker; find it with ss -ltnp, or publish another port"

    def _follow(self, container: str, data: Data, limit: Limit, redact: Callable[[str], str]) -> Properties:
        """Wait as ``wait`` and ``attach`` ask."""
        try:
            if data["start"] and data["wait"]:
                wait_until_healthy(
                    self._daemon, self._watch, container, data["waitTimeout"], limit=limit, redact=redact
                )
            if not data["attach"]:
                return {}
            wait_until_ended(self._watch, container, limit)
            if not data["logs"]:
                return {}
            return {"containerLogs": container_logs(self._daemon, container, tty=data["tty"])}
        except DaemonError as error:
            if gone(error):
                return {}  # the read that follows says so
            raise HalfMadeError(container, redact(f"container {data['name']}: {error}")) from error
        except ProviderError as error:
            raise HalfMadeError(container, redact(str(error))) from error

    def _discard(self, container: str, data: Data) -> None:
        """Remove a container that did not come to run; that this fails must not hide why it did not."""
        try:
            self._remove(container, data)
        except ProviderError:
            return

    def read(self, resource_id: str, data: Data) -> Seen | None:
        """Inspect the container."""
        try:
            found = self._daemon.get(f"/containers/{segment(resource_id)}/json")
        except DaemonError as error:
            if gone(error):
                return None
            raise
        return Seen(found["Id"], read_fields(found, data))

    def update(self, resource_id: str, before: Data, after: Data, limit: Limit) -> Properties:
        """Apply limits, restart policy and a start to the running container; all else is bookkeeping."""
        limit.remaining()
        path = f"/containers/{segment(resource_id)}"
        try:
            if not before["mustRun"] and after["mustRun"] and after["start"]:
                self._daemon.post(f"{path}/start")
            if any(before[name] != after[name] for name in _APPLIED):
                self._daemon.post(f"{path}/update", _update_body(after))
        except DaemonError as error:
            if gone(error):
                raise ProviderError(
                    f"container {after['name']} is not there any more (removed by hand?); refresh first (pulumi"
                    " refresh, or up --refresh)"
                ) from error
            raise ProviderError(f"container {after['name']} can't be changed in place: {error}") from error
        return {}

    def delete(self, resource_id: str, data: Data, limit: Limit) -> None:
        """Stop the container with its grace period, and remove it."""
        limit.remaining()
        grace = data["destroyGraceSeconds"]
        if grace > 0 and not data["attach"]:
            try:
                self._daemon.call(
                    "POST",
                    f"/containers/{segment(resource_id)}/stop",
                    query={"t": grace},
                    timeout_s=grace + 60.0,
                )
            except DaemonError as error:
                if gone(error):
                    return
                raise
        self._remove(resource_id, data)

    def _remove(self, container: str, data: Data) -> None:
        # Without a grace period the forced removal kills the container, as a stop with a time of 0 would.
        wait = Limit(60.0, None)
        while True:
            try:
                self._daemon.delete(f"/containers/{segment(container)}", v=data["removeVolumes"], force=True)
            except DaemonError as error:
                if gone(error):
                    return
                if not says(error, "is already in progress") or wait.remaining() <= 0:
                    raise
                wait.pause(_RETRY_S)
            else:
                return

    def recover(self, inputs: Properties, *, named: bool, started: float | None) -> bool:
        """Remove the container that an interrupted create made."""
        try:
            found = self._daemon.get(f"/containers/{segment(inputs['name'])}/json")
        except DaemonError as error:
            if gone(error):
                return False
            raise
        if found["Name"].lstrip("/") != inputs["name"] or (named and not made_since(found["Created"], started)):
            return False
        self._remove(found["Id"], Data(self.schema.block, {"removeVolumes": True}))
        return True


def _update_body(data: Data) -> dict[str, Any]:
    body: dict[str, Any] = {
        "RestartPolicy": {"Name": data["restart"], "MaximumRetryCount": data["maxRetryCount"]},
        "CpuShares": data["cpuShares"],
        "Memory": data["memory"] * MEBIBYTE,
        "MemoryReservation": data["memoryReservation"] * MEBIBYTE,
        "CpusetCpus": data["cpuSet"],
        "BlkioDeviceReadBps": throttles(data["deviceReadBps"]) or None,
        "BlkioDeviceReadIOps": throttles(data["deviceReadIops"]) or None,
        "BlkioDeviceWriteBps": throttles(data["deviceWriteBps"]) or None,
        "BlkioDeviceWriteIOps": throttles(data["deviceWriteIops"]) or None,
    }
    if data["memorySwap"]:
        body["MemorySwap"] = swap_bytes(data["memorySwap"])
    return {key: value for key, value in body.items() if value is not None}
