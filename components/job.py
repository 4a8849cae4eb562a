"""A container that runs once to its end; what needs it starts only after its success.

Docker's provider calls a container created whatever its exit code was. The code is therefore checked here, and a
failure fails the deployment with the job's last output, in which its own secrets are blacked out.

A job runs again when its specification or files change. One that failed and was not changed is run again by
``slipway up`` (which asks the engine to replace it); with plain Pulumi by the ``--replace`` that the message names.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from components.args import WorkloadArgs
from components.container import make_container
from components.outcome import success_of
from components.workload import make_files


@dataclass(frozen=True, kw_only=True)
class JobArgs(WorkloadArgs):
    """Arguments of :class:`Job`."""

    timeout_s: float = 600.0
    """The longest that it may take, in seconds."""
    manual: bool = False
    """Whether its container is only made ready, for ``slipway run`` to start."""


class Job(pulumi.ComponentResource):
    """A one-shot container, such as a database migration."""

    succeeded: pulumi.Output[pulumi.Resource]
    """Depend on this to start only after the job ended with exit code 0; of a manual one, that it is ready."""
    container: docker.Container
    """Its container; depending on it alone does not wait for success."""

    def __init__(self, name: str, args: JobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:Job", name, {}, opts)
        files = make_files(name, args, parent=self)
        self.container = make_container(
            f"{name}-run",
            args,
            role="job",
            parent=self,
            extra_volumes=files.mounts,
            needs=files.ready,
            one_shot=True,
            start=not args.manual,
            timeout_s=args.timeout_s,
        )
        if args.manual:
            self.succeeded = pulumi.Output.from_input(self.container)
            self.register_outputs({})
            return
        # What is promised rather than written may be secret; plain text can't be.
        promised = [value for value in args.env.values() if not isinstance(value, str)]
        self.succeeded = success_of(self.container, f"job {name}", [*args.secret_files.values(), *promised])
        self.register_outputs({"exit_code": self.succeeded.apply(lambda _: 0)})
