"""``slipway up``: deploy a stack."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from cli import options
from cli.console import Console
from cli.deployment import explainer, preflight, still_serving, tell_reached
from cli.exit_codes import ExitCode
from cli.operation import operate, tell_failures
from cli.preview_text import changes_text
from cli.recovery import recover

if TYPE_CHECKING:
    from cli.engines import Engine
    from cli.workplace import Workplace


@click.command("up", epilog="Example: slipway up --stack prod --blueprint starter --yes")
@options.stack
@click.option("--blueprint", metavar="NAME", help="blueprints/NAME.yaml, for a stack that does not exist yet.")
@options.engine
@click.option("--refresh", is_flag=True, help="First bring the state up to what really runs.")
@click.option("--skip-images", is_flag=True, help="Do not look for missing images of Slipway's own.")
@options.yes
@options.json_output
@click.pass_obj
def command(
    work: Workplace,
    *,
    stack: str,
    blueprint: str | None,
    engine: str,
    refresh: bool,
    skip_images: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Deploy a stack: create, change and delete until it is as described.

    A stack that has no Pulumi.<stack>.yaml yet gets one. Where data are protected and something runs already, the plan
    is shown and you are asked first.

    Exit codes: 0 done, 1 failed, 2 wrong description or arguments, 8 cancelled.
    """
    started = time.monotonic()
    console = Console(json_mode=as_json)
    plan = preflight(work, stack, blueprint, console, skip_images=skip_images)
    chosen = work.open_engine(stack, engine, console)
    if not chosen.exists():
        chosen.create()
        console.step(f"stack {stack}: created")
    recover(console, work, stack, chosen, plan.client)
    plan.look_at_state(work.local_view(stack) if work.backend.folder else None, chosen)
    for reason in plan.reasons:
        console.step(reason)
    if plan.asks and not yes:
        _ask(console, chosen, plan.refresh or refresh, plan.replace, stack)
    run, outcome = operate(
        console, chosen, lambda sink: chosen.up(sink, refresh=refresh or plan.refresh, replace=plan.replace)
    )
    seconds = time.monotonic() - started
    if run.exit_code:
        tell_failures(run, outcome, explainer(work, stack, plan))
        still_serving(console, work, stack, plan)
        console.say(f"{'stopped' if run.exit_code == ExitCode.CANCELLED else 'failed'} after {seconds:.1f} s")
        raise click.exceptions.Exit(run.exit_code)
    tell_reached(console, work, stack, plan)
    if outcome.changed:
        console.good(f"done: {outcome.summary} ({seconds:.1f} s)")
    elif outcome.steps:
        console.good(f"done: removed what earlier deployments had replaced ({seconds:.1f} s)")
    else:
        console.good(f"nothing changed ({seconds:.1f} s)")


def _ask(console: Console, engine: Engine, refresh: bool, replace: tuple[str, ...], stack: str) -> None:
    """Show the plan of a stack whose data are protected, and go on only if the user agrees."""
    if not console.interactive:
        console.confirm(f"stack {stack} protects its data: deploy?", yes=False)
    run, outcome = operate(console, engine, lambda sink: engine.preview(sink, refresh=refresh, replace=replace))
    if run.exit_code:
        tell_failures(run, outcome)
        raise click.exceptions.Exit(run.exit_code)
    if not outcome.changed:
        return
    console.say(changes_text(run.digest))
    console.confirm(f"Deploy this to {stack}?", yes=False)
