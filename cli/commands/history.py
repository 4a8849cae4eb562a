"""``slipway history``: past operations."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Final

import click

from cli import options
from cli.console import Console

if TYPE_CHECKING:
    from cli.engines import PastOperation
    from cli.workplace import Workplace

_HIDDEN: Final = frozenset({"same"})


@click.command("history", epilog="Example: slipway history --stack prod --limit 5")
@options.stack
@options.engine
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many to show.")
@options.json_output
@click.pass_obj
def command(work: Workplace, *, stack: str, engine: str, limit: int, as_json: bool) -> None:
    """Show the stack's past operations, the newest first.

    Exit codes: 0 done, 6 there is no such stack.
    """
    chosen = work.open_engine(stack, engine, Console(json_mode=True))
    operations = chosen.history()[:limit]
    if as_json:
        click.echo(json.dumps([asdict(operation) for operation in operations], indent=2))
        return
    if not operations:
        click.echo(f"stack {stack}: no operation yet")
    Console().table(["WHEN", "WHAT", "RESULT", "SECONDS", "CHANGES"], [_row(operation) for operation in operations])


def _row(operation: PastOperation) -> list[str]:
    when = datetime.fromtimestamp(operation.start).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    changes = ", ".join(f"{count} {op}" for op, count in operation.changes.items() if op not in _HIDDEN) or "none"
    return [when, operation.kind, operation.result, f"{operation.end - operation.start:.0f}", changes]
