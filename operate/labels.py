"""The labels by which a platform's containers and volumes are found.

The names are written here a second time, since this room stands without Pulumi; a test holds them equal to those of
``components.labels``.
"""

from __future__ import annotations

from typing import Final

PROJECT: Final = "slipway.project"
"""The Pulumi project."""
STACK: Final = "slipway.stack"
"""The Pulumi stack."""
PART: Final = "slipway.part"
"""The part of the platform, a key of the description."""
ROLE: Final = "slipway.role"
"""What a container is to its part."""
SLOT: Final = "slipway.slot"
"""Which of a service's two versions a container is of: ``canary``, ``blue``, ``green``."""
REPLICA: Final = "slipway.replica"
"""The number of a replica, from 0."""
CONTENT: Final = "slipway.content"
"""Hash of the files in a volume; a volume with it holds no data of its own."""
KIND: Final = "slipway.kind"
"""Kind of the part."""

SERVING_ROLES: Final = frozenset({"replica", "server", "reader", "pauser"})
"""Roles of containers that are meant to run all the time."""
ONE_SHOT_ROLES: Final = frozenset({"job", "verify", "reload", "owner"})
"""Roles of containers that run once to their end."""
DATA_JOB_ROLES: Final = frozenset({"job", "owner"})
"""Those of them whose work is in a data volume."""
UPGRADE_ROLE: Final = "upgrade"
"""Role of the server of a moment that fills a new volume."""
CARRIER_ROLE: Final = "carrier"
"""Role of containers that only carry files into a volume and are never started."""
DATA_KINDS: Final = frozenset({"database", "cache", "vector_store", "model_server", "volume", "backups", "monitoring"})
"""Kinds of parts whose volumes hold data."""


def filters(project: str, stack: str) -> dict[str, list[str]]:
    """Return the Docker API's filter for everything of one stack."""
    return {"label": [f"{PROJECT}={project}", f"{STACK}={stack}"]}
