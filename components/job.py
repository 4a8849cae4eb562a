"""A container that runs once to its end; what needs it starts only after its success.

Docker's provider calls a container created whatever its exit code was. The code is therefore checked here, and a
failure fails the deployment with the job's last output, in which its own secrets are blacked out.

A job runs again when its specification or files change. One that failed and was not changed is run again by
``slipway up`` (which asks the engine to replace it); with plain Pulumi by the ``--replace`` that the message names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import pulumi
import pulumi_docker as docker

from components.args import WorkloadArgs
from components.container import make_container
from components.workload import make_files

_TAIL: Final = 30


@dataclass(frozen=True, kw_only=True)
class JobArgs(WorkloadArgs):
    """Arguments of :class:`Job`."""

    timeout_s: float = 600.0
    """The longest that it may take, in seconds."""


class Job(pulumi.ComponentResource):
    """A one-shot container, such as a database migration."""

    succeeded: pulumi.Output[pulumi.Resource]
    """Depend on this to start only after the job ended with exit code 0."""
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
            timeout_s=args.timeout_s,
        )
        # What is promised rather than written may be secret; plain text can't be.
        promised = [value for value in args.env.values() if not isinstance(value, str)]
        self.succeeded = success_of(self.container, f"job {name}", [*args.secret_files.values(), *promised])
        self.register_outputs({"exit_code": self.succeeded.apply(lambda _: 0)})


def success_of(
    container: docker.Container, what: str, secrets: Iterable[pulumi.Input[str]] = ()
) -> pulumi.Output[pulumi.Resource]:
    """Promise a one-shot container once it has ended with exit code 0.

    Args:
        container: A container made with ``one_shot=True``.
        what: How the error names it, such as ``job migrate``.
        secrets: Values to black out in its output.

    Raises:
        pulumi.RunError: When the promise is awaited during a deployment and the exit code was another.
    """

    def judge(known: Mapping[str, Any]) -> pulumi.Resource:
        code = known["exit_code"]
        if code:
            text = failure_text(what, int(code), known["logs"] or "", known["secrets"], known["urn"])
            if not pulumi.runtime.is_dry_run():
                raise pulumi.RunError(text)
            pulumi.log.warn(f"in the last deployment, {text}", container)
        return container

    return pulumi.Output.unsecret(
        pulumi.Output.all(
            exit_code=container.exit_code,
            logs=container.container_logs,
            secrets=pulumi.Output.all(*secrets),
            urn=container.urn,
        ).apply(judge)
    )


def failure_text(what: str, code: int, logs: str, secrets: Sequence[str], urn: str) -> str:
    """Say that a one-shot container failed, with the end of its output and how to run it again."""
    for secret in sorted({form for value in secrets for form in _forms(value) if form}, key=len, reverse=True):
        logs = logs.replace(secret, "[secret]")
    lines = logs.rstrip().splitlines()
    tail = "\n".join(f"  {line}" for line in lines[-_TAIL:]) or "  (it printed nothing)"
    return (
        f"{what} failed with exit code {code}. The end of its output:\n{tail}\n"
        f"Mend it and deploy again; to run it again unchanged: slipway up, or pulumi up --replace '{urn}'"
    )


def _forms(secret: str) -> Iterator[str]:
    """Yield what a program may print of a secret: all of it, a line of it, the password of a URL."""
    for line in (secret, *secret.splitlines()):
        yield line
        # Not urlsplit: it refuses some texts, and what a database calls a URL need not be one.
        if match := re.match(r"[a-z][a-z0-9+.-]*://[^:@/\s]*:([^@/\s]+)@", line):
            yield match[1]
            yield unquote(match[1])
