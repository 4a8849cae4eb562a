"""Random values, as the Pulumi Random provider generates them."""

from engine.providers.random.provider import RandomProvider

__all__ = ["RandomProvider"]
