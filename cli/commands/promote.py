"""``slipway promote``: a canary goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options
from cli.console import Console
from cli.deploy import Deployment, deploy
from cli.versions import changed_notes, chosen, load_versions
from operate.stack_overrides import noted
from settings.model import Strategy
from settings.versions import promoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.workplace import Workplace


@click.command("promote", epilog="Example: slipway promote api --stack prod --yes")
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("--whole", is_flag=True, help="Leave out the weights in between: make it the only version.")
@options.stack
@options.engine
@options.rollback
@options.yes
@options.json_output
@click.pass_obj
def command(
    work: Workplace,
    *,
    services: Sequence[str],
    whole: bool,
    stack: str,
    engine: str,
    rollback: bool | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Give canaries their next share of the requests; after the last one each becomes the only version.

    Then the replicas of the version before are replaced start-first. Without SERVICE it is about every canary. One that
    was aborted begins again. Whatever else the description has changed is deployed as well.

    Exit codes: 0 done, 1 failed (the shares stay as they were), 2 no canary is in progress.
    """
    loaded = load_versions(work, stack)
    found = chosen(
        loaded,
        services,
        Strategy.CANARY,
        lambda item: item.has_other or (item.sent_back and bool(services)),
        f"no canary is in progress\n  fix: change the service in the blueprint, then slipway up --stack {stack}",
    )
    entries = {item.service: promoted(item, whole=whole) for item in found}
    names = ", ".join(entries)
    Console(json_mode=as_json).confirm(f"Promote {names} on {stack}?", yes=yes)
    with noted(work.root, stack, changed_notes(work, loaded, entries)):
        deploy(
            work,
            Deployment(
                stack=stack,
                engine=engine,
                message=f"promote {names}",
                yes=True,
                as_json=as_json,
                rollback=rollback,
                noted=True,
            ),
        )
