"""``slipway maintenance``: the page that says "back soon"."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cli import options
from cli.console import Console
from operate.errors import OperateError
from operate.maintenance import close, closed, open_again
from settings.problems import listing, nearest

if TYPE_CHECKING:
    from cli.workplace import Workplace


class NoRouteLeadsThere(OperateError):  # noqa: N818 - named as what it reports
    """The gateway leads to no such service."""

    exit_code = 2


@click.command("maintenance", epilog="Example: slipway maintenance on api --stack prod")
@click.argument("action", type=click.Choice(["on", "off", "status"]))
@click.argument("service", required=False)
@options.stack
@options.json_output
@click.pass_obj
def command(work: Workplace, *, action: str, service: str | None, stack: str, as_json: bool) -> None:
    """Let the gateway answer 503 with the maintenance page, for all services or for SERVICE, at once.

    Requests in flight are finished. The gateway's own health page and certificate challenges are answered as ever. A
    deployment does not end it; `slipway maintenance off` does.

    Exit codes: 0 done, 1 there is no gateway that runs, 2 no route leads to that service.
    """
    client = work.docker_client(stack)
    if service is not None:
        _check(work, stack, service)
    if action == "on":
        close(client, work.project, stack, service or "")
    elif action == "off":
        open_again(client, work.project, stack, service or "")
    now = closed(client, work.project, stack)
    if as_json:
        click.echo(json.dumps({"all": "" in now, "services": [name for name in now if name]}))
        return
    Console().say(f"stack {stack}: {_words(now)}")


def _words(names: list[str]) -> str:
    if "" in names:
        return "every service is in maintenance"
    return f"in maintenance: {', '.join(names)}" if names else "no service is in maintenance"


def _check(work: Workplace, stack: str, service: str) -> None:
    gateway = work.load(stack).platform.gateway
    known = {name for route in gateway.routes for name in route.services} if gateway else set()
    if service not in known:
        near = nearest(service, known)
        raise NoRouteLeadsThere(
            f"no route leads to a service '{service}'\n  allowed: {listing(known, 'the gateway has no route')}"
            + (f"\n  nearest: {near}" if near else "")
        )
