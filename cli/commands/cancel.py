"""``slipway cancel``: remove the lock of an operation that has certainly ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options
from cli.console import Console
from cli.engines import PULUMI, EngineUnavailable
from operate.locks import break_locks, lock_holders

if TYPE_CHECKING:
    from cli.workplace import Workplace


@click.command("cancel", epilog="Example: slipway cancel --stack dev")
@options.stack
@options.yes
@click.pass_obj
def command(work: Workplace, *, stack: str, yes: bool) -> None:
    """Remove a stack's lock, after showing who holds it.

    Only for an operation that has certainly ended: one that still runs would go on without protection. The embedded
    engine takes the lock of a holder that is provably dead over by itself.

    Exit codes: 0 done, 2 nobody to answer and no --yes, 8 you said no.
    """
    console = Console()
    folder = work.backend.folder
    if folder is None:
        _cancel_elsewhere(work, stack, console, yes=yes)
        return
    holders = lock_holders(folder, work.project, stack)
    if not holders:
        console.say(f"stack {stack} is not locked")
        return
    for holder in holders:
        console.say(f"locked by {holder.text}")
    console.confirm("Has that operation certainly ended? Remove its lock?", yes=yes)
    break_locks(holders)
    console.good("the lock is removed")


def _cancel_elsewhere(work: Workplace, stack: str, console: Console, *, yes: bool) -> None:
    engine = work.open_engine(stack, PULUMI, console)
    from cli.engine_pulumi import PulumiEngine  # noqa: PLC0415 - only for a remote backend

    if not isinstance(engine, PulumiEngine):
        raise EngineUnavailable(f"the backend {work.backend.url} needs the Pulumi CLI")
    console.confirm(f"Cancel the operation that runs on {stack} at {work.backend.url}, if any?", yes=yes)
    engine.break_lock()
    console.good("cancelled")
