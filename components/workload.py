"""What Service, Workers and Job share: files and volumes are made ready first, then the containers that mount them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pulumi

from components.args import Dependency, VolumeMount, WorkloadArgs
from components.container import make_container
from components.files import SecretFiles, SecretFilesArgs
from components.outcome import success_of
from components.probes import script

_NOTHING_ELSE: Final[Mapping[str, Any]] = {
    "env": {},
    "secret_files": {},
    "files": {},
    "networks": (),
    "needs": (),
    "binds": (),
    "publish": (),
    "container_name": None,
    "host_network": False,
    "privileged": False,
    "gpus": None,
    "sysctls": {},
    "extra_hosts": {},
    "memory_reservation_mib": None,
    "health": None,
    "working_dir": None,
    "replace_first": False,
}
"""What the container that only changes an owner does not get from its workload."""


@dataclass(frozen=True)
class Files:
    """Volumes that a workload's containers mount, shared by its replicas."""

    mounts: Sequence[VolumeMount]
    ready: Sequence[Dependency]


def make_files(name: str, args: WorkloadArgs, *, parent: pulumi.Resource) -> Files:
    """Register a workload's secret files, configuration files and ownership of volumes, as far as it has any."""
    made = []
    if args.secret_files:
        made.append(
            SecretFiles(
                f"{name}-secrets",
                SecretFilesArgs(
                    files=args.secret_files,
                    image=args.files_image or args.image,
                    labels=args.labels,
                    key=args.files_key,
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
                    files=args.files,
                    image=args.image,
                    image_folders=True,
                    labels=args.labels,
                    secret=False,
                    key=args.files_key,
                ),
                opts=pulumi.ResourceOptions(parent=parent),
            )
        )
    return Files(
        mounts=tuple(mount for files in made for mount in files.mounts),
        ready=(*(resource for files in made for resource in files.ready), *_own_volumes(name, args, parent)),
    )


def _own_volumes(name: str, args: WorkloadArgs, parent: pulumi.Resource) -> Sequence[Dependency]:
    """Register the one-shot container that gives new volumes to the workload's user.

    Docker makes a volume's folder root's unless the image has that folder; a user who is not root could write nothing.
    """
    owned = [mount for mount in args.volumes if mount.own and not mount.read_only]
    if not owned or args.user is None or args.user.partition(":")[0] == "0":
        return ()
    container = make_container(
        f"{name}-owner",
        replace(
            args,
            entrypoint=["sh", "-c"],
            command=[script("own-volumes.sh"), "own", args.user, *[mount.path for mount in owned]],
            user="0:0",
            capabilities=["CHOWN"],
            volumes=owned,
            memory_mib=64,
            **_NOTHING_ELSE,
        ),
        role="owner",
        parent=parent,
        one_shot=True,
    )
    return (success_of(container, f"giving the volumes of {name} to user {args.user}"),)
