"""What ``destroy`` and ``data`` share: finding a stack's data, and removing them for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operate.errors import OperateError
from operate.platform_view import protected_parts
from operate.volumes import data_volumes, remove_volumes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import docker

    from cli.console import Console
    from cli.workplace import Workplace
    from operate.stack_view import StackView
    from operate.volumes import DataVolume


class DataRefused(OperateError):  # noqa: N818 - named as what it reports
    """Data are not removed like this."""


def data_of(work: Workplace, stack: str, client: docker.DockerClient, view: StackView | None) -> list[DataVolume]:
    """Return a stack's data volumes, deployed or left over."""
    loaded = work.load_if_possible(stack)
    return data_volumes(
        client,
        work.project,
        stack,
        view,
        protected_parts(loaded.platform) if loaded else None,
        otherwise=loaded.platform.protect_data if loaded else True,
    )


def remove_data(
    console: Console, client: docker.DockerClient, volumes: Sequence[DataVolume], stack: str, *, yes: bool
) -> None:
    """Ask, then remove volumes for good.

    Raises:
        NotConfirmed: The user does not agree.
        VolumeInUse: A container still uses one; those before it are gone.
    """
    console.say("data volumes to delete for good: " + ", ".join(volume.name for volume in volumes))
    console.confirm(f"Delete the data of {stack}? They can't be brought back.", yes=yes)
    for name in remove_volumes(client, volumes):
        console.step(f"  - volume {name} deleted")
