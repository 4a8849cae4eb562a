"""Volumes. A create adopts an existing volume of the same name, as the daemon and the real provider do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from engine.provider import Properties, ProviderError
from engine.providers.docker.daemon import Daemon, segment
from engine.providers.docker.errors import DaemonError, gone, says
from engine.providers.docker.network import IN_USE_S, label_items, label_map
from engine.providers.docker.schema_basic import VOLUME
from engine.providers.handler import Data, Handler, Limit, Seen

if TYPE_CHECKING:
    from engine.providers.schema import ResourceSchema

_RETRY_S = 0.25


class VolumeHandler(Handler):
    """``docker:index/volume:Volume``."""

    schema: ClassVar[ResourceSchema] = VOLUME

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def create(self, data: Data, limit: Limit) -> Seen:
        """Create the volume."""
        limit.remaining()
        if data["cluster"]:
            raise ProviderError(
                "the embedded engine creates no cluster volumes (Volume input 'cluster'); run it with the Pulumi CLI"
            )
        body: dict[str, Any] = {"Name": data["name"], "Labels": label_map(data["labels"])}
        if data["driver"]:
            body["Driver"] = data["driver"]
        if data["driverOpts"]:
            body["DriverOpts"] = data["driverOpts"]
        made = self._daemon.post("/volumes/create", body)
        return _seen(made)

    def read(self, resource_id: str, data: Data) -> Seen | None:
        """Inspect the volume."""
        del data
        try:
            return _seen(self._daemon.get(f"/volumes/{segment(resource_id)}"))
        except DaemonError as error:
            if gone(error):
                return None
            raise

    def delete(self, resource_id: str, data: Data, limit: Limit) -> None:
        """Remove the volume; containers that are just going may still hold it for a moment."""
        del data
        in_use = Limit(IN_USE_S, limit.cancelled)
        while True:
            try:
                self._daemon.delete(f"/volumes/{segment(resource_id)}", force=True)
            except DaemonError as error:
                if gone(error):
                    return
                if not says(error, "volume is in use") or in_use.remaining() <= 0:
                    raise
                in_use.pause(_RETRY_S)
            else:
                return

    def recover(self, inputs: Properties, *, named: bool, started: float | None) -> bool:
        """Remove an autonamed volume that an interrupted create made; one with a user's name may hold data."""
        del started
        if named or self.read(inputs["name"], Data(self.schema.block, {})) is None:
            return False
        self.delete(inputs["name"], Data(self.schema.block, {}), Limit(IN_USE_S, None))
        return True


def _seen(found: dict[str, Any]) -> Seen:
    return Seen(
        found["Name"],
        {
            "name": found["Name"],
            "labels": label_items(found.get("Labels")),
            "driver": found["Driver"],
            "driverOpts": found.get("Options") or {},
            "mountpoint": found["Mountpoint"],
        },
    )
