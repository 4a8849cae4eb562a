"""``slipway up``: deploy a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options
from cli.deploy import Deployment, deploy

if TYPE_CHECKING:
    from cli.workplace import Workplace


@click.command("up", epilog="Example: slipway up --stack prod --blueprint starter --yes")
@options.stack
@click.option("--blueprint", metavar="NAME", help="blueprints/NAME.yaml, for a stack that does not exist yet.")
@options.engine
@click.option("--refresh", is_flag=True, help="First bring the state up to what really runs.")
@click.option("--skip-images", is_flag=True, help="Do not look for missing images of Slipway's own.")
@click.option(
    "--backup/--no-backup",
    default=None,
    help="Make a backup first. Default: as before_deploy of the description says, where data can be touched.",
)
@options.rollback
@options.probe
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
    backup: bool | None,
    rollback: bool | None,
    probe: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Deploy a stack: create, change and delete until it is as described.

    A stack that has no Pulumi.<stack>.yaml yet gets one. Where data are protected and something runs already, the plan
    is shown and you are asked first; and a deployment that fails goes back to the last release that succeeded.

    Exit codes: 0 done, 1 failed (also if it went back, or a request of --probe failed), 2 wrong description or
    arguments, 8 cancelled.
    """
    deploy(
        work,
        Deployment(
            stack=stack,
            engine=engine,
            blueprint=blueprint,
            refresh=refresh,
            skip_images=skip_images,
            probe=probe,
            yes=yes,
            as_json=as_json,
            rollback=rollback,
            backup=backup,
        ),
    )
