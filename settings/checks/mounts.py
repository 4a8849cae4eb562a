"""Volumes, bind mounts, memory folders, files and secrets: declared, absolute, and each in its own place."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from settings.model import Persistence
from settings.paths import dotted
from settings.problems import Finding, listing, nearest
from settings.resolve import is_of_the_project
from settings.texts import is_secret_text
from settings.tree import find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description
    from settings.model import Workload
    from settings.paths import Path

SECRETS_FOLDER: Final = "/run/secrets"
"""Where secrets stand in a container, unless they say otherwise."""


def volumes_are_declared(description: Description) -> Iterator[Finding]:
    """Each volume that is mounted is declared, so that its protection and name are stated once."""
    known = description.declared.volumes
    for path, workload, _ in description.workloads():
        for index, mount in enumerate(workload.volumes):
            if mount.volume in known:
                continue
            relative = "/" in mount.volume or mount.volume.startswith(".")
            yield Finding(
                (*path, "volumes", index),
                f"there is no volume '{mount.volume}'",
                allowed=listing(known),
                nearest=nearest(mount.volume, known),
                fix="use binds for a folder of the host" if relative else f"add under volumes: {mount.volume}: {{}}",
                about=(("volumes", mount.volume),),
            )


def bind_sources_are_absolute(description: Description) -> Iterator[Finding]:
    """A relative source would mean another folder on a remote Docker host; the project's own is this machine's."""
    for path, workload, _ in description.workloads():
        for index, bind in enumerate(workload.binds):
            relative = is_of_the_project(bind.source)
            if relative and (host := _docker_host(description)):
                yield Finding(
                    (*path, "binds", index, "source"),
                    f"'{bind.source}' is a folder of this machine, and the stack's Docker is {host}",
                    fix="leave it to stacks of this machine's Docker (environments: dev), or build an image",
                )
            elif not relative and not bind.source.startswith("/"):
                yield Finding(
                    (*path, "binds", index, "source"),
                    f"'{bind.source}' is not absolute",
                    allowed="an absolute path on the Docker host, such as /srv/app/data; ./… in the project",
                    fix="for a file of the project use files; for data use volumes",
                )
            elif ":" in bind.source:
                yield Finding(
                    (*path, "binds", index, "source"),
                    "a colon can't stand in a bind mount's source",
                    fix="rename the folder",
                )


def _docker_host(description: Description) -> str | None:
    config = description.stack_config
    node = None if config is None else find(config, ("config", "docker:host"))
    return str(node.value) if node is not None and isinstance(node.value, str) else None


def places_are_used_once(description: Description) -> Iterator[Finding]:
    """Of two things mounted at one path, one is hidden."""
    for path, workload, _ in description.workloads():
        seen: dict[str, Path] = {}
        for place, target in _targets(workload):
            where = posixpath.normpath(target)
            if where in seen:
                yield Finding(
                    (*path, *place),
                    f"{where} is already taken by {dotted((*path, *seen[where]))}",
                    fix="choose another path for one of them",
                    about=((*path, "secret_env"), (*path, seen[where][0])),
                )
            seen.setdefault(where, place)


def volume_names_are_used(description: Description) -> Iterator[Finding]:
    """A cache that keeps nothing has no volume that could have a name."""
    for name, cache in description.declared.caches.items():
        if cache.persistence is Persistence.NONE:
            for field in ("volume_name", "protect"):
                if getattr(cache, field):
                    yield Finding(
                        ("caches", name, field),
                        "has no effect: with persistence: none the cache keeps no data",
                        fix=f"remove {field}, or set persistence: aof",
                    )


def _targets(workload: Workload) -> Iterator[tuple[Path, str]]:
    for index, mount in enumerate(workload.volumes):
        yield ("volumes", index), mount.path
    for index, bind in enumerate(workload.binds):
        yield ("binds", index), bind.path
    for folder in workload.tmpfs:
        yield ("tmpfs", folder), folder
    for file in workload.files:
        yield ("files", file), file
    for name, text in workload.env.items():
        if is_secret_text(text) and name not in workload.secret_env:
            yield ("env", name), f"{SECRETS_FOLDER}/{name}"
    for index, use in enumerate(workload.secrets):
        if use.env is None or use.file is not None:
            yield ("secrets", index), use.file or f"{SECRETS_FOLDER}/{use.name}"


CHECKS: Final = (volumes_are_declared, bind_sources_are_absolute, places_are_used_once, volume_names_are_used)
