"""The pauser: the one container of a platform that has Docker's socket, to hold what writes a volume.

Whoever has that socket is root on the host, whatever else the container lacks. So it is there only where a description
asks for it by name, it is not the container that has secrets and a network, and it answers one request. Root, without a
capability, since the socket is root's and the number of its group differs from host to host.
"""

from __future__ import annotations

from typing import Final

import pulumi
import pulumi_docker as docker

from components import labels
from components.args import BindMount, HealthCheck, VolumeMount, WorkloadArgs
from components.backup_args import BackupJobArgs
from components.backup_config import PAUSER, PAUSER_SOCKET
from components.container import make_container

_PROGRAM: Final = ("python3", "-m", "slipway_backup.pausing")
_DOCKER: Final = "/var/run/docker.sock"


def make_pauser(
    name: str, args: BackupJobArgs, place: pulumi.Input[str], *, parent: pulumi.Resource
) -> docker.Container:
    """Register it.

    Args:
        name: Its logical name.
        args: What is backed up.
        place: Name on the host of the volume in which its socket stands.
        parent: The component that owns it.
    """
    held = [volume for volume in args.volumes if volume.pause]
    return make_container(
        name,
        WorkloadArgs(
            image=args.image,
            user="0:0",
            entrypoint=list(_PROGRAM),
            command=[
                *("serve", PAUSER_SOCKET),
                *("--project", args.project, "--stack", args.stack, "--limit", f"{args.pause_limit_s:g}"),
                *(pulumi.Output.concat(volume.name, "=", volume.volume_name) for volume in held),
            ],
            volumes=[VolumeMount(volume_name=place, path=PAUSER)],
            binds=[BindMount(source=args.docker_socket, path=_DOCKER)],
            health=HealthCheck(
                test=["CMD", *_PROGRAM, "health", PAUSER_SOCKET], interval_s=15.0, timeout_s=10.0, wait_s=180.0
            ),
            memory_mib=64,
            cpus=0.5,
            tmpfs={"/tmp": 1},  # noqa: S108 - inside the container
            stop_signal="SIGTERM",
            labels=args.labels,
        ),
        role="pauser",
        parent=parent,
        # The readers have the numbers before it.
        extra_labels={labels.REPLICA: str(1 + len({volume.user for volume in args.volumes}))},
    )
