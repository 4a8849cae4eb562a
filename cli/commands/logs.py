"""``slipway logs``: the containers' logs."""

from __future__ import annotations

import contextlib
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from cli import options
from operate.find_containers import find_containers, of_part
from operate.labels import SERVING_ROLES
from operate.logs import Follower, chosen, read_logs
from settings.units import parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.workplace import Workplace
    from operate.find_containers import Found
    from operate.logs import LogLine

_COLORS: Final = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta")
_TAIL: Final = 100


class _Moment(click.ParamType[Any]):
    """A time, or how long ago it was."""

    name = "WHEN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return it in seconds since 1970."""
        with contextlib.suppress(ValueError):
            return time.time() - parse_duration_s(value)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"'{value}' is no time; allowed: 10m, 1h30m, 2d, or 2026-11-29T14:00", param, ctx)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class _Pattern(click.ParamType[Any]):
    """A regular expression."""

    name = "REGEX"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> re.Pattern[str]:
        """Return it compiled."""
        try:
            return re.compile(value)
        except re.error as error:
            self.fail(f"'{value}' is no regular expression: {error}", param, ctx)


@click.command("logs", epilog="Example: slipway logs api --follow --tail 20")
@click.argument("part", required=False)
@options.stack
@click.option(
    "-f", "--follow", is_flag=True, help="Go on with new lines, those of new replicas included, until Ctrl-C."
)
@click.option(
    "--tail", type=click.IntRange(min=0), help="Last lines of each container. Default: 100, or all that is asked for."
)
@click.option("--all", "everything", is_flag=True, help="All lines that Docker has kept.")
@click.option("--since", type=_Moment(), help="From when on: how long ago (10m, 1h30m), or a time in ISO 8601 (UTC).")
@click.option("--grep", type=_Pattern(), metavar="REGEX", help="Only lines that hold this, of all lines unless --tail.")
@click.option("--request-id", metavar="ID", help="Only lines of this request, whichever part has written them.")
@click.option("--timestamps", is_flag=True, help="Show when each line was written (UTC).")
@click.pass_obj
def command(
    work: Workplace,
    *,
    part: str | None,
    stack: str,
    follow: bool,
    tail: int | None,
    everything: bool,
    since: float | None,
    grep: re.Pattern[str] | None,
    request_id: str | None,
    timestamps: bool,
) -> None:
    """Show the logs of all parts, or of PART (a part, or one replica such as api-0), merged by time.

    A request has one id in the gateway's log and in those of the services that it reaches: --request-id shows its way.
    Jobs are shown only by name. Exit codes: 0 done, 2 there is no such part.
    """
    client = work.docker_client(stack)
    containers = of_part(find_containers(client, work.project, stack), part, stack)
    # What is looked for may stand anywhere; without a question, the last lines are what is wanted.
    asked = everything or since is not None or grep is not None or request_id is not None
    limit = tail if tail is not None else None if asked else _TAIL
    if not follow:
        _write(chosen(read_logs(client, containers, limit, since), grep, request_id), timestamps=timestamps)
        return

    def wanted(container: Found) -> bool:
        return container.role in SERVING_ROLES if part is None else part in {container.part, container.title}

    try:
        lines = Follower(client, work.project, stack, wanted, limit, since=since).lines()
        _write(chosen(lines, grep, request_id), timestamps=timestamps)
    except KeyboardInterrupt:
        click.echo()


def _write(lines: Iterable[LogLine], *, timestamps: bool) -> None:
    colors: dict[str, str] = {}
    width = 0
    for line in lines:
        color = colors.setdefault(line.title, _COLORS[len(colors) % len(_COLORS)])
        width = max(width, len(line.title))
        moment = f"{line.moment[:23]}Z " if timestamps else ""
        click.echo(f"{click.style(line.title.ljust(width), fg=color)} | {moment}{line.text}")
