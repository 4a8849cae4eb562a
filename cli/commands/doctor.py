"""``slipway doctor``: what is missing on this machine, and what mends it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import click

from cli import options
from cli.console import Console
from cli.exit_codes import ExitCode
from operate.checks import Level
from operate.doctor import examine

if TYPE_CHECKING:
    from cli.workplace import Workplace
    from operate.checks import Check

_COLORS: Final = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}
_NAME_WIDTH: Final = 12


@click.command("doctor", epilog="Example: slipway doctor --stack prod")
@options.stack
@options.json_output
@click.pass_obj
def command(work: Workplace, *, stack: str, as_json: bool) -> None:
    """Check this machine and a stack, and say what mends whatever is wrong. Nothing is changed.

    Exit codes: 0 a deployment can work, 1 it can't.
    """
    console = Console(json_mode=as_json)
    checks: list[Check] = []
    for check in examine(work.root, stack, work.backend, work.environ):
        checks.append(check)
        if not as_json:
            _tell(console, check)
    if as_json:
        click.echo(json.dumps([check.to_dict() for check in checks], indent=2))
    failed = sum(check.level is Level.FAIL for check in checks)
    if failed:
        console.say(f"{failed} of {len(checks)} checks failed")
        raise click.exceptions.Exit(ExitCode.FAILED)
    console.good("a deployment can work here")


def _tell(console: Console, check: Check) -> None:
    level = click.style(f"{check.level:<4}", fg=_COLORS[check.level])
    console.say(f"{level}  {check.name.ljust(_NAME_WIDTH)} {check.text}")
    if check.fix:
        console.say(f"      {' ' * _NAME_WIDTH} fix: {check.fix}")
