"""Settings of a database or cache that have a key of their own, or are Slipway's to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settings.problems import Finding, listing, nearest
from settings.texts import references_in

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
    "aclfile": None,
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


def external_passwords_are_declared(description: Description) -> Iterator[Finding]:
    """The password of a database that somebody else runs is a declared secret."""
    known = description.declared.secrets
    for name, database in description.declared.databases.items():
        if database.external is not None and database.external.password not in known:
            yield Finding(
                ("databases", name, "external", "password"),
                f"the secret '{database.external.password}' is not declared",
                allowed=listing(known),
                nearest=nearest(database.external.password, known),
                fix=f"add under secrets: {database.external.password}: {{}}",
                about=(("secrets", database.external.password),),
            )


def externals_can_be_reached(description: Description) -> Iterator[Finding]:
    """What uses a database outside needs a network that leads outside."""
    outside = {name for name, database in description.declared.databases.items() if database.external is not None}
    ways_out = description.open_networks()
    for path, declared, resolved in description.workloads():
        used = sorted({item.name for item in references_in(declared) if item.section == "databases"} & outside)
        if used and not resolved.host_network and not ways_out.intersection(resolved.networks or ()):
            yield Finding(
                path,
                f"uses the external database '{used[0]}', but is only on internal networks, from which nothing leads "
                "out",
                allowed=listing(ways_out, "no network that is not internal is declared"),
                fix="add egress: true",
                about=(("networks",), (*path, "networks")),
            )


def externals_are_not_passed_through(description: Description) -> Iterator[Finding]:
    """The gateway passes through to stores of the platform."""
    gateway = description.declared.gateway
    for name in gateway.tcp if gateway is not None else ():
        database = description.declared.databases.get(name)
        if database is not None and database.external is not None:
            yield Finding(
                ("gateway", "tcp", name),
                f"databases.{name} is external: its clients reach it without the gateway",
                fix="remove it",
                about=(("databases", name),),
            )


CHECKS: Final = (
    settings_have_one_owner,
    external_passwords_are_declared,
    externals_can_be_reached,
    externals_are_not_passed_through,
)
