"""What Service, Workers and Job share: files first, then the containers that mount them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.args import Dependency, VolumeMount, WorkloadArgs
from components.files import SecretFiles, SecretFilesArgs


@dataclass(frozen=True)
class Files:
    """Volumes that a workload's containers mount, shared by its replicas."""

    mounts: Sequence[VolumeMount]
    ready: Sequence[Dependency]


def make_files(name: str, args: WorkloadArgs, *, parent: pulumi.Resource) -> Files:
    """Register a workload's secret files and configuration files, as far as it has any."""
    made = []
    if args.secret_files:
        made.append(
            SecretFiles(
                f"{name}-secrets",
                SecretFilesArgs(
                    files=args.secret_files, image=args.files_image or args.image, labels=args.labels, secret=True
                ),
                opts=pulumi.ResourceOptions(parent=parent),
            )
        )
    if args.files:
        made.append(
            SecretFiles(
                f"{name}-files",
                # The image's own files in the same folders stay visible beside ours, so they are part of the content.
                SecretFilesArgs(
                    files=args.files, image=args.image, image_folders=True, labels=args.labels, secret=False
                ),
                opts=pulumi.ResourceOptions(parent=parent),
            )
        )
    return Files(
        mounts=tuple(mount for files in made for mount in files.mounts),
        ready=tuple(resource for files in made for resource in files.ready),
    )
