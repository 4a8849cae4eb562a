"""``slipway scale``: another number of replicas."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

from cli import options
from cli.console import Console, NotConfirmed
from cli.deploy import Deployment, deploy
from operate.errors import OperateError
from operate.stack_overrides import overridden
from settings.problems import listing, nearest
from settings.source import stack_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.workplace import Workplace

_FORM: Final = re.compile(r"([a-z][a-z0-9-]*)=(\d+)")
_MOST: Final = 100


class CannotScale(OperateError):  # noqa: N818 - named as what it reports
    """A name or a number that can't be."""

    exit_code = 2


@click.command("scale", epilog="Example: slipway scale --stack prod api=5 runner=3")
@click.argument("parts", nargs=-1, required=True, metavar="NAME=REPLICAS...")
@options.stack
@options.engine
@options.rollback
@options.probe
@options.yes
@options.json_output
@click.pass_obj
def command(
    work: Workplace,
    *,
    parts: Sequence[str],
    stack: str,
    engine: str,
    rollback: bool | None,
    probe: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Deploy services and workers with another number of replicas, without a dropped request.

    The numbers are written under slipway:overrides in Pulumi.<stack>.yaml, so that they hold for later deployments too.
    If the description does not allow them, or the deployment is not agreed to, that file is as it was.

    Exit codes: 0 done, 1 failed, 2 a name or number that can't be.
    """
    console = Console(json_mode=as_json)
    loaded = work.load(stack)
    platform = loaded.platform
    versions = {item.other for item in loaded.versions.values()}
    values: dict[tuple[str, ...], int] = {}
    for text in parts:
        match = _FORM.fullmatch(text)
        if match is None:
            raise CannotScale(f"'{text}' is not NAME=REPLICAS\n  fix: slipway scale api=3")
        name, number = match[1], int(match[2])
        known = {*platform.services, *platform.workers} - versions
        section = next((item for item in ("services", "workers") if name in getattr(platform, item)), None)
        if section is None or name in versions:
            near = nearest(name, known)
            raise CannotScale(
                f"there is no service and no worker '{name}'\n  allowed: {listing(known)}"
                + (f"\n  nearest: {near}" if near else "")
            )
        if number > _MOST:
            raise CannotScale(f"{number} replicas of {name} are too many\n  allowed: at most {_MOST}")
        values[section, name, "replicas"] = number
    before = (work.root / stack_file(stack)).read_bytes()
    with overridden(work.root, stack, values) as file:
        work.load(stack)  # what it does not allow is said before anything is changed
    written = ", ".join(f"{path[1]}: {number}" for path, number in values.items())
    console.step(f"{file.name}: slipway:overrides now says replicas of {written}")
    try:
        deploy(
            work,
            Deployment(
                stack=stack,
                engine=engine,
                message=f"scale {' '.join(parts)}",
                probe=probe,
                yes=yes,
                as_json=as_json,
                rollback=rollback,
            ),
        )
    except NotConfirmed:
        # A number that nobody agreed to must not come with the next deployment. One that fails keeps it: it is wanted.
        file.write_bytes(before)
        console.step(f"{file.name}: as it was")
        raise
