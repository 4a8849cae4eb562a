"""Secrets and configs of a swarm: immutable, made and removed whole."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, ClassVar

from engine.provider import Properties, ProviderError
from engine.providers.docker.daemon import segment
from engine.providers.docker.errors import DaemonError, gone, says
from engine.providers.docker.leftovers import made_since
from engine.providers.docker.network import IN_USE_S, label_items, label_map
from engine.providers.docker.schema_basic import CONFIG, SECRET
from engine.providers.docker.service import no_swarm
from engine.providers.handler import Data, Handler, Limit, Seen

if TYPE_CHECKING:
    from engine.providers.docker.daemon import Daemon
    from engine.providers.schema import ResourceSchema

_RETRY_S = 0.25


class _SwarmFile(Handler):
    """What secrets and configs have in common."""

    kind: ClassVar[str]
    """The collection's name in the API."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def create(self, data: Data, limit: Limit) -> Seen:
        """Store the content."""
        limit.remaining()
        body = {"Name": data["name"], "Labels": label_map(data["labels"]), "Data": self._content(data)}
        try:
            made = self._daemon.post(f"/{self.kind}/create", body)
        except DaemonError as error:
            raise ProviderError(no_swarm(error) or str(error)) from error
        seen = self.read(made["ID"], data)
        return seen if seen is not None else Seen(made["ID"])

    def _content(self, data: Data) -> str:
        return str(data["data"])

    def read(self, resource_id: str, data: Data) -> Seen | None:
        """Inspect it."""
        try:
            found = self._daemon.get(f"/{self.kind}/{segment(resource_id)}")
        except DaemonError as error:
            if gone(error):
                return None
            raise
        return Seen(found["ID"], self._fields(found["Spec"], data))

    def _fields(self, spec: dict[str, Any], data: Data) -> Properties:
        del data
        return {"name": spec["Name"]}

    def delete(self, resource_id: str, data: Data, limit: Limit) -> None:
        """Remove it; the swarm lets go of it a moment after the last service that used it was changed or removed."""
        del data
        wait = Limit(IN_USE_S, limit.cancelled)
        while True:
            try:
                self._daemon.delete(f"/{self.kind}/{segment(resource_id)}")
            except DaemonError as error:
                if gone(error):
                    return
                if not says(error, "is in use by") or wait.remaining() <= 0:
                    raise
                wait.pause(_RETRY_S)
            else:
                return

    def recover(self, inputs: Properties, *, named: bool, started: float | None) -> bool:
        """Remove what an interrupted create stored."""
        found = self._daemon.get(f"/{self.kind}", filters={"name": [inputs["name"]]})
        mine = [
            item
            for item in found
            if item["Spec"]["Name"] == inputs["name"] and (not named or made_since(item.get("CreatedAt"), started))
        ]
        for item in mine:
            self._daemon.delete(f"/{self.kind}/{segment(item['ID'])}")
        return bool(mine)


class SecretHandler(_SwarmFile):
    """``docker:index/secret:Secret``. The swarm never gives its content back."""

    schema: ClassVar[ResourceSchema] = SECRET
    kind = "secrets"


class ConfigHandler(_SwarmFile):
    """``docker:index/serviceConfig:ServiceConfig``."""

    schema: ClassVar[ResourceSchema] = CONFIG
    kind = "configs"

    def _content(self, data: Data) -> str:
        if data["dataRaw"]:
            return base64.b64encode(data["dataRaw"].encode()).decode()
        return str(data["data"])

    def _fields(self, spec: dict[str, Any], data: Data) -> Properties:
        fields: Properties = {"name": spec["Name"], "labels": label_items(spec.get("Labels"))}
        content = spec.get("Data") or ""
        if data["dataRaw"]:
            return fields | {"dataRaw": base64.b64decode(content).decode("utf-8", "replace")}
        return fields | {"data": content}
