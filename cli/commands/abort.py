"""``slipway abort``: a canary is taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options
from cli.noted_deployment import deploy_noted
from cli.versions import chosen, load_versions
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
    deploy_noted(
        work,
        loaded,
        entries,
        question=f"Take the canary of {names} on {stack} away?",
        message=f"abort {names}",
        engine=engine,
        rollback=False,
        yes=yes,
        as_json=as_json,
    )
