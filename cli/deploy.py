"""One deployment from beginning to end: what ``up``, ``rollback``, ``scale`` and ``restart`` have in common."""

from __future__ import annotations

import json
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from cli.backups import after_deployment, before_deployment
from cli.console import Console, error
from cli.deployment import explainer, preflight, settle, still_serving, tell_reached
from cli.endings_text import tell_ended, tell_fallen
from cli.exit_codes import ExitCode
from cli.operation import operate, tell_failures
from cli.preview_text import changes_text
from cli.recovery import recover
from cli.release_probe import noticing, tell_noticed
from cli.versions import adopt, note_versions, tell_stale, tell_versions
from operate.endings import Endings
from operate.outcome import UNCHANGED
from operate.releases import Done, Release, Releases, keep_images, pinned, releases_of
from operate.stack_view import logical_name
from operate.strategy import in_words, reached
from settings.model import OnFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cli.deployment import Plan
    from cli.engines import Engine
    from cli.engines import Run as EngineRun
    from cli.release_probe import Noticed
    from cli.workplace import Workplace
    from operate.outcome import Outcome
    from operate.stack_view import StackView
    from operate.status import Status


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
    probe: str | None = None
    """Path to which requests are sent meanwhile; empty to choose one. Default: none are."""
    replaced: Callable[[StackView], Sequence[str]] | None = None
    """Returns URNs that are replaced in any case, from the state."""
    recorded: bool = True
    """Whether it is a release; a step of something greater is none."""
    ended: Callable[[], None] | None = None
    """Called when the engine has done its work, before what runs is looked at."""


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


@dataclass(frozen=True, kw_only=True)
class _Ready:
    """A deployment of which everything is known but how it ends."""

    plan: Plan
    engine: Engine
    releases: Releases
    refresh: bool


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    """How it ended."""

    run: EngineRun
    outcome: Outcome
    took_s: float
    """The engine's own time."""
    whole_s: float
    """From the command's start."""
    noticed: Noticed
    endings: Endings
    status: Status | None
    """What runs, where it succeeded and Docker can be asked."""


def _deploy(work: Workplace, asked: Deployment, console: Console) -> int:
    started = time.monotonic()
    ready = _make_ready(work, asked, console)
    attempt = _carry_out(work, asked, ready, console, started)
    if attempt.run.exit_code:
        return _tell_failure(work, asked, ready, attempt, console)
    if attempt.status is not None:
        tell_reached(console, ready.plan, attempt.status)
        if tell_fallen(console, ready.plan, attempt.status, attempt.endings):
            tell_noticed(attempt.noticed, console)
            console.say(f"failed after {attempt.whole_s:.1f} s: what was deployed does not stay up")
            _go_back(work, asked, ready.plan, ready.releases, console)
            return ExitCode.FAILED
    return _keep(work, asked, ready, attempt, console)


def _make_ready(work: Workplace, asked: Deployment, console: Console) -> _Ready:
    """Look at everything that can be wrong beforehand, and ask who has to be asked."""
    plan = preflight(work, asked.stack, asked.blueprint, console, skip_images=asked.skip_images)
    releases = releases_of(work.backend, work.state_folder, work.project, asked.stack)
    if adopt(work, plan.loaded, releases.latest()):
        plan = replace(plan, loaded=work.load(asked.stack))
    if not asked.noted:
        tell_stale(console, work, asked.stack, releases.latest())
    engine = work.open_engine(asked.stack, asked.engine, console)
    if not engine.exists():
        engine.create()
        console.step(f"stack {asked.stack}: created")
    recover(console, work, asked.stack, engine, plan.client)
    view = work.local_view(asked.stack) if work.backend.folder else None
    plan.look_at_state(view, engine, asked.replaced)
    plan.data.refuse()
    for reason in plan.reasons:
        console.step(reason)
    for note in plan.data.notes:
        console.warn(note)
    # Steps of something greater hold services on purpose.
    if plan.paused and asked.recorded and asked.ended is None:
        console.warn(
            f"stand still, and answer nobody until they go on: {', '.join(plan.paused)}."
            " A backup holds them for a moment; if a restore or an upgrade was interrupted, the same command again lets"
            " them go on, as docker unpause does"
        )
    refresh = asked.refresh or plan.refresh
    if plan.asks and not asked.yes:
        _ask(console, engine, refresh, plan.replace, asked.stack)
    before_deployment(work, asked.stack, plan, releases.latest(), console, asked=asked.backup)
    return _Ready(plan=plan, engine=engine, releases=releases, refresh=refresh)


def _carry_out(work: Workplace, asked: Deployment, ready: _Ready, console: Console, started: float) -> _Attempt:
    """Let the engine work, under the eyes of whoever looks."""
    plan, engine = ready.plan, ready.engine
    with Endings(plan.client, work.project, asked.stack) as endings:
        with (
            noticing(asked.probe, work, asked.stack, plan, console) as noticed,
            work.give_way() if plan.serving else nullcontext(),  # only now: the prober is no part of it
        ):
            began = time.monotonic()
            run, outcome = operate(
                console, engine, lambda sink: engine.up(sink, refresh=ready.refresh, replace=plan.replace)
            )
            now = time.monotonic()
        if asked.ended is not None and not run.exit_code:
            asked.ended()
        status = None if run.exit_code else settle(work, asked.stack, plan, endings)
    return _Attempt(
        run=run,
        outcome=outcome,
        took_s=now - began,
        whole_s=now - started,
        noticed=noticed,
        endings=endings,
        status=status,
    )


def _tell_failure(work: Workplace, asked: Deployment, ready: _Ready, attempt: _Attempt, console: Console) -> int:
    plan, run, outcome = ready.plan, attempt.run, attempt.outcome
    tell_failures(run, outcome, explainer(work, asked.stack, plan))
    tell_ended(console, plan, attempt.endings, [logical_name(failure.urn) for failure in outcome.failures])
    still_serving(console, work, asked.stack, plan)
    tell_noticed(attempt.noticed, console)
    cancelled = run.exit_code == ExitCode.CANCELLED
    console.say(f"{'stopped' if cancelled else 'failed'} after {attempt.whole_s:.1f} s")
    if not cancelled:
        _go_back(work, asked, plan, ready.releases, console)
    return run.exit_code


def _keep(work: Workplace, asked: Deployment, ready: _Ready, attempt: _Attempt, console: Console) -> int:
    """Record what succeeded, and say so."""
    plan, outcome, noticed = ready.plan, attempt.outcome, attempt.noticed
    if plan.client is not None and plan.loaded.platform.backups is not None:
        after_deployment(work, asked.stack, plan.client, console)
    strategy = reached(outcome.steps, plan.serving)
    done = Done(
        ready.engine.name,
        asked.message,
        attempt.whole_s,
        outcome.changes,
        strategy=strategy,
        probe=noticed.to_dict(),
    )
    release = _record(plan, ready.releases, done, work, console) if asked.recorded else None
    note_versions(console, work, plan.loaded)
    _tell_release(console, done, release, noticed, attempt.took_s)
    tell_versions(console, plan.loaded)
    _tell_end(console, outcome, attempt.whole_s, release)
    if not noticed.good:
        error("deployed; but requests failed meanwhile, see above")
        return ExitCode.FAILED
    return 0


def _tell_release(console: Console, done: Done, release: Release | None, noticed: Noticed, seconds: float) -> None:
    """Say how the new containers took over, and what was noticed of it."""
    tell_noticed(noticed, console)
    if done.strategy:
        console.say(f"released {in_words(done.strategy)} ({seconds:.1f} s)")
    if console.json_mode and done.probe is not None:
        number = release.number if release else None
        event = {"release": number, "strategy": done.strategy, "seconds": round(seconds, 1), "probe": done.probe}
        click.echo(json.dumps({"releaseEvent": event}))


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
