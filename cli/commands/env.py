"""``slipway env``: the variables with which plain ``pulumi`` works on the same state."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from cli import options
from cli.console import Console
from cli.engines import find_stack_passphrase, pulumi_environment
from operate.pulumi_install import bin_folder, find_pulumi

if TYPE_CHECKING:
    from cli.workplace import Workplace


@click.command("env", epilog='Example: eval "$(slipway env)"; pulumi preview --stack dev')
@options.stack
@click.pass_obj
def command(work: Workplace, *, stack: str) -> None:
    """Print the shell commands after which `pulumi` carries on from the state that `slipway` wrote.

    Nothing secret is printed: the passphrase is named by its file.
    """
    extra = pulumi_environment(work, find_stack_passphrase(work, stack, Console(json_mode=True)))
    for name, value in extra.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    folder = bin_folder(find_pulumi(work.environ))
    if folder is not None:
        click.echo(f'export PATH={shlex.quote(str(folder))}:"$PATH"')
