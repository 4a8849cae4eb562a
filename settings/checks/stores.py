"""Settings of a database or cache that have a key of their own, or are Slipway's to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settings.problems import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from settings.description import Description
    from settings.paths import Path

_POSTGRES: Final[Mapping[str, str | None]] = {
    "listen_addresses": None,
    "port": None,
    "data_directory": None,
    "config_file": None,
    "hba_file": None,
    "ident_file": None,
    "unix_socket_directories": None,
}
_REDIS: Final[Mapping[str, str | None]] = {
    "maxmemory": "max_memory",
    "maxmemory-policy": "eviction",
    "appendonly": "persistence",
    "requirepass": None,
    "masterauth": None,
    "port": None,
    "bind": None,
    "dir": None,
    "daemonize": None,
    "protected-mode": None,
    "save": None,
}

_QDRANT: Final[Mapping[str, str | None]] = {
    "service.api_key": None,
    "service.host": None,
    "service.http_port": None,
    "service.grpc_port": None,
    "service.enable_tls": None,
    "storage.storage_path": None,
    "storage.snapshots_path": None,
}
_OLLAMA: Final[Mapping[str, str | None]] = {
    "OLLAMA_NUM_PARALLEL": "parallel",
    "OLLAMA_MAX_LOADED_MODELS": "max_loaded",
    "OLLAMA_MAX_QUEUE": "max_queue",
    "OLLAMA_KEEP_ALIVE": "keep_alive",
    "OLLAMA_CONTEXT_LENGTH": "context",
    "OLLAMA_HOST": None,
    "OLLAMA_MODELS": None,
    "OLLAMA_NOPRUNE": None,
}


def settings_have_one_owner(description: Description) -> Iterator[Finding]:
    """Of two places that say the same, one would be silently ignored."""
    for name, database in description.declared.databases.items():
        yield from _owned(("databases", name), database.settings, _POSTGRES)
    for name, cache in description.declared.caches.items():
        yield from _owned(("caches", name), cache.settings, _REDIS)
    for name, vectors in description.declared.vector_stores.items():
        yield from _owned(("vector_stores", name), vectors.settings, _QDRANT)
    for name, server in description.declared.model_servers.items():
        yield from _owned(("model_servers", name), server.settings, _OLLAMA)


def _owned(path: Path, settings: Mapping[str, str], owners: Mapping[str, str | None]) -> Iterator[Finding]:
    for setting in settings:
        if setting not in owners:
            continue
        owner = owners[setting]
        yield Finding(
            (*path, "settings", setting),
            f"{setting} is set by {owner}" if owner else f"{setting} is Slipway's to decide",
            fix=f"write {owner}: … on {path[-1]} itself" if owner else "remove it",
        )


CHECKS: Final = (settings_have_one_owner,)
