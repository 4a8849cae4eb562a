"""The passwords of a Redis that is rotated: two are valid until all clients have moved, and it keeps them itself."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.probes import script
from components.rotation import PASSWORD_LENGTH, RotationArgs, make_seed, told, value_of
from components.server_job import ServerJob, run_at_server


@dataclass(frozen=True, kw_only=True)
class CachePasswordArgs(RotationArgs):
    """Arguments of :class:`CachePassword`; the image has ``redis-cli``."""

    first: pulumi.Input[str]
    """The password of generation 0."""


class CachePassword(pulumi.ComponentResource):
    """The password of a generation, told to a running server by a container that runs once for each step."""

    password: pulumi.Output[str]
    """It (secret), promised once the server knows it."""

    def __init__(self, name: str, args: CachePasswordArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:CachePassword", name, {}, opts)
        seed = make_seed(f"{name}-seed", parent=self, protect=args.protect)
        later = [value_of(seed, f"password {number}", PASSWORD_LENGTH) for number in range(1, args.step.generation + 1)]
        job = ServerJob(
            text=script("redis-rotate.sh"),
            env={"HOST": args.host, "STEP": args.step.word},
            secrets={"first": args.first, "before": [args.first, *later][-2], "next": later[-1]},
            what=f"rotation of {args.host}",
            redeploy=args.step.number,
        )
        self.password = told(later[-1], run_at_server(f"{name}-run", args, job, parent=self, files=name))
        self.register_outputs({})
