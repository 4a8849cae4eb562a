"""``slipway upgrade``: a database moves to another major version of PostgreSQL, on a new volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options
from cli.console import Console
from cli.database_upgrade import DatabaseUpgrade, target_of
from cli.deployment import NoSuchStack
from settings.source import stack_file

if TYPE_CHECKING:
    from cli.workplace import Workplace


@click.group("upgrade", epilog="Example: slipway upgrade database main --to 17 --stack prod")
def command() -> None:
    """Move what holds data to another major version, and keep the old one."""


@command.command("database", epilog="Example: slipway upgrade database main --to 17 --stack prod --rehearse")
@click.argument("name")
@click.option("--to", "major", type=click.IntRange(min=9), required=True, help="Major version of PostgreSQL.")
@click.option(
    "--image", metavar="REFERENCE", help="Image of that version. Default: what the description says of the database."
)
@click.option(
    "--rehearse", is_flag=True, help="Fill and compare a new volume while everything serves, say how long it took, end."
)
@click.option("--same", is_flag=True, help="Move to a new volume of the same version.")
@click.option(
    "--maintenance", is_flag=True, help="Show the maintenance page meanwhile, instead of letting requests wait."
)
@options.stack
@options.engine
@options.yes
@click.pass_obj
def database(
    work: Workplace,
    *,
    name: str,
    major: int,
    image: str | None,
    rehearse: bool,
    same: bool,
    maintenance: bool,
    stack: str,
    engine: str,
    yes: bool,
) -> None:
    """Move database NAME to another major version of PostgreSQL.

    Everything is backed up and that backup verified. What uses the database is held, so that requests wait. The
    database is dumped, restored into a new volume by a server of the new version, and compared, to the last row. Then
    the new server takes the old one's place, and its users go on. The old volume is kept until `slipway data remove`.

    Interrupted at any moment, the old database serves; the same command tidies up and starts anew, or, where the new
    one has its place already, goes on.

    Exit codes: 0 upgraded, 1 refused or failed, 2 wrong arguments, or nobody to answer and no --yes, 6 there is no such
    stack, 8 not confirmed.
    """
    if not (work.root / stack_file(stack)).exists():
        raise NoSuchStack(f"there is no stack {stack}")
    console = Console()
    loaded = work.load(stack)
    upgrade = DatabaseUpgrade(
        work=work,
        stack=stack,
        engine=engine,
        loaded=loaded,
        target=target_of(loaded, name, major, image),
        console=console,
    )
    if upgrade.finish(image):
        return
    live, now = upgrade.ready(same=same)
    if rehearse:
        upgrade.rehearse(live)
        return
    console.say(f"{name}: PostgreSQL {now} -> {major} ({upgrade.target.image}), on a new volume; the old one is kept")
    console.confirm(f"Hold what uses {name} in {stack} and upgrade it?", yes=yes)
    upgrade.upgrade(live, image, maintenance=maintenance)
