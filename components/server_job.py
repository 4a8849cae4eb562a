"""A container that runs once beside a server, comes to it as somebody, and makes one thing so: a role, a password."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pulumi

from components.args import Dependency, NetworkAttachment, WorkloadArgs
from components.container import make_container
from components.outcome import success_of
from components.workload import make_files

SECRETS: Final = "/run/secrets"
_MEMORY_MIB: Final = 64
_LONGEST_S: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class ServerJobArgs:
    """Where such a container runs, and as whom."""

    server: Dependency
    """The server."""
    image: pulumi.Input[str]
    """An image with its client."""
    user: str
    """Numeric ``uid:gid``."""
    networks: Sequence[NetworkAttachment]
    """Networks of the server."""
    files_image: pulumi.Input[str] | None = None
    """Image of the never-started containers that carry files."""
    files_key: pulumi.Input[str] | None = None
    """Secret with which files are hashed for a label."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the container."""


@dataclass(frozen=True, kw_only=True)
class ServerJob:
    """What it does."""

    text: str
    """A shell script."""
    env: Mapping[str, pulumi.Input[str]]
    """Its environment."""
    secrets: Mapping[str, pulumi.Input[str]]
    """Its secrets, by the name of the file in :data:`SECRETS`."""
    what: str
    """How an error names it, such as ``rotation of main``."""
    redeploy: Any = None
    """A plain value that makes it run again when it changes."""


def run_at_server(
    name: str, args: ServerJobArgs, job: ServerJob, *, parent: pulumi.Resource, files: str | None = None
) -> pulumi.Output[pulumi.Resource]:
    """Register the container, and promise it once it has ended well.

    Args:
        name: Name of the container's resource.
        args: Where it runs.
        job: What it does.
        parent: The component that it belongs to.
        files: Beginning of the names of what carries its secrets. Default: ``name``.

    Raises:
        pulumi.RunError: When the promise is awaited during a deployment, and it ended with another exit code than 0.
    """
    workload = WorkloadArgs(
        image=args.image,
        user=args.user,
        entrypoint=["sh", "-c", job.text],
        command=[],
        env=dict(job.env),
        secret_files={f"{SECRETS}/{file}": value for file, value in job.secrets.items()},
        networks=[replace(network, aliases=()) for network in args.networks],
        needs=[args.server],
        memory_mib=_MEMORY_MIB,
        files_image=args.files_image,
        files_key=args.files_key,
        labels=args.labels,
    )
    carried = make_files(files or name, workload, parent=parent)
    container = make_container(
        name,
        workload,
        role="job",
        parent=parent,
        extra_volumes=carried.mounts,
        needs=carried.ready,
        one_shot=True,
        timeout_s=_LONGEST_S,
        redeploy=job.redeploy,
    )
    return success_of(container, job.what, workload.secret_files.values())
