"""Which texts of a workload may hold references, and which only look as if they did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from settings.parts import stores
from settings.references import Reference, references_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from settings.model import Platform, Workload
    from settings.paths import Path


def private_texts(workload: Workload) -> Iterator[tuple[Path, str]]:
    """Yield the texts in which any reference may stand, a secret one too: they can be given as files."""
    for name, text in workload.env.items():
        yield ("env", name), text
    for path, text in workload.files.items():
        yield ("files", path), text


def public_texts(workload: Workload) -> Iterator[tuple[Path, str]]:
    """Yield the texts in which references may stand, but no secret one: ``docker inspect`` and ``ps`` show them."""
    for field, texts in (("command", workload.command), ("entrypoint", workload.entrypoint)):
        for index, text in enumerate(texts or ()):
            yield (field, index), text


def templates(workload: Workload) -> Iterator[tuple[Path, str]]:
    """Yield every text in which references are resolved, by its path within the workload."""
    yield from private_texts(workload)
    yield from public_texts(workload)


def plain_texts(workload: Workload) -> Iterator[tuple[Path, str]]:
    """Yield the texts in which nothing is resolved, though somebody might expect it."""
    if workload.build is not None:
        for name, text in workload.build.args.items():
            yield ("build", "args", name), text
    if workload.health is not None:
        for index, text in enumerate(workload.health.command or ()):
            yield ("health", "command", index), text
    for field, texts in (("labels", workload.labels), ("sysctls", workload.sysctls)):
        for name, text in texts.items():
            yield (field, name), text
    for index, bind in enumerate(workload.binds):
        yield ("binds", index, "source"), bind.source
    if workload.image is not None:
        yield ("image",), workload.image


def plain_texts_of_stores(platform: Platform) -> Iterator[tuple[Path, str]]:
    """Yield the same for stores and volumes."""
    fields: list[tuple[Path, Mapping[str, str]]] = []
    for name, database in platform.databases.items():
        fields += [(("databases", name, "settings"), database.settings), (("databases", name, "init"), database.init)]
    for name, cache in platform.caches.items():
        fields.append((("caches", name, "settings"), cache.settings))
    for name, vectors in platform.vector_stores.items():
        fields.append((("vector_stores", name, "settings"), vectors.settings))
    for name, server in platform.model_servers.items():
        fields.append((("model_servers", name, "settings"), server.settings))
    for section, name, store in stores(platform):
        fields.append(((section, name, "labels"), store.labels))
    for name, volume in platform.volumes.items():
        fields.append((("volumes", name, "driver_opts"), volume.driver_opts))
    for path, texts in fields:
        for key, text in texts.items():
            yield (*path, key), text


def references_in(workload: Workload) -> tuple[Reference, ...]:
    """Return the references of a workload, each once, in the order of their first appearance."""
    return references_of(text for _, text in templates(workload))


def is_secret_text(text: str) -> bool:
    """Whether a text holds a reference to something secret."""
    return any(reference.is_secret for reference in references_of([text]))
