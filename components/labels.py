"""Labels: how the rest of Slipway finds a platform's containers, and how an edit is noticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

PREFIX: Final = "slipway."
PROJECT: Final = "slipway.project"
"""The Pulumi project."""
STACK: Final = "slipway.stack"
"""The Pulumi stack."""
PART: Final = "slipway.part"
"""The part of the platform, a key of the description: ``api``, ``main``, ``gateway``."""
ROLE: Final = "slipway.role"
"""What a container is to its part: ``replica``, ``server``, ``job``, ``carrier``, ``verify``, ``reload``,
``reader``, ``pauser``."""
SLOT: Final = "slipway.slot"
"""Which of a service's two versions a container is of: ``canary``, ``blue``, ``green``. Nothing where there is one."""
TRAFFIC: Final = "slipway.traffic"
"""With a dot and a service's name, on a reload: who of its versions gets the requests."""
REPLICA: Final = "slipway.replica"
"""The number of a replica, from 0."""
SPEC: Final = "slipway.spec"
"""Hash of everything a container was made from, as far as it is plain text."""
CONTENT: Final = "slipway.content"
"""Hash of the files in a volume."""
METRICS: Final = "slipway.metrics"
"""Where a workload's metrics are read: ``:8000/metrics`` on its own address."""
KIND: Final = "slipway.kind"
"""Kind of the part: ``service``, ``workers``, ``job``, ``database``, ``cache``, ``vector_store``, ``model_server``,
``models``, ``gateway``."""

_DIGITS: Final = 16


def spec_hash(spec: Mapping[str, Any]) -> str:
    """Return a short, stable hash of plain values; what is not JSON (a promised value) counts as its presence."""
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"), default=lambda _: "<output>")
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
