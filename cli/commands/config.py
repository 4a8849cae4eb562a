"""``slipway config``: the merged description with origins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cli import options

if TYPE_CHECKING:
    from cli.workplace import Workplace


@click.command("config", epilog="Example: slipway config --stack prod --written")
@options.stack
@click.option("--written", is_flag=True, help="Only what somebody wrote, no defaults.")
@options.json_output
@click.pass_obj
def command(work: Workplace, *, stack: str, written: bool, as_json: bool) -> None:
    """Show the merged description of a stack, each value with the file and line that it comes from.

    Exit codes: 0 the description is usable, 2 it is not; then every problem is told.
    """
    from settings.explain import explain, explain_json  # noqa: PLC0415 - only here

    loaded = work.load(stack)
    if as_json:
        click.echo(json.dumps(explain_json(loaded), indent=2))
    else:
        click.echo(explain(loaded, defaults=not written), nl=False)
