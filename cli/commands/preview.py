"""``slipway preview``: what ``up`` would do."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import options
from cli.console import Console
from cli.deployment import preflight
from cli.exit_codes import ExitCode
from cli.operation import tell_failures
from cli.preview_text import changes_text
from cli.progress import waiting
from cli.versions import served_then
from operate.outcome import Outcome
from operate.releases import releases_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cli.engines import Engine, Run
    from cli.workplace import Workplace


@click.command("preview", epilog="Example: slipway preview --stack prod --markdown --out preview.md")
@options.stack
@click.option(
    "--blueprint", metavar="NAME", help="blueprints/NAME.yaml, for a stack that does not exist yet: it gets its file."
)
@options.engine
@click.option("--refresh", is_flag=True, help="Compare with what really runs, not with the state alone.")
@click.option("--markdown", is_flag=True, help="As a comment for a pull request.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the result into this file.")
@click.option("--expect-no-changes", is_flag=True, help="Exit with 7 if something would change.")
@options.json_output
@click.pass_obj
def command(
    work: Workplace,
    *,
    stack: str,
    blueprint: str | None,
    engine: str,
    refresh: bool,
    markdown: bool,
    out: Path | None,
    expect_no_changes: bool,
    as_json: bool,
) -> None:
    """Show what `up` would do; nothing is changed.

    --json prints the document that `pulumi preview --json` prints.

    Exit codes: 0 the plan is possible, 1, 2, 4 it is not, 7 with --expect-no-changes if there are changes.
    """
    if markdown and as_json:
        raise click.UsageError("--markdown and --json exclude each other")
    started = time.monotonic()
    console = Console(json_mode=as_json or markdown)
    plan = preflight(
        work, stack, blueprint, console, skip_images=True, create=blueprint is not None, needs_docker=False
    )
    chosen = work.open_engine(stack, engine, console)
    if not chosen.exists():
        chosen.create()
        console.step(f"stack {stack}: created, with nothing in it yet")
    plan.look_at_state(work.local_view(stack) if work.backend.folder else None, chosen)
    for reason in plan.reasons:
        console.step(reason)
    for note in plan.data.notes:
        console.warn(note)
    latest = releases_of(work.backend, work.state_folder, work.project, stack).latest()
    for name in served_then(plan.loaded, latest) if latest is not None else ():
        console.warn(
            f"nothing is noted yet of what serves of {name}, so this shows one version; slipway up takes what the last"
            " release had for it, and starts the described one beside it"
        )
    run, outcome = _preview(console, chosen, plan.refresh or refresh, plan.replace, stack)
    if run.digest:
        _write(_rendered(run.digest, stack, chosen.name, markdown=markdown, as_json=as_json), out)
    plan.data.refuse()  # says more than the engine, which trips over the protection
    tell_failures(run, outcome)
    if run.exit_code:
        raise click.exceptions.Exit(run.exit_code)
    what = f"planned: {outcome.summary}" if outcome.changed else "nothing would change"
    console.good(f"{what} ({time.monotonic() - started:.1f} s)")
    if expect_no_changes and outcome.changed:
        raise click.exceptions.Exit(ExitCode.UNEXPECTED_CHANGES)


def _preview(
    console: Console, engine: Engine, refresh: bool, replace: tuple[str, ...], stack: str
) -> tuple[Run, Outcome]:
    outcome = Outcome()
    with waiting(console, f"previewing {stack}"):
        run = engine.preview(outcome, refresh=refresh, replace=replace)
    for warning in outcome.warnings:
        console.warn(warning)
    return run, outcome


def _rendered(digest: Mapping[str, Any], stack: str, engine: str, *, markdown: bool, as_json: bool) -> str:
    if as_json:
        return json.dumps(digest, indent=4)
    if markdown:
        from review.markdown import render_digest  # noqa: PLC0415 - only here

        return render_digest(digest, stack=stack, engine=engine)
    return changes_text(digest)


def _write(text: str, out: Path | None) -> None:
    if out is not None:
        out.write_text(click.unstyle(text).rstrip("\n") + "\n", encoding="utf-8")
    elif text:
        click.echo(text)
