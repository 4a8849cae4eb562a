"""``slipway abort``: a canary is taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options
from cli.console import Console
from cli.deploy import Deployment, deploy
from cli.versions import changed_notes, chosen, load_versions
from operate.stack_overrides import noted
from settings.model import Strategy
from settings.versions import aborted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.workplace import Workplace


@click.command("abort", epilog="Example: slipway abort api --stack prod --yes")
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@options.stack
@options.engine
@options.yes
@options.json_output
@click.pass_obj
def command(work: Workplace, *, services: Sequence[str], stack: str, engine: str, yes: bool, as_json: bool) -> None:
    """Take canaries away: all requests go to the version before, then the canary's containers stop.

    The blueprint is not touched; deployments leave the aborted version out until it says another one, or until
    `slipway promote SERVICE` begins again. Without SERVICE it is about every canary. Whatever else the description has
    changed is deployed as well.

    Exit codes: 0 done, 1 failed, 2 no canary is in progress.
    """
    loaded = load_versions(work, stack)
    found = chosen(
        loaded,
        services,
        Strategy.CANARY,
        lambda item: item.has_other,
        f"no canary is in progress, so there is nothing to abort\n  fix: slipway status --stack {stack}",
    )
    entries = {item.service: aborted(item) for item in found}
    names = ", ".join(entries)
    Console(json_mode=as_json).confirm(f"Take the canary of {names} on {stack} away?", yes=yes)
    with noted(work.root, stack, changed_notes(work, loaded, entries)):
        deploy(
            work,
            Deployment(
                stack=stack,
                engine=engine,
                message=f"abort {names}",
                yes=True,
                as_json=as_json,
                rollback=False,
                noted=True,
            ),
        )
