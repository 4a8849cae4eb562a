"""``slipway data``: what data are kept on the host, and how to give them up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cli import options
from cli.backup_progress import readable
from cli.console import Console
from cli.data_removal import DataRefused, data_of, remove_data
from cli.deployment import NoSuchStack
from operate.volumes import kept_data
from settings.source import stack_file

if TYPE_CHECKING:
    import docker

    from cli.workplace import Workplace
    from operate.stack_view import StackView
    from operate.volumes import DataVolume, KeptData


@click.group("data", epilog="Example: slipway data list --stack prod")
def command() -> None:
    """Show what data a stack keeps on the host, and remove what nobody needs any more."""


@command.command("list", epilog="Example: slipway data list --stack prod --json")
@options.stack
@options.json_output
@click.pass_obj
def list_(work: Workplace, *, stack: str, as_json: bool) -> None:
    """List a stack's data volumes: whose data, how much, since when, and what uses them.

    A stack that was destroyed is listed too. `kept` means that nothing uses a volume.

    Exit codes: 0 listed, 6 there is no such stack.
    """
    console = Console(json_mode=as_json)
    client, volumes, view = _find(work, stack)
    found = kept_data(client, volumes)
    held = _held(view)
    if as_json:
        click.echo(json.dumps([_document(item, stack, held) for item in found], indent=2))
        return
    if not found:
        console.say(f"stack {stack} has no data on this host")
    console.table(
        ("VOLUME", "PART", "KIND", "SIZE", "SINCE", "PROTECTED", "USED BY"),
        [
            (
                item.volume.name,
                item.volume.part or "-",
                item.volume.kind or "-",
                "?" if item.size is None else readable(item.size),
                item.volume.created[:19].replace("T", " ") or "?",
                "yes" if _protected(item, held) else "no",
                ", ".join(item.users) or "nothing (kept)",
            )
            for item in found
        ],
    )


@command.command("remove", epilog="Example: slipway data remove shop-prod-main-data --stack prod")
@click.argument("names", nargs=-1, required=True, metavar="VOLUME...")
@options.stack
@options.yes
@click.pass_obj
def remove(work: Workplace, *, names: tuple[str, ...], stack: str, yes: bool) -> None:
    """Delete data volumes for good. One that a container uses, or that is part of what is deployed, is refused.

    Exit codes: 0 done, 1 refused, 2 nobody to answer and no --yes, 6 there is no such stack, 8 not confirmed.
    """
    console = Console()
    client, volumes, view = _find(work, stack)
    known = {volume.name: volume for volume in volumes}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise DataRefused(
            f"stack {stack} has no data volume {', '.join(unknown)}\n  allowed: {', '.join(known) or 'none is there'}"
        )
    chosen = [known[name] for name in dict.fromkeys(names)]
    for item in kept_data(client, chosen):
        if item.users:
            raise DataRefused(
                f"{item.volume.name} is used by {', '.join(item.users)}\n"
                "  fix: remove that first: slipway destroy, or take it out of the description and deploy"
            )
    deployed = {volume.name for volume in view.volumes} if view else set()
    for volume in chosen:
        if volume.name in deployed:
            raise DataRefused(
                f"{volume.name} is in the state of stack {stack}\n"
                f"  fix: slipway destroy --stack {stack} --delete-data {volume.name}"
            )
    remove_data(console, client, chosen, stack, yes=yes)


def _find(work: Workplace, stack: str) -> tuple[docker.DockerClient, list[DataVolume], StackView | None]:
    view = work.local_view(stack)
    if view is None and not (work.root / stack_file(stack)).exists():
        raise NoSuchStack(f"there is no stack {stack}")
    client = work.docker_client(stack)
    return client, data_of(work, stack, client, view), view


def _held(view: StackView | None) -> set[str]:
    """Return the names of volumes that the state protects."""
    return {volume.name for volume in view.volumes if volume.urn in view.protected} if view else set()


def _protected(item: KeptData, held: set[str]) -> bool:
    return item.volume.protected or item.volume.name in held


def _document(item: KeptData, stack: str, held: set[str]) -> dict[str, object]:
    return {
        "volume": item.volume.name,
        "stack": stack,
        "part": item.volume.part,
        "kind": item.volume.kind,
        "bytes": item.size,
        "created": item.volume.created,
        "protected": _protected(item, held),
        "used_by": list(item.users),
    }
