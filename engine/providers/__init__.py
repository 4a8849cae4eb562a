"""The providers of the embedded engine: Docker and random values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.providers.docker import DockerProvider
from engine.providers.random import RandomProvider

if TYPE_CHECKING:
    from engine.provider import Provider

__all__ = ["DockerProvider", "RandomProvider", "default_providers"]


def default_providers() -> dict[str, Provider]:
    """Return one fresh provider for each package that the engine knows."""
    return {"docker": DockerProvider(), "random": RandomProvider()}
