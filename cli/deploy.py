"""One deployment from beginning to end: what ``up``, ``rollback``, ``scale`` and ``restart`` have in common."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from cli.backups import after_deployment, before_deployment
from cli.console import Console
from cli.deployment import explainer, preflight, settle, still_serving, tell_reached
from cli.endings_text import tell_ended, tell_fallen
from cli.exit_codes import ExitCode
from cli.operation import operate, tell_failures
from cli.preview_text import changes_text
from cli.recovery import recover
from cli.versions import adopt, note_versions, tell_stale, tell_versions
from operate.endings import Endings
from operate.outcome import UNCHANGED
from operate.releases import Done, Release, Releases, keep_images, pinned, releases_of
from operate.stack_view import logical_name
from settings.model import OnFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cli.deployment import Plan
    from cli.engines import Engine
    from cli.workplace import Workplace
    from operate.outcome import Outcome
    from operate.stack_view import StackView


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What is asked for."""

    stack: str
    """The stack."""
    engine: str = "auto"
    """``auto``, ``pulumi`` or ``embedded``."""
    message: str = "up"
    """What it is, for the record."""
    blueprint: str | None = None
    """Blueprint of a stack that does not exist yet."""
    refresh: bool = False
    """Whether the state is first brought up to what really runs."""
    skip_images: bool = False
    """Whether images are left to the engine."""
    yes: bool = False
    """Whether nobody is asked."""
    as_json: bool = False
    """Whether stdout is for events."""
    rollback: bool | None = None
    """Whether a failure goes back to the last release. Default: as the description says."""
    noted: bool = False
    """Whether other versions of services were noted for it, to serve from now on."""
    backup: bool | None = None
    """Whether a backup is made first. Default: as the description says, where data can be touched."""
    replaced: Callable[[StackView], Sequence[str]] | None = None
    """Returns URNs that are replaced in any case, from the state."""


def deploy(work: Workplace, asked: Deployment) -> None:
    """Deploy, tell what was reached and record it; after a failure go back, if that is wanted.

    Raises:
        click.exceptions.Exit: With the exit code of a deployment that failed or was cancelled.
        OperateError: It can't begin; nothing was changed.
    """
    console = Console(json_mode=asked.as_json)
    code = _deploy(work, asked, console)
    if code:
        raise click.exceptions.Exit(code)


def _deploy(work: Workplace, asked: Deployment, console: Console) -> int:
    started = time.monotonic()
    plan = preflight(work, asked.stack, asked.blueprint, console, skip_images=asked.skip_images)
    releases = releases_of(work.backend, work.state_folder, work.project, asked.stack)
    if adopt(work, plan.loaded, releases.latest()):
        plan = replace(plan, loaded=work.load(asked.stack))
    if not asked.noted:
        tell_stale(console, work, asked.stack, releases.latest())
    chosen = work.open_engine(asked.stack, asked.engine, console)
    if not chosen.exists():
        chosen.create()
        console.step(f"stack {asked.stack}: created")
    recover(console, work, asked.stack, chosen, plan.client)
    view = work.local_view(asked.stack) if work.backend.folder else None
    plan.look_at_state(view, chosen, asked.replaced)
    plan.data.refuse()
    for reason in plan.reasons:
        console.step(reason)
    for note in plan.data.notes:
        console.warn(note)
    refresh = asked.refresh or plan.refresh
    if plan.asks and not asked.yes:
        _ask(console, chosen, refresh, plan.replace, asked.stack)
    before_deployment(work, asked.stack, plan, releases.latest(), console, asked=asked.backup)
    with Endings(plan.client, work.project, asked.stack) as endings:
        run, outcome = operate(console, chosen, lambda sink: chosen.up(sink, refresh=refresh, replace=plan.replace))
        seconds = time.monotonic() - started
        status = None if run.exit_code else settle(work, asked.stack, plan, endings)
    if run.exit_code:
        tell_failures(run, outcome, explainer(work, asked.stack, plan))
        tell_ended(console, plan, endings, [logical_name(failure.urn) for failure in outcome.failures])
        still_serving(console, work, asked.stack, plan)
        cancelled = run.exit_code == ExitCode.CANCELLED
        console.say(f"{'stopped' if cancelled else 'failed'} after {seconds:.1f} s")
        if not cancelled:
            _go_back(work, asked, plan, releases, console)
        return run.exit_code
    if status is not None:
        tell_reached(console, plan, status)
        if tell_fallen(console, plan, status, endings):
            console.say(f"failed after {seconds:.1f} s: what was deployed does not stay up")
            _go_back(work, asked, plan, releases, console)
            return ExitCode.FAILED
    if plan.client is not None and plan.loaded.platform.backups is not None:
        after_deployment(work, asked.stack, plan.client, console)
    release = _record(plan, releases, Done(chosen.name, asked.message, seconds, outcome.changes), work, console)
    note_versions(console, work, plan.loaded)
    tell_versions(console, plan.loaded)
    _tell_end(console, outcome, seconds, release)
    return 0


def _tell_end(console: Console, outcome: Outcome, seconds: float, release: Release | None) -> None:
    number = f"release {release.number}: " if release else ""
    if outcome.changed:
        console.good(f"done: {number}{outcome.summary} ({seconds:.1f} s)")
    elif outcome.steps:
        console.good(f"done: removed what earlier deployments had replaced ({seconds:.1f} s)")
    else:
        console.good(f"nothing changed ({seconds:.1f} s)")


def _record(plan: Plan, releases: Releases, done: Done, work: Workplace, console: Console) -> Release | None:
    """Record a deployment, unless it is the one that is recorded already.

    What was deployed and not recorded, since the command died in between or Pulumi was used directly, is recorded by
    the next deployment that finds nothing to change.
    """
    newest = releases.latest()
    changed = any(count for op, count in done.changes.items() if op not in UNCHANGED)
    if newest is not None and not changed and newest.description == pinned(plan.loaded, newest.images):
        return None
    try:
        images = keep_images(plan.client, plan.loaded, newest.number + 1 if newest else 1) if plan.client else {}
        return releases.record(plan.loaded, replace(done, images=images), work.root)
    except OSError as error:
        console.warn(f"the release could not be recorded: {error.strerror}: slipway rollback will not know it")
        return None


def _go_back(work: Workplace, asked: Deployment, plan: Plan, releases: Releases, console: Console) -> None:
    """After a failure: deploy the last release that succeeded."""
    wanted = plan.loaded.platform.on_failure is OnFailure.ROLLBACK if asked.rollback is None else asked.rollback
    last = releases.latest()
    if not wanted:
        if last is not None and work.release is None:
            console.say(f"to go back to release {last.number}: slipway rollback --stack {asked.stack} {last.number}")
        return
    if last is None:
        console.say("there is no release to go back to: mend it and deploy again")
        return
    console.say(f"going back to release {last.number} ({last.time}, {last.message})")
    work.choose_release(releases.file(last.number))
    try:
        again = replace(
            asked,
            message=f"back to {last.number} after a failure",
            yes=True,
            rollback=False,
            refresh=False,
            backup=False,
        )
        code = _deploy(work, again, console)
    finally:
        work.choose_release(None)
    if code:
        console.warn(f"going back to release {last.number} failed too: what serves is listed above; mend the cause")
    else:
        console.say(f"release {last.number} serves again; what was asked for was not deployed, see the errors above")


def _ask(console: Console, engine: Engine, refresh: bool, replaced: Sequence[str], stack: str) -> None:
    """Show the plan of a stack whose data are protected, and go on only if the user agrees."""
    if not console.interactive:
        console.confirm(f"stack {stack} protects its data: deploy?", yes=False)
    run, outcome = operate(console, engine, lambda sink: engine.preview(sink, refresh=refresh, replace=replaced))
    if run.exit_code:
        tell_failures(run, outcome)
        raise click.exceptions.Exit(run.exit_code)
    if not outcome.changed:
        return
    console.say(changes_text(run.digest))
    console.confirm(f"Deploy this to {stack}?", yes=False)
