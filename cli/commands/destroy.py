"""``slipway destroy``: remove a stack's containers and networks; data stay unless asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from cli import options
from cli.console import Console
from cli.deployment import NoSuchStack
from cli.operation import operate, tell_failures
from cli.recovery import recover
from operate.errors import OperateError
from operate.platform_view import protected_parts
from operate.stack_view import StackView, logical_name, short_type, view_of
from operate.volumes import data_volumes, remove_volumes
from settings.source import stack_file

if TYPE_CHECKING:
    import docker

    from cli.engines import Engine
    from cli.workplace import Workplace
    from operate.volumes import DataVolume


class Protected(OperateError):  # noqa: N818 - named as what it reports
    """The stack protects its data."""


@click.command("destroy", epilog="Example: slipway destroy --stack dev --volumes --yes")
@options.stack
@click.option("--volumes", is_flag=True, help="Remove the data volumes too. The data are gone for good.")
@click.option("--yes-delete-data", is_flag=True, help="With --volumes: even those that the description protects.")
@options.engine
@options.yes
@options.json_output
@click.pass_obj
def command(
    work: Workplace, *, stack: str, volumes: bool, yes_delete_data: bool, engine: str, yes: bool, as_json: bool
) -> None:
    """Remove a stack's containers, networks and generated secrets. Data volumes stay, unless --volumes is given.

    A stack with protect_data true is refused: take the protection off first, which is a deployment of its own.

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
    _refuse_protected(view, stack)
    data = _data_volumes(work, stack, client, view)
    if volumes and not yes_delete_data:
        _refuse_protected_volumes(data)
    if view is None or not view.resources:
        console.say(f"stack {stack}: nothing is deployed")
    else:
        _destroy(console, chosen, view, data, stack, yes=yes, volumes=volumes)
    if volumes and data:
        console.say("data volumes to delete for good: " + ", ".join(volume.name for volume in data))
        console.confirm(f"Delete the data of {stack}? They can't be brought back.", yes=yes)
        for name in remove_volumes(client, data):
            console.step(f"  - volume {name} deleted")
    console.good(f"done ({time.monotonic() - started:.1f} s)")


def _destroy(
    console: Console, engine: Engine, view: StackView, data: list[DataVolume], stack: str, *, yes: bool, volumes: bool
) -> None:
    console.say(
        f"goes: {len(view.containers)} containers, {len(view.networks)} networks,"
        f" {sum(not volume.retained for volume in view.volumes)} volumes with files, generated secrets"
    )
    if data and not volumes:
        console.say("stays: data volumes " + ", ".join(volume.name for volume in data))
        console.say("  (the next slipway up finds them and sets new passwords; --volumes removes them)")
    console.confirm(f"Destroy stack {stack}?", yes=yes)
    run, outcome = operate(console, engine, engine.destroy)
    if run.exit_code:
        tell_failures(run, outcome)
        raise click.exceptions.Exit(run.exit_code)
    console.say(outcome.summary)


def _refuse_protected(view: StackView | None, stack: str) -> None:
    if view is None or not view.protected:
        return
    names = "\n".join(f"  {short_type(urn)} {logical_name(urn)}" for urn in view.protected)
    raise Protected(
        f"stack {stack} protects its data:\n{names}\n"
        f"  fix: set protect_data: false under slipway:overrides in Pulumi.{stack}.yaml, deploy that with"
        f" slipway up --stack {stack}, then destroy again"
    )


def _refuse_protected_volumes(data: list[DataVolume]) -> None:
    protected = [volume.name for volume in data if volume.protected]
    if protected:
        raise Protected(
            f"the description protects these data volumes: {', '.join(protected)}\n"
            "  fix: leave --volumes away to keep them, or add --yes-delete-data to delete them for good"
        )


def _data_volumes(work: Workplace, stack: str, client: docker.DockerClient, view: StackView | None) -> list[DataVolume]:
    loaded = work.load_if_possible(stack)
    return data_volumes(
        client,
        work.project,
        stack,
        view,
        protected_parts(loaded.platform) if loaded else None,
        otherwise=loaded.platform.protect_data if loaded else True,
    )
