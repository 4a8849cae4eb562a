"""``slipway scan``: what belongs to the profile ``scan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from cli import options
from cli.commands.run import start
from cli.console import Console
from cli.inside import run_in
from operate.errors import OperateError
from operate.find_containers import find_containers, one_running
from operate.jobs import find_job
from operate.shell import DEFAULT_SHELL

if TYPE_CHECKING:
    from cli.workplace import Workplace
    from settings.model import Platform

_PROFILE: Final = "scan"


class CannotScan(OperateError):  # noqa: N818 - named as what it reports
    """Nothing of the platform scans, or not what is asked for."""

    exit_code = 2


@click.command("scan", epilog="Example: slipway scan kali-nmap -- nmap -sV 192.168.1.0/24")
@click.argument("part", required=False)
@click.argument("arguments", metavar="[-- COMMAND...]", nargs=-1, type=click.UNPROCESSED)
@options.stack
@click.pass_obj
def command(work: Workplace, *, part: str | None, arguments: tuple[str, ...], stack: str) -> None:
    """Run all jobs of the profile scan, or PART of it: a job, or COMMAND (a shell) in a service.

    The profile has to be switched on and deployed first: slipway profiles on scan, slipway up.

    Exit codes: 0 nothing was found; the scanner's own, the first that is not 0; 2 there is no such scanner.
    """
    jobs, services = _scanners(work.load(stack).platform)
    if not jobs and not services:
        raise CannotScan(
            f"no part of stack {stack} that is switched on has the profile {_PROFILE}\n"
            f"  fix: slipway profiles on {_PROFILE} --stack {stack}, then slipway up --stack {stack}\n"
            f"  where there is no such part: a job with profiles: [{_PROFILE}], as blueprints/octocode.yaml has"
        )
    if part is not None and part not in {*jobs, *services}:
        raise CannotScan(f"there is no scanner '{part}'\n  allowed: {', '.join([*jobs, *services])}")
    client = work.docker_client(stack)
    found = find_containers(client, work.project, stack)
    if part in services:
        container = one_running(found, str(part), stack, None)
        raise click.exceptions.Exit(run_in(client, container.id, arguments or DEFAULT_SHELL))
    if part is None and not jobs:
        raise CannotScan(f"say which scanner, and what it is to do\n  fix: slipway scan {services[0]} -- COMMAND")
    console = Console()
    codes = []
    for name in [part] if part is not None else jobs:
        console.step(f"scan: {name}")
        codes.append(start(client, find_job(found, name, stack)))
    raise click.exceptions.Exit(next((code for code in codes if code), 0))


def _scanners(platform: Platform) -> tuple[list[str], list[str]]:
    jobs = [name for name, job in platform.jobs.items() if _PROFILE in job.profiles]
    lasting = [*platform.services.items(), *platform.workers.items()]
    return jobs, [name for name, workload in lasting if _PROFILE in workload.profiles]
