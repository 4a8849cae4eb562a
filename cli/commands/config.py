"""``slipway config``: the merged description with origins; ``slipway config set``: a value of the stack's own."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from cli import options
from cli.console import Console

if TYPE_CHECKING:
    from cli.workplace import Workplace


@click.group("config", invoke_without_command=True, epilog="Example: slipway config --stack prod --written")
@options.stack
@click.option("--written", is_flag=True, help="Only what somebody wrote, no defaults.")
@options.json_output
@click.pass_context
def command(ctx: click.Context, *, stack: str, written: bool, as_json: bool) -> None:
    """Show the merged description of a stack, each value with the file and line that it comes from.

    Exit codes: 0 the description is usable, 2 it is not; then every problem is told.
    """
    if ctx.invoked_subcommand is not None:
        return
    from settings.explain import explain, explain_json  # noqa: PLC0415 - only here

    work: Workplace = ctx.obj
    loaded = work.load(stack)
    if as_json:
        click.echo(json.dumps(explain_json(loaded), indent=2))
    else:
        click.echo(explain(loaded, defaults=not written), nl=False)


@command.command("set", epilog="Example: slipway config set --stack prod --secret openai_api_key")
@click.argument("name")
@click.argument("value", required=False)
@options.stack
@click.option("--secret", is_flag=True, help="Encrypt it. Without VALUE it is asked for, or read from stdin.")
@options.engine
@click.pass_obj
def set_(work: Workplace, *, name: str, value: str | None, stack: str, secret: bool, engine: str) -> None:
    """Write a value into Pulumi.<stack>.yaml, as `pulumi config set` does; the rest of the file stays as it is.

    Leave VALUE of a secret away, so that it stands in no shell history.

    Exit codes: 0 done, 1 the passphrase is wrong, 2 no value.
    """
    from operate.stack_files import ensure_stack_file  # noqa: PLC0415 - imports settings, and with it pydantic

    console = Console()
    given = _ask(name, secret=secret) if value is None else value
    if not given:
        raise click.UsageError(f"no value for {name}")
    ensure_stack_file(work.root, stack, None)
    chosen = work.open_engine(stack, engine, console)
    if not chosen.exists():
        chosen.create()
    key = name if ":" in name else f"slipway:{name}"
    chosen.set_config(key, given, secret=secret)
    console.good(f"{key} is set in Pulumi.{stack}.yaml{', encrypted' if secret else ''}")


def _ask(name: str, *, secret: bool) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(name, hide_input=secret, err=True))
    return sys.stdin.read().rstrip("\n")
