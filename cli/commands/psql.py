"""``slipway psql``: psql in a database's container, logged in as its owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from cli import options
from cli.inside import run_in
from operate.find_containers import find_containers, one_of_kind

if TYPE_CHECKING:
    from cli.workplace import Workplace

_PSQL: Final = ("sh", "-c", 'exec psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" "$@"', "psql")
"""The container knows both names; on its own socket no password is asked for."""


@click.command("psql", epilog="Example: slipway psql -- -c 'select count(*) from jobs'")
@click.argument("arguments", metavar="[-- ARGUMENTS...]", nargs=-1, type=click.UNPROCESSED)
@click.option("--database", metavar="NAME", help="Which database. Default: the only one.")
@options.stack
@click.pass_obj
def command(work: Workplace, *, arguments: tuple[str, ...], database: str | None, stack: str) -> None:
    """Open psql in a database's container as the role that owns it; ARGUMENTS are psql's.

    What comes on standard input is given to it: slipway psql < backup.sql

    Exit codes: psql's own; 2 if there is no such database or it does not run.
    """
    client = work.docker_client(stack)
    container = one_of_kind(find_containers(client, work.project, stack), "database", database, stack)
    raise click.exceptions.Exit(run_in(client, container.id, (*_PSQL, *arguments)))
