"""The passwords of a Redis that is rotated: two are valid until all clients have moved, and it keeps them itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pulumi
import pulumi_docker as docker

from components.args import NetworkAttachment, WorkloadArgs
from components.container import make_container
from components.outcome import success_of
from components.probes import script
from components.rotation import Step, make_seed, value_of
from components.workload import make_files

_SECRETS: Final = "/run/secrets"
_LENGTH: Final = 32


@dataclass(frozen=True, kw_only=True)
class CachePasswordArgs:
    """Arguments of :class:`CachePassword`."""

    step: Step
    """Where the rotation stands; its generation is at least 1."""
    first: pulumi.Input[str]
    """The password of generation 0."""
    host: str
    """Name of the server."""
    server: docker.Container
    """The server."""
    image: pulumi.Input[str]
    """An image with ``redis-cli``."""
    user: str
    """Numeric ``uid:gid``."""
    networks: Sequence[NetworkAttachment]
    """Networks of the server."""
    protect: bool = True
    """Whether deleting the seed is refused."""
    files_image: pulumi.Input[str] | None = None
    """Image of the never-started containers that carry files."""
    files_key: pulumi.Input[str] | None = None
    """Secret with which files are hashed for a label."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its container."""


class CachePassword(pulumi.ComponentResource):
    """The password of a generation, told to a running server by a container that runs once for each step."""

    password: pulumi.Output[str]
    """It (secret), promised once the server knows it."""

    def __init__(self, name: str, args: CachePasswordArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:CachePassword", name, {}, opts)
        seed = make_seed(f"{name}-seed", parent=self, protect=args.protect)
        passwords = [args.first, *(_value(seed, number) for number in range(1, args.step.generation + 1))]
        job = WorkloadArgs(
            image=args.image,
            user=args.user,
            entrypoint=["sh", "-c", script("redis-rotate.sh")],
            command=[],
            env={"HOST": args.host, "STEP": "open" if args.step.is_open else "close"},
            secret_files={
                f"{_SECRETS}/first": passwords[0],
                f"{_SECRETS}/before": passwords[-2],
                f"{_SECRETS}/next": passwords[-1],
            },
            networks=[replace(network, aliases=()) for network in args.networks],
            needs=[args.server],
            memory_mib=64,
            files_image=args.files_image,
            files_key=args.files_key,
            labels=args.labels,
        )
        files = make_files(name, job, parent=self)
        container = make_container(
            f"{name}-run",
            job,
            role="job",
            parent=self,
            extra_volumes=files.mounts,
            needs=files.ready,
            one_shot=True,
            timeout_s=60.0,
            redeploy=args.step.number,
        )
        done = success_of(container, f"rotation of {args.host}", job.secret_files.values()).apply(lambda _: True)
        self.password = pulumi.Output.secret(pulumi.Output.all(passwords[-1], done).apply(lambda known: str(known[0])))
        self.register_outputs({})


def _value(seed: pulumi.Output[str], generation: int) -> pulumi.Output[str]:
    return value_of(seed, f"password {generation}", _LENGTH)
