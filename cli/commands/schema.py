"""``slipway schema``: the JSON Schema of blueprints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cli.workplace import Workplace


@click.command("schema", epilog="Example: slipway schema --out docs/schema.json")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it into this file.")
@click.pass_obj
def command(_work: Workplace, *, out: Path | None) -> None:
    """Write the JSON Schema of blueprints, with which editors complete and check them as you type."""
    from settings.schema import schema_text  # noqa: PLC0415 - only here

    if out is None:
        click.echo(schema_text(), nl=False)
    else:
        out.write_text(schema_text(), encoding="utf-8")
