"""``slipway shell``: a shell or a command in a container."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from cli import options
from operate.find_containers import find_containers, one_running
from operate.shell import DEFAULT_SHELL, run_inside

if TYPE_CHECKING:
    from cli.workplace import Workplace


@click.command("shell", epilog="Example: slipway shell main -- psql -U main -c 'select 1'")
@click.argument("part")
@click.argument("arguments", metavar="[-- COMMAND...]", nargs=-1, type=click.UNPROCESSED)
@options.stack
@click.option("--replica", type=click.IntRange(min=0), help="Which replica. Default: the first that runs.")
@click.pass_obj
def command(work: Workplace, *, part: str, arguments: tuple[str, ...], stack: str, replica: int | None) -> None:
    """Open a shell in a container of PART, or run COMMAND there with this command's input and output.

    Exit codes: the command's own; 2 if there is no such part or it does not run.
    """
    client = work.docker_client(stack)
    container = one_running(find_containers(client, work.project, stack), part, stack, replica)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    sys.stdout.flush()
    code = run_inside(client, container.id, arguments or DEFAULT_SHELL, terminal=terminal)
    raise click.exceptions.Exit(code)
