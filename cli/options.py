"""Options that several commands share, worded once."""

from __future__ import annotations

import click

stack = click.option(
    "-s", "--stack", default="dev", show_default=True, envvar="SLIPWAY_STACK", metavar="NAME", help="The stack."
)
engine = click.option(
    "--engine",
    type=click.Choice(["auto", "pulumi", "embedded"]),
    default="auto",
    show_default=True,
    envvar="SLIPWAY_ENGINE",
    help="What does the work. auto: Pulumi where it is installed, else the embedded engine.",
)
rollback = click.option(
    "--rollback/--no-rollback",
    default=None,
    help="After a failure, go back to the last release. Default: as on_failure of the description says.",
)


def _path(_ctx: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value and not value.startswith("/"):
        raise click.BadParameter(f"'{value}' is no path: --probe=/PATH, or --probe at the end")
    return value


probe = click.option(
    "--probe",
    is_flag=False,
    flag_value="",
    default=None,
    callback=_path,
    metavar="[=PATH]",
    help="Send requests to the gateway meanwhile, and say how many failed. Default path: a service's health path.",
)
yes = click.option("-y", "--yes", is_flag=True, help="Do it without asking.")
json_output = click.option("--json", "as_json", is_flag=True, help="Write JSON to stdout, messages to stderr.")
