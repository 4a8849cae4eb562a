"""The ``docker`` package of the embedded engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.providers.bridged import BridgedProvider
from engine.providers.docker.container import ContainerHandler
from engine.providers.docker.daemon import Daemon
from engine.providers.docker.network import NetworkHandler
from engine.providers.docker.remote_image import RemoteImageHandler
from engine.providers.docker.volume import VolumeHandler

if TYPE_CHECKING:
    from collections.abc import Mapping


class DockerProvider(BridgedProvider):
    """Docker's networks, volumes, images and containers, through the daemon's API."""

    def __init__(self, daemon: Daemon | None = None) -> None:
        self._daemon = daemon or Daemon()
        handlers = (
            NetworkHandler(self._daemon),
            VolumeHandler(self._daemon),
            RemoteImageHandler(self._daemon),
            ContainerHandler(self._daemon),
        )
        super().__init__("docker", handlers, {})

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take ``host``, ``certPath`` and ``registryAuth``; nothing is opened yet."""
        self._daemon.configure(config)
