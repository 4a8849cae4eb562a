"""A stack's data volumes: they outlive the platform, and go only when somebody says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operate import labels
from operate.errors import OperateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import docker

    from operate.stack_view import StackView


@dataclass(frozen=True)
class DataVolume:
    """A volume with data."""

    name: str
    """Its name on the host."""
    part: str
    """The part whose data it holds; empty if it has no label."""
    protected: bool
    """Whether the description protects it."""
    kind: str = ""
    """One of :data:`operate.labels.DATA_KINDS`; empty if it has no label."""
    created: str = ""
    """When it was made, in ISO 8601, as Docker says."""


@dataclass(frozen=True)
class KeptData:
    """A data volume with what Docker knows of its use."""

    volume: DataVolume
    """The volume."""
    size: int | None
    """Bytes on disk; ``None`` if Docker did not count them."""
    users: tuple[str, ...]
    """Names of the containers that mount it, running or not."""


class VolumeInUse(OperateError):  # noqa: N818 - named as what it reports
    """A volume could not be removed."""


def data_volumes(
    client: docker.DockerClient,
    project: str,
    stack: str,
    view: StackView | None,
    protected: Mapping[str, bool] | None,
    *,
    otherwise: bool = True,
) -> list[DataVolume]:
    """Return the stack's data volumes that are on the host: by their labels, and those that its state retains.

    Args:
        client: Docker.
        project: The project.
        stack: The stack.
        view: The state, which also knows volumes that were there before and so have no labels.
        protected: Per part, whether its data are protected; ``None`` if the description can't be read.
        otherwise: Whether the data of a part that the description does not have (any more) are protected.
    """
    listed = {item["Name"]: item for item in client.api.volumes()["Volumes"] or ()}
    present = {name: item.get("Labels") or {} for name, item in listed.items()}
    wanted = {labels.PROJECT: project, labels.STACK: stack}
    found = {
        name: own.get(labels.PART, "")
        for name, own in present.items()
        if wanted.items() <= own.items() and labels.CONTENT not in own and own.get(labels.KIND) in labels.DATA_KINDS
    }
    for volume in view.volumes if view else ():
        if volume.retained and volume.name in present:
            found.setdefault(volume.name, present[volume.name].get(labels.PART, ""))
    return [
        DataVolume(
            name,
            part,
            True if protected is None else protected.get(part, otherwise),
            (listed[name].get("Labels") or {}).get(labels.KIND, ""),
            listed[name].get("CreatedAt") or "",
        )
        for name, part in sorted(found.items())
    ]


def lost_volumes(client: docker.DockerClient, view: StackView) -> list[str]:
    """Return the names of data volumes that the state has and the host no longer.

    Args:
        client: Docker.
        view: The state.
    """
    wanted = {volume.name for volume in view.volumes if volume.retained}
    return sorted(wanted - {item["Name"] for item in client.api.volumes()["Volumes"] or ()}) if wanted else []


def kept_data(client: docker.DockerClient, volumes: Iterable[DataVolume]) -> list[KeptData]:
    """Return data volumes with their size and their users; Docker walks through their files to count."""
    sizes = {
        item["Name"]: size
        for item in client.api.df().get("Volumes") or ()
        if (size := (item.get("UsageData") or {}).get("Size", -1)) >= 0
    }
    users: dict[str, list[str]] = {}
    for container in client.api.containers(all=True):
        for mount in container.get("Mounts") or ():
            if mount.get("Name"):
                users.setdefault(mount["Name"], []).append(container["Names"][0].removeprefix("/"))
    return [KeptData(volume, sizes.get(volume.name), tuple(sorted(users.get(volume.name, ())))) for volume in volumes]


def remove_volumes(client: docker.DockerClient, volumes: Iterable[DataVolume]) -> list[str]:
    """Remove volumes for good and return their names; one that is gone already counts as removed.

    Raises:
        VolumeInUse: A container still uses one; those before it are gone.
    """
    import docker.errors  # noqa: PLC0415 - slow to load

    removed = []
    for volume in volumes:
        try:
            client.api.remove_volume(volume.name)
        except docker.errors.NotFound:
            pass
        except docker.errors.APIError as error:
            raise VolumeInUse(f"volume {volume.name} can't be removed: {error.explanation or error}") from error
        removed.append(volume.name)
    return removed
