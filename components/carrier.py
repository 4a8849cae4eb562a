"""The container that is created and never started: it carries files into volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from components import labels

_MODE = "0444"


@dataclass(frozen=True)
class Binary:
    """Content of a file that is no text."""

    base64: str
    """Its bytes in Base64."""


def make_carrier(
    name: str,
    *,
    image: pulumi.Input[str],
    folders: Mapping[str, pulumi.Input[str]],
    files: Sequence[tuple[pulumi.Input[str], pulumi.Input[str] | Binary]],
    part_labels: Mapping[str, str],
    parent: pulumi.Resource,
    ignore_changes: list[str] | None = None,
) -> docker.Container:
    """Register a carrier.

    Args:
        name: Logical name.
        image: Any image; nothing of it runs.
        folders: Name of the volume by the folder where it is mounted.
        files: Path and content of each file, below those folders.
        part_labels: Labels of the part that it belongs to.
        parent: The component that owns it.
        ignore_changes: Inputs whose change alone must not carry the files again.
    """
    return docker.Container(
        name,
        docker.ContainerArgs(
            image=image,
            command=["true"],
            start=False,
            must_run=False,
            network_mode="none",
            capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
            security_opts=["no-new-privileges:true"],
            log_driver="json-file",
            log_opts={"max-size": "1m", "max-file": "1"},
            destroy_grace_seconds=1,
            labels=[
                docker.ContainerLabelArgs(label=key, value=value)
                for key, value in sorted({**part_labels, labels.ROLE: "carrier"}.items())
            ],
            volumes=[
                docker.ContainerVolumeArgs(volume_name=volume, container_path=folder)
                for folder, volume in folders.items()
            ],
            uploads=[_upload(path, content) for path, content in files],
        ),
        opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=False, ignore_changes=ignore_changes),
    )


def _upload(path: pulumi.Input[str], content: pulumi.Input[str] | Binary) -> docker.ContainerUploadArgs:
    if isinstance(content, Binary):
        return docker.ContainerUploadArgs(file=path, content_base64=content.base64, permissions=_MODE)
    return docker.ContainerUploadArgs(file=path, content=content, permissions=_MODE)
