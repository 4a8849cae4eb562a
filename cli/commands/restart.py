"""``slipway restart``: fresh containers for a service or for workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from cli import options
from cli.deploy import Deployment, deploy
from operate import labels
from operate.errors import OperateError
from settings.problems import listing, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.workplace import Workplace
    from operate.stack_view import StackView

_KINDS: Final = frozenset({"service", "workers"})


class CannotRestart(OperateError):  # noqa: N818 - named as what it reports
    """A name that is nothing with replicas."""

    exit_code = 2


@click.command("restart", epilog="Example: slipway restart --stack prod api")
@click.argument("parts", nargs=-1, required=True, metavar="NAME...")
@options.stack
@options.engine
@options.probe
@options.yes
@options.json_output
@click.pass_obj
def command(
    work: Workplace, *, parts: Sequence[str], stack: str, engine: str, probe: str | None, yes: bool, as_json: bool
) -> None:
    """Replace the containers of services or workers by fresh ones, without a dropped request.

    New replicas are healthy and named to the gateway before the old ones get their stop signal. Whatever else the
    description has changed is deployed as well.

    Exit codes: 0 done, 1 failed, 2 a name that is no service and no worker of what runs.
    """

    def replaced(view: StackView) -> Sequence[str]:
        found = {item.part for item in view.serving if item.labels.get(labels.KIND) in _KINDS}
        for name in parts:
            if name not in found:
                near = nearest(name, found)
                raise CannotRestart(
                    f"no service and no worker '{name}' runs\n  allowed: {listing(found, 'nothing is deployed')}"
                    + (f"\n  nearest: {near}" if near else "")
                )
        return [item.urn for item in view.serving if item.part in parts]

    deploy(
        work,
        Deployment(
            stack=stack,
            engine=engine,
            message=f"restart {' '.join(parts)}",
            probe=probe,
            yes=yes,
            as_json=as_json,
            replaced=replaced,
        ),
    )
