"""``slipway releases``: what was deployed, and when."""

from __future__ import annotations

import difflib
import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click
import yaml

from cli import options
from cli.console import Console
from operate.releases import Release, releases_of

if TYPE_CHECKING:
    from cli.workplace import Workplace


@click.command("releases", epilog="Example: slipway releases --stack prod --show 12 --diff 11")
@options.stack
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many to list.")
@click.option("--show", type=int, metavar="N", help="Show the description of release N.")
@click.option("--diff", type=int, metavar="M", help="With --show: what differs from release M.")
@options.json_output
@click.pass_obj
def command(work: Workplace, *, stack: str, limit: int, show: int | None, diff: int | None, as_json: bool) -> None:
    """List a stack's releases, the newest first; the first one listed is what runs.

    Exit codes: 0 done, 2 wrong arguments, 6 there is no such release.
    """
    releases = releases_of(work.backend, work.state_folder, work.project, stack)
    if show is not None:
        chosen = releases.get(show)
        if diff is not None:
            click.echo(_difference(releases.get(diff), chosen))
        else:
            click.echo(json.dumps(asdict(chosen), indent=2) if as_json else _text(chosen))
        return
    if diff is not None:
        raise click.UsageError("--diff needs --show")
    found = releases.all()[:limit]
    if as_json:
        click.echo(json.dumps([{**asdict(item), "description": None} for item in found], indent=2))
        return
    if not found:
        click.echo(f"stack {stack}: no release yet")
        return
    rows = [_row(item) for item in found]
    Console().table(["RELEASE", "WHEN", "WHAT", "WHO", "COMMIT", "ENGINE", "SECONDS", "CHANGES"], rows)


def _row(item: Release) -> list[str]:
    when = datetime.fromisoformat(item.time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    changes = ", ".join(f"{count} {op}" for op, count in item.changes.items() if op != "same") or "none"
    return [
        str(item.number),
        when,
        item.message,
        item.who,
        item.commit or "-",
        item.engine,
        f"{item.seconds:.0f}",
        changes,
    ]


def _text(item: Release) -> str:
    return yaml.safe_dump(dict(item.description), sort_keys=False, allow_unicode=True).rstrip()


def _difference(old: Release, new: Release) -> str:
    lines = difflib.unified_diff(
        _text(old).splitlines(), _text(new).splitlines(), f"release {old.number}", f"release {new.number}", lineterm=""
    )
    return "\n".join(lines) or f"releases {old.number} and {new.number} describe the same"
