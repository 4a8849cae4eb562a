"""Vector stores: where embeddings are kept and searched."""
# ruff: noqa: RUF012, TC001 - pydantic copies mutable defaults, and needs the names of annotations when it runs

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from settings.model.stores import Store
from settings.model.text import PlainText


class VectorStoreEngine(StrEnum):
    """Which server a vector store is."""

    QDRANT = "qdrant"


class VectorStore(Store):
    """A vector database with a generated API key; HTTP on port 6333, gRPC on 6334."""

    engine: VectorStoreEngine = VectorStoreEngine.QDRANT
    """Which server it is."""
    snapshots_volume_name: str | None = None
    """A fixed name on the host of the volume with its snapshots. Default: ``<project>-<stack>-<key>-snapshots``."""
    settings: dict[Annotated[str, Field(pattern=r"^[a-z_.]+$")], PlainText] = {}
    """Further settings of Qdrant by their dotted name, such as ``storage.performance.max_search_threads: 4``."""
