"""``slipway promote``: a canary goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options
from cli.noted_deployment import deploy_noted
from cli.versions import chosen, load_versions
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
    deploy_noted(
        work,
        loaded,
        entries,
        question=f"Promote {names} on {stack}?",
        message=f"promote {names}",
        engine=engine,
        rollback=rollback,
        yes=yes,
        as_json=as_json,
    )
