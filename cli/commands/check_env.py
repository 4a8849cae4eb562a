"""``slipway check-env``: whether a stack has all that its description asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options
from cli.console import Console

if TYPE_CHECKING:
    from cli.workplace import Workplace


@click.command("check-env", epilog="Example: slipway check-env --stack prod")
@options.stack
@click.pass_obj
def command(work: Workplace, *, stack: str) -> None:
    """Check that a stack can be deployed: description, values of secrets, folders that images are built from.

    No value is shown. `slipway doctor` checks the machine beside it.

    Exit codes: 0 it has all that it needs, 2 something is missing; every problem is told with what mends it.
    """
    from operate.build_check import check_builds  # noqa: PLC0415 - imports settings, and with it pydantic
    from settings.model import SecretSource  # noqa: PLC0415 - as above

    console = Console()
    loaded = work.load(stack)
    check_builds(loaded.platform, work.root)
    for name, secret in sorted(loaded.platform.secrets.items()):
        kind = "generated" if secret.source is SecretSource.GENERATED else "set, encrypted"
        console.say(f"{name}: {kind}")
    console.good(f"stack {stack} has all that {loaded.platform.name} needs")
