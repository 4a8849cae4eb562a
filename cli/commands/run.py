"""``slipway run``: a job, now."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from cli import options
from operate.find_containers import find_containers
from operate.jobs import find_job, run_again

if TYPE_CHECKING:
    import docker

    from cli.workplace import Workplace
    from operate.find_containers import Found


@click.command("run", epilog="Example: slipway run seed")
@click.argument("job")
@options.stack
@click.pass_obj
def command(work: Workplace, *, job: str, stack: str) -> None:
    """Run JOB to its end, with what the last deployment gave it; its output is this command's.

    Jobs with `phase: manual` run only so; others run at deployments too.

    Exit codes: the job's own; 2 if there is no such job or it is running already.
    """
    client = work.docker_client(stack)
    raise click.exceptions.Exit(start(client, find_job(find_containers(client, work.project, stack), job, stack)))


def start(client: docker.DockerClient, job: Found) -> int:
    """Run a job with this process's output as its own."""
    sys.stdout.flush()
    return run_again(client, job, _write_all)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
