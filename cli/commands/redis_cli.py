"""``slipway redis-cli``: redis-cli in a cache's container, with its password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from cli import options
from cli.inside import run_in
from operate.find_containers import find_containers, one_of_kind

if TYPE_CHECKING:
    from cli.workplace import Workplace

_CLI: Final = (
    "sh",
    "-c",
    'REDISCLI_AUTH=$(cat /tmp/own-password) exec redis-cli --user slipway --no-auth-warning "$@"',
    "redis-cli",
)
"""With the password for what asks from within. It goes through the environment of that one process, and never through
this machine."""


@click.command("redis-cli", epilog="Example: slipway redis-cli -- INFO memory")
@click.argument("arguments", metavar="[-- ARGUMENTS...]", nargs=-1, type=click.UNPROCESSED)
@click.option("--cache", metavar="NAME", help="Which cache. Default: the only one.")
@options.stack
@click.pass_obj
def command(work: Workplace, *, arguments: tuple[str, ...], cache: str | None, stack: str) -> None:
    """Open redis-cli in a cache's container, or run one command there: ARGUMENTS are redis-cli's.

    Exit codes: redis-cli's own; 2 if there is no such cache or it does not run.
    """
    client = work.docker_client(stack)
    container = one_of_kind(find_containers(client, work.project, stack), "cache", cache, stack)
    raise click.exceptions.Exit(run_in(client, container.id, (*_CLI, *arguments)))
