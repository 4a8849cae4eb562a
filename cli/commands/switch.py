"""``slipway switch``: the other set of a blue-green service serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options
from cli.noted_deployment import deploy_noted
from cli.versions import chosen, load_versions
from settings.model import Strategy
from settings.versions import switched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.workplace import Workplace


@click.command("switch", epilog="Example: slipway switch api --stack prod --yes")
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
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
    stack: str,
    engine: str,
    rollback: bool | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Lead all requests of blue-green services to their other set, by one reload of the gateway.

    Both sets stay up, so that the same command leads them back. Without SERVICE it is about every such service.
    Whatever else the description has changed is deployed as well.

    Exit codes: 0 done, 1 failed (requests go where they went), 2 no service has another set.
    """
    loaded = load_versions(work, stack)
    found = chosen(
        loaded,
        services,
        Strategy.BLUE_GREEN,
        lambda item: item.has_other,
        "only one set is there: the other one comes with the next version\n"
        f"  fix: change the service in the blueprint, then slipway up --stack {stack}",
    )
    entries = {item.service: switched(item) for item in found}
    names = ", ".join(f"{name} to {entry.live}" for name, entry in entries.items())
    deploy_noted(
        work,
        loaded,
        entries,
        question=f"Switch {names} on {stack}?",
        message=f"switch {names}",
        engine=engine,
        rollback=rollback,
        yes=yes,
        as_json=as_json,
    )
