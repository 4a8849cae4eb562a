"""``slipway refresh``: bring the state up to what really runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options
from cli.console import Console
from cli.operation import operate, tell_failures

if TYPE_CHECKING:
    from cli.workplace import Workplace


@click.command("refresh", epilog="Example: slipway refresh --stack prod --yes")
@options.stack
@options.engine
@options.yes
@options.json_output
@click.pass_obj
def command(work: Workplace, *, stack: str, engine: str, yes: bool, as_json: bool) -> None:
    """Bring the state up to what really runs; containers are left as they are.

    `up` does so by itself when it finds a container gone; this is for changes made by hand.

    Exit codes: 0 done, 1 failed, 2 nobody to answer and no --yes, 8 cancelled.
    """
    console = Console(json_mode=as_json)
    chosen = work.open_engine(stack, engine, console)
    console.confirm(f"Change the state of {stack} to what really runs?", yes=yes)
    run, outcome = operate(console, chosen, chosen.refresh)
    if run.exit_code:
        tell_failures(run, outcome)
        raise click.exceptions.Exit(run.exit_code)
    console.good(f"done: {outcome.summary}" if outcome.changed else "the state was right already")
