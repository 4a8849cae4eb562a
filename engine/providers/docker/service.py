"""Services of a swarm."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, ClassVar

from engine.provider import Properties, ProviderError
from engine.providers.docker.daemon import segment
from engine.providers.docker.errors import DaemonError, gone, redacted, says
from engine.providers.docker.leftovers import made_since
from engine.providers.docker.remote_image import image_path
from engine.providers.docker.schema_service import SERVICE
from engine.providers.docker.service_converge import wait_until_converged
from engine.providers.docker.service_read import read_fields
from engine.providers.docker.service_spec import nanoseconds, service_spec
from engine.providers.handler import Data, HalfMadeError, Handler, Limit, Seen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.providers.docker.daemon import Daemon
    from engine.providers.schema import ResourceSchema

_NANO = 1_000_000_000
_ENDPOINT_S = 30.0
_RETRY_S = 0.1
_REGISTRY_S = 20.0


class ServiceHandler(Handler):
    """``docker:index/service:Service``."""

    schema: ClassVar[ResourceSchema] = SERVICE

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def create(self, data: Data, limit: Limit) -> Seen:
        """Create the service, and remove it again if it does not converge."""
        limit.remaining()
        spec = service_spec(data)
        headers = self._auth(data)
        self._pin(spec["TaskTemplate"], headers)
        try:
            made = self._daemon.call("POST", "/services/create", body=spec, headers=headers)
        except DaemonError as error:
            raise ProviderError(no_swarm(error) or str(error)) from error
        try:
            self._converge(made["ID"], data, limit, None)
        except ProviderError as error:
            self.delete(made["ID"], data, Limit(None, None))
            raise ProviderError(redacted(str(error), _confidential(data))) from error
        return self._settled(made["ID"], data, limit)

    def _converge(self, service: str, data: Data, limit: Limit, before: Mapping[str, Any] | None) -> None:
        config = data["convergeConfig"]
        if config:
            seconds = nanoseconds(config["timeout"]) / _NANO
            wait_until_converged(self._daemon, service, seconds, limit, before)

    def _settled(self, service: str, data: Data, limit: Limit) -> Seen:
        """Read the service once the swarm has filled in its endpoint."""
        wait = Limit(min(_ENDPOINT_S, limit.remaining()), limit.cancelled)
        while True:
            seen = self.read(service, data)
            if seen is None:
                raise ProviderError(f"service {data['name']} vanished while it was created")
            if seen.fields["endpointSpec"]["mode"] or wait.remaining() <= 0:
                return seen
            wait.pause(_RETRY_S)

    def _auth(self, data: Data) -> dict[str, str]:
        auth = data["auth"]
        if auth and auth["username"] and auth["password"]:
            found = {
                "username": auth["username"],
                "password": auth["password"],
                "serveraddress": auth["serverAddress"],
            }
            return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(found).encode()).decode()}
        return self._daemon.registry_headers(data["taskSpec"]["containerSpec"]["image"])

    def _pin(self, task: dict[str, Any], headers: Mapping[str, str]) -> None:
        """Pin the image to its digest, as every Docker client does at a create; a registry may be out of reach."""
        image = task["ContainerSpec"]["Image"]
        if "@" in image:
            return
        try:
            found = self._daemon.call(
                "GET", f"/distribution/{image_path(image)}/json", headers=headers, timeout_s=_REGISTRY_S
            )
        except ProviderError:
            return
        task["ContainerSpec"]["Image"] = f"{image}@{found['Descriptor']['digest']}"
        platforms = [
            {"Architecture": "" if item["architecture"] == "arm" else item["architecture"], "OS": item["os"]}
            for item in found.get("Platforms") or []
        ]
        if platforms:
            task["Placement"] = {**task["Placement"], "Platforms": platforms}

    def read(self, resource_id: str, data: Data) -> Seen | None:
        """Inspect the service."""
        del data
        try:
            found = self._daemon.get(f"/services/{segment(resource_id)}")
        except DaemonError as error:
            if gone(error):
                return None
            raise
        return Seen(found["ID"], read_fields(found))

    def update(self, resource_id: str, before: Data, after: Data, limit: Limit) -> Properties:
        """Roll the service to its new specification."""
        del before
        path = f"/services/{segment(resource_id)}"
        found = self._daemon.get(path)
        self._daemon.call(
            "POST",
            f"{path}/update",
            query={"version": found["Version"]["Index"]},
            body=service_spec(after),
            headers=self._auth(after),
        )
        try:
            self._converge(resource_id, after, limit, found.get("UpdateStatus") or {})
        except ProviderError as error:
            raise HalfMadeError(resource_id, redacted(str(error), _confidential(after))) from error
        return self._settled(resource_id, after, limit).fields

    def delete(self, resource_id: str, data: Data, limit: Limit) -> None:
        """Remove the service and, where it has a grace period, wait for the containers on this node."""
        grace = (data["taskSpec"] or {}).get("containerSpec", {}).get("stopGracePeriod", "")
        seconds = nanoseconds(grace) / _NANO
        containers = self._containers(resource_id) if seconds > 0 else []
        try:
            self._daemon.delete(f"/services/{segment(resource_id)}")
        except DaemonError as error:
            if not gone(error):
                raise
        wait = Limit(seconds, limit.cancelled)
        for container in containers:
            while wait.remaining() > 0 and self._exists(container):
                wait.pause(_RETRY_S)
            try:
                self._daemon.delete(f"/containers/{segment(container)}", v=True, force=True)
            except DaemonError as error:
                if not gone(error) and not says(error, "is already in progress"):
                    raise

    def _containers(self, service: str) -> list[str]:
        try:
            tasks = self._daemon.get("/tasks", filters={"service": [service]})
        except DaemonError as error:
            if gone(error):
                return []
            raise
        found = [(task["Status"].get("ContainerStatus") or {}).get("ContainerID") for task in tasks]
        running = [task["Status"]["State"] != "shutdown" for task in tasks]
        return [container for container, runs in zip(found, running, strict=True) if container and runs]

    def _exists(self, container: str) -> bool:
        try:
            self._daemon.get(f"/containers/{segment(container)}/json")
        except DaemonError as error:
            if gone(error):
                return False
            raise
        return True

    def recover(self, inputs: Properties, *, named: bool, started: float | None) -> bool:
        """Remove the service that an interrupted create made."""
        found = self._daemon.get("/services", filters={"name": [inputs["name"]]})
        mine = [
            service
            for service in found
            if service["Spec"]["Name"] == inputs["name"]
            and (not named or made_since(service.get("CreatedAt"), started))
        ]
        for service in mine:
            self._daemon.delete(f"/services/{segment(service['ID'])}")
        return bool(mine)


def no_swarm(error: DaemonError) -> str | None:
    """Explain the error of a daemon that is no manager of a swarm; None for any other error."""
    if says(error, "is not a swarm manager", "swarm init"):
        return "this Docker daemon is not a manager of a swarm: run docker swarm init there, or point to a manager"
    return None


def _confidential(data: Data) -> list[str]:
    return list(data["taskSpec"]["containerSpec"]["env"].values())
