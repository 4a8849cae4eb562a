"""The ``docker`` package of the embedded engine."""

# ruff: noqa: PLR0917 - the contract's signatures

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.providers.bridged import BridgedProvider
from engine.providers.docker import image
from engine.providers.docker.container import ContainerHandler
from engine.providers.docker.daemon import Daemon
from engine.providers.docker.functions import functions
from engine.providers.docker.network import NetworkHandler
from engine.providers.docker.remote_image import RemoteImageHandler
from engine.providers.docker.secret import ConfigHandler, SecretHandler
from engine.providers.docker.service import ServiceHandler
from engine.providers.docker.volume import VolumeHandler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.provider import CheckResult, CreateResult, DiffResult, Properties, ReadResult


class DockerProvider(BridgedProvider):
    """Docker's networks, volumes, images, containers and swarm services, through the daemon's API."""

    def __init__(self, daemon: Daemon | None = None) -> None:
        self._daemon = daemon or Daemon()
        handlers = (
            NetworkHandler(self._daemon),
            VolumeHandler(self._daemon),
            RemoteImageHandler(self._daemon),
            ContainerHandler(self._daemon),
            SecretHandler(self._daemon),
            ConfigHandler(self._daemon),
            ServiceHandler(self._daemon),
        )
        super().__init__("docker", handlers, functions(self._daemon))

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take ``host``, ``certPath`` and ``registryAuth``; nothing is opened yet."""
        self._daemon.configure(config)

    def types(self) -> frozenset[str]:
        """The bridged types and Image."""
        return super().types() | {image.IMAGE_TYPE}

    def check(self, type_: str, name: str, old_inputs: Properties | None, new_inputs: Properties) -> CheckResult:
        """Fill in defaults and the autoname, and refuse what the schema does not allow."""
        if type_ == image.IMAGE_TYPE:
            return image.check_image(new_inputs)
        return super().check(type_, name, old_inputs, new_inputs)

    def diff(
        self,
        type_: str,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: Sequence[str] = (),
    ) -> DiffResult:
        """Judge the change from the stored state to the new inputs."""
        if type_ == image.IMAGE_TYPE:
            return image.diff_image(old_outputs, new_inputs)
        return super().diff(type_, resource_id, old_inputs, old_outputs, new_inputs, ignore_changes)

    def create(
        self, type_: str, name: str, inputs: Properties, *, preview: bool, timeout: float | None = None
    ) -> CreateResult:
        """Make the resource, or predict its outputs."""
        if type_ == image.IMAGE_TYPE:
            return image.make_image(self._daemon, inputs, self._limit(timeout), preview=preview)
        return super().create(type_, name, inputs, preview=preview, timeout=timeout)

    def update(
        self,
        type_: str,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        *,
        preview: bool,
        timeout: float | None = None,
    ) -> Properties:
        """Apply a change in place and return the complete new outputs."""
        if type_ == image.IMAGE_TYPE:
            return image.make_image(self._daemon, new_inputs, self._limit(timeout), preview=preview).outputs
        return super().update(type_, resource_id, old_inputs, old_outputs, new_inputs, preview=preview, timeout=timeout)

    def read(self, type_: str, resource_id: str, inputs: Properties, outputs: Properties) -> ReadResult:
        """Look at the world."""
        if type_ == image.IMAGE_TYPE:
            return image.read_image(resource_id, inputs, outputs)
        return super().read(type_, resource_id, inputs, outputs)

    def delete(
        self,
        type_: str,
        resource_id: str,
        inputs: Properties,
        outputs: Properties,
        timeout: float | None = None,
    ) -> None:
        """Remove the resource; a built image stays, as with the real provider."""
        if type_ != image.IMAGE_TYPE:
            super().delete(type_, resource_id, inputs, outputs, timeout)

    def recover(self, type_: str, name: str, inputs: Properties, *, started: float | None = None) -> bool:
        """Remove what an interrupted create left behind; a half-built image leaves nothing under its name."""
        if type_ == image.IMAGE_TYPE:
            return False
        return super().recover(type_, name, inputs, started=started)

    def secret_inputs(self, type_: str) -> frozenset[str]:
        """Top-level inputs that the schema declares secret."""
        return frozenset() if type_ == image.IMAGE_TYPE else super().secret_inputs(type_)

    def secret_outputs(self, type_: str) -> frozenset[str]:
        """Top-level outputs that the schema declares secret."""
        return frozenset({image.STORED_INPUTS}) if type_ == image.IMAGE_TYPE else super().secret_outputs(type_)
