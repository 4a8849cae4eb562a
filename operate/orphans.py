"""What a deployment that was killed made without recording it: labelled as the stack's, and unknown to its state.

Only what can be made again counts: a data volume is never an orphan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from operate import labels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import docker


@dataclass(frozen=True)
class Orphan:
    """Something that nobody recorded."""

    kind: str
    """``container``, ``network`` or ``volume``."""
    id: str
    """What Docker calls it."""
    name: str
    """Its name, for the user."""


def find_orphans(client: docker.DockerClient, project: str, stack: str, deployment: Mapping[str, Any]) -> list[Orphan]:
    """Return what is labelled as the stack's and not in its state, in the order in which it can be removed.

    Args:
        client: Docker.
        project: The project.
        stack: The stack.
        deployment: The state, as under ``deployment`` in ``pulumi stack export``. Nobody may be deploying meanwhile:
            what a deployment makes is there before it is recorded.
    """
    known = {str(entry["id"]) for entry in deployment.get("resources") or () if entry.get("id")}
    wanted = labels.filters(project, stack)
    found = [
        Orphan("container", item["Id"], item["Names"][0].removeprefix("/"))
        for item in client.api.containers(all=True, filters=wanted)
    ]
    found += [Orphan("network", item["Id"], item["Name"]) for item in client.api.networks(filters=wanted)]
    found += [
        Orphan("volume", item["Name"], item["Name"])
        for item in client.api.volumes(filters=wanted)["Volumes"] or ()
        if not _holds_data(item.get("Labels") or {})
    ]
    return [orphan for orphan in found if orphan.id not in known]


def remove_orphans(client: docker.DockerClient, orphans: list[Orphan]) -> None:
    """Remove them; one that is gone already counts as removed."""
    import docker.errors  # noqa: PLC0415 - slow to load

    remove: dict[str, Callable[[str], object]] = {
        "container": lambda name: client.api.remove_container(name, force=True),
        "network": client.api.remove_network,
        "volume": client.api.remove_volume,
    }
    for orphan in orphans:
        try:
            remove[orphan.kind](orphan.id)
        except docker.errors.NotFound:
            continue


def _holds_data(own: Mapping[str, str]) -> bool:
    return labels.CONTENT not in own and own.get(labels.KIND) in labels.DATA_KINDS
