"""``slipway destroy``: remove a stack's containers and networks; data stay unless asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from cli import options
from cli.console import Console
from cli.data_removal import DataRefused, data_of, remove_data
from cli.deployment import NoSuchStack
from cli.operation import operate, tell_failures
from cli.recovery import recover
from operate.stack_view import StackView, short_type, view_of
from settings.source import stack_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.engines import Engine
    from cli.workplace import Workplace
    from operate.volumes import DataVolume


@click.command("destroy", epilog="Example: slipway destroy --stack dev --volumes --yes")
@options.stack
@click.option("--volumes", is_flag=True, help="Remove the data volumes too. The data are gone for good.")
@click.option("--yes-delete-data", is_flag=True, help="With --volumes: even those that are protected.")
@click.option(
    "--delete-data",
    "named",
    multiple=True,
    metavar="VOLUME",
    help="Remove this data volume too, protected or not; once for each volume.",
)
@options.engine
@options.yes
@options.json_output
@click.pass_obj
def command(
    work: Workplace,
    *,
    stack: str,
    volumes: bool,
    yes_delete_data: bool,
    named: tuple[str, ...],
    engine: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove a stack's containers, networks and generated secrets. Data volumes stay, unless they are named.

    Where data are protected, the generated credentials stay as well, in the state: the next `slipway up` finds both
    again. `slipway data list` shows what is kept.

    Exit codes: 0 done, 1 failed or refused, 2 nobody to answer and no --yes, 8 cancelled.
    """
    started = time.monotonic()
    console = Console(json_mode=as_json)
    client = work.docker_client(stack)
    chosen = work.open_engine(stack, engine, console)
    if not chosen.exists() and not (work.root / stack_file(stack)).exists():
        raise NoSuchStack(f"there is no stack {stack}")
    if chosen.exists():
        recover(console, work, stack, chosen, client)
    view = (work.local_view(stack) if work.backend.folder else view_of(chosen.export())) if chosen.exists() else None
    data = data_of(work, stack, client, view)
    condemned = _condemned(data, view, named, every=volumes, protected_too=yes_delete_data)
    if view is None or not view.resources:
        console.say(f"stack {stack}: nothing is deployed")
    else:
        _destroy(console, chosen, view, [item for item in data if item not in condemned], stack, yes=yes)
    if condemned:
        remove_data(console, client, condemned, stack, yes=yes)
        names = {volume.name for volume in condemned}
        if view is not None and any(item.name in names for item in view.volumes if item.urn in view.protected):
            _forget(console, chosen)
    console.good(f"done ({time.monotonic() - started:.1f} s)")


def _destroy(
    console: Console, engine: Engine, view: StackView, kept: list[DataVolume], stack: str, *, yes: bool
) -> None:
    credentials = sum(short_type(urn) == "random:RandomPassword" for urn in view.protected)
    console.say(
        f"goes: {len(view.containers)} containers, {len(view.networks)} networks,"
        f" {sum(not volume.retained for volume in view.volumes)} volumes with files, generated secrets"
        + (" that are not protected" if view.protected else "")
    )
    if kept:
        console.say("stays: data volumes " + ", ".join(volume.name for volume in kept))
        again = "them" if view.protected else "them and sets new passwords"
        console.say(f"  (the next slipway up finds {again}; to remove one: slipway data remove)")
    if credentials:
        console.say(f"stays: {credentials} generated credentials, in the state of stack {stack}")
    console.confirm(f"Destroy stack {stack}?", yes=yes)
    run, outcome = operate(console, engine, lambda sink: engine.destroy(sink, keep_protected=bool(view.protected)))
    if run.exit_code:
        tell_failures(run, outcome)
        raise click.exceptions.Exit(run.exit_code)
    console.say(outcome.summary)


def _condemned(
    data: list[DataVolume], view: StackView | None, named: Iterable[str], *, every: bool, protected_too: bool
) -> list[DataVolume]:
    """Return the volumes to remove.

    Raises:
        DataRefused: One is not known, or is protected and was not named.
    """
    known = {volume.name: volume for volume in data}
    for name in named:
        if name not in known:
            raise DataRefused(
                f"there is no data volume {name} of this stack\n  allowed: {', '.join(known) or 'none is there'}"
            )
    if not every:
        return [volume for volume in data if volume.name in named]
    held = {item.name for item in view.volumes if item.urn in view.protected} if view else set()
    protected = [item.name for item in data if (item.protected or item.name in held) and item.name not in named]
    if protected and not protected_too:
        raise DataRefused(
            f"these data volumes are protected: {', '.join(protected)}\n"
            "  fix: leave --volumes away to keep them; to delete one for good: "
            + " ".join(f"--delete-data {name}" for name in protected)
        )
    return data


def _forget(console: Console, engine: Engine) -> None:
    """Let the state, which keeps what is protected, see that volumes are gone."""
    run, outcome = operate(console, engine, engine.refresh)
    if run.exit_code:
        tell_failures(run, outcome)
        raise click.exceptions.Exit(run.exit_code)
