"""Resources of Docker, as the Pulumi Docker provider manages them."""

from engine.providers.docker.provider import DockerProvider

__all__ = ["DockerProvider"]
