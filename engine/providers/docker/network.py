"""Networks. Unlike the real provider, a create does not wait two seconds before it reads back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from engine.providers.docker.daemon import Daemon, segment
from engine.providers.docker.errors import DaemonError, gone, says
from engine.providers.docker.leftovers import made_since
from engine.providers.docker.schema_basic import NETWORK
from engine.providers.handler import Data, Handler, Limit, Seen

if TYPE_CHECKING:
    from engine.provider import Properties
    from engine.providers.schema import ResourceSchema

IN_USE_S = 30.0
"""How long a delete waits for the last user of a network or volume to go."""
_RETRY_S = 0.1
_DUPLICATES_ALLOWED_BEFORE = (1, 44)


class NetworkHandler(Handler):
    """``docker:index/network:Network``."""

    schema: ClassVar[ResourceSchema] = NETWORK

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def create(self, data: Data, limit: Limit) -> Seen:
        """Create the network."""
        limit.remaining()
        made = self._daemon.post("/networks/create", self._body(data))
        wait = Limit(min(IN_USE_S, limit.remaining()), limit.cancelled)
        while True:
            seen = self.read(made["Id"], data)
            # A swarm allocates driver and addresses a moment after its answer.
            if seen is not None and (seen.fields["driver"] or wait.remaining() <= 0):
                return seen
            wait.pause(_RETRY_S)

    def _body(self, data: Data) -> dict[str, Any]:
        ipam: dict[str, Any] = {"Driver": data["ipamDriver"]}
        if data["ipamConfigs"]:
            ipam["Config"] = [_ipam_config(item) for item in data["ipamConfigs"]]
        if data["ipamOptions"]:
            ipam["Options"] = data["ipamOptions"]
        body: dict[str, Any] = {
            "Name": data["name"],
            "Driver": data["driver"] or "bridge",
            "Labels": label_map(data["labels"]),
            "Options": data["options"],
            "Internal": data["internal"],
            "Attachable": data["attachable"],
            "Ingress": data["ingress"],
            "IPAM": ipam,
        }
        if data["ipv6"]:
            body["EnableIPv6"] = True
        if self._daemon.api_version < _DUPLICATES_ALLOWED_BEFORE:
            body["CheckDuplicate"] = True
        return body

    def read(self, resource_id: str, data: Data) -> Seen | None:
        """Inspect the network."""
        del data
        try:
            found = self._daemon.get(f"/networks/{segment(resource_id)}")
        except DaemonError as error:
            if gone(error):
                return None
            raise
        ipam = found.get("IPAM") or {}
        return Seen(
            found["Id"],
            {
                "name": found["Name"],
                "labels": label_items(found.get("Labels")),
                "driver": found["Driver"],
                "internal": found["Internal"],
                "attachable": found["Attachable"],
                "ingress": found["Ingress"],
                "ipv6": found["EnableIPv6"],
                "ipamDriver": ipam.get("Driver", ""),
                "ipamOptions": ipam.get("Options") or {},
                "scope": found["Scope"],
                "options": found.get("Options") or {},
                "ipamConfigs": [ipam_fields(item) for item in ipam.get("Config") or []],
            },
        )

    def delete(self, resource_id: str, data: Data, limit: Limit) -> None:
        """Remove the network; containers that are just going may still hold it for a moment."""
        del data
        in_use = Limit(IN_USE_S, limit.cancelled)
        while True:
            try:
                self._daemon.delete(f"/networks/{segment(resource_id)}")
            except DaemonError as error:
                if gone(error) or says(error, f"network {resource_id} not found"):  # a swarm's network: status 500
                    return
                if not says(error, "has active endpoints") or in_use.remaining() <= 0:
                    raise
                in_use.pause(_RETRY_S)
            else:
                return

    def recover(self, inputs: Properties, *, named: bool, started: float | None) -> bool:
        """Remove the network that an interrupted create made."""
        found = self._daemon.get("/networks", filters={"name": [inputs["name"]]})
        mine = [network for network in found if network["Name"] == inputs["name"]]
        mine = [network for network in mine if not named or made_since(network.get("Created"), started)]
        for network in mine:
            self.delete(network["Id"], Data(self.schema.block, {}), Limit(IN_USE_S, None))
        return bool(mine)


def label_map(labels: list[dict[str, str]]) -> dict[str, str]:
    """Turn label inputs into Docker's map."""
    return {item["label"]: item["value"] for item in labels}


def label_items(labels: dict[str, str] | None) -> list[dict[str, str]]:
    """Turn Docker's map into label outputs."""
    return [{"label": key, "value": value} for key, value in (labels or {}).items()]


def _ipam_config(item: dict[str, Any]) -> dict[str, Any]:
    names = (("Subnet", "subnet"), ("IPRange", "ipRange"), ("Gateway", "gateway"), ("AuxiliaryAddresses", "auxAddress"))
    return {key: item[name] for key, name in names if item[name]}


def ipam_fields(item: dict[str, Any]) -> dict[str, Any]:
    """Turn one of Docker's address ranges into its output."""
    names = (("Subnet", "subnet"), ("IPRange", "ipRange"), ("Gateway", "gateway"), ("AuxiliaryAddresses", "auxAddress"))
    return {name: item[key] for key, name in names if item.get(key)}
