"""Names must be unique where Docker or DNS needs them to be."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from settings.parts import BACKUPS_NAME, GATEWAY_NAME, parts, stores
from settings.paths import dotted
from settings.problems import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from settings.description import Description
    from settings.paths import Path

RESERVED_LABELS: Final = "slipway."


def part_names_are_unique(description: Description) -> Iterator[Finding]:
    """Two parts of one name would answer to the same DNS name."""
    seen: dict[str, Path] = {}
    for part in parts(description.declared):
        if part.name in {GATEWAY_NAME, BACKUPS_NAME} and part.section != part.name:
            yield Finding(
                part.path, f"the name '{part.name}' is reserved for the {part.name}", fix="choose another name"
            )
        elif part.name in seen:
            yield Finding(
                part.path,
                f"the name '{part.name}' is taken by {dotted(seen[part.name])}; parts find each other by name",
                fix="rename one of them",
            )
        else:
            seen[part.name] = part.path


def aliases_are_free(description: Description) -> Iterator[Finding]:
    """An alias that is another part's name or alias on a shared network would lead to either of them by chance."""
    networks_of = {part.path: set(part.spec.networks or ()) for part in parts(description.platform)}
    owners: dict[str, list[Path]] = defaultdict(list)
    for part in parts(description.platform):
        owners[part.name].append(part.path)
    for path, workload, _ in description.workloads():
        for index, alias in enumerate(workload.aliases):
            for owner in owners[alias]:
                if owner != path and networks_of[owner] & networks_of[path]:
                    yield Finding(
                        (*path, "aliases", index),
                        f"'{alias}' already leads to {dotted(owner)} on a network that both are on",
                        fix="choose another alias",
                        about=((*owner, "networks"), (*path, "networks")),
                    )
            owners[alias].append(path)


def container_names_are_unique(description: Description) -> Iterator[Finding]:
    """Docker has one container of a name."""
    yield from _duplicates(
        (
            ((*part.path, "container_name"), part.spec.container_name)
            for part in parts(description.declared)
            if part.spec.container_name is not None
        ),
        lambda name, other: f"the container name '{name}' is taken by {dotted(other[:-1])}",
    )


def volume_names_are_unique(description: Description) -> Iterator[Finding]:
    """Two parts that write one volume would destroy each other's data."""
    platform = description.platform
    named: list[tuple[Path, str]] = [
        (("volumes", key, "name"), volume.name) for key, volume in platform.volumes.items() if volume.name is not None
    ]
    named += [
        ((section, key, "volume_name"), store.volume_name)
        for section, key, store in stores(platform)
        if store.volume_name is not None
    ]
    named += [
        (("vector_stores", key, "snapshots_volume_name"), vectors.snapshots_volume_name)
        for key, vectors in platform.vector_stores.items()
        if vectors.snapshots_volume_name is not None
    ]
    yield from _duplicates(named, lambda name, other: f"the volume '{name}' is also that of {dotted(other[:-1])}")


def network_names_are_unique(description: Description) -> Iterator[Finding]:
    """Two networks of one name are one network, or an error, depending on who creates it first."""
    yield from _duplicates(
        (
            (("networks", key, "name"), network.name)
            for key, network in description.platform.networks.items()
            if network.name is not None
        ),
        lambda name, other: f"the network name '{name}' is taken by {dotted(other[:-1])}",
    )


def labels_are_not_reserved(description: Description) -> Iterator[Finding]:
    """Slipway finds its own containers by its labels."""
    labelled = [(path, workload.labels) for path, workload, _ in description.workloads()]
    labelled += [((section, name), store.labels) for section, name, store in stores(description.declared)]
    for path, labels in labelled:
        for label in labels:
            if label.startswith(RESERVED_LABELS):
                yield Finding(
                    (*path, "labels", label),
                    f"labels that start with '{RESERVED_LABELS}' are Slipway's own",
                    fix="choose another prefix",
                )


def _duplicates(named: Iterable[tuple[Path, str]], message: Callable[[str, Path], str]) -> Iterator[Finding]:
    seen: dict[str, Path] = {}
    for path, name in named:
        if name in seen:
            yield Finding(path, message(name, seen[name]), fix="give each its own name")
        else:
            seen[name] = path


CHECKS: Final = (
    part_names_are_unique,
    aliases_are_free,
    container_names_are_unique,
    volume_names_are_unique,
    network_names_are_unique,
    labels_are_not_reserved,
)
