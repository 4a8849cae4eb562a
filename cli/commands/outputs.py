"""``slipway outputs``: what the stack exports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from cli import options
from cli.console import Console

if TYPE_CHECKING:
    from cli.workplace import Workplace


@click.command("outputs", epilog="Example: slipway outputs --json | jq -r '.urls[0]'")
@options.stack
@options.engine
@click.option("--show-secrets", is_flag=True, help="Show secret outputs in plain text.")
@options.json_output
@click.pass_obj
def command(work: Workplace, *, stack: str, engine: str, show_secrets: bool, as_json: bool) -> None:
    """Show the stack's outputs as of the last deployment; secret ones as [secret] unless asked for.

    Exit codes: 0 done, 1 the passphrase is wrong, 6 there is no such stack.
    """
    console = Console(json_mode=True)  # what is said about the engine must not mix with the result
    found = work.open_engine(stack, engine, console).outputs(show_secrets=show_secrets)
    if as_json:
        click.echo(json.dumps(found, indent=2, sort_keys=True))
        return
    Console().table(["OUTPUT", "VALUE"], [[key, _text(value)] for key, value in sorted(found.items())])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
