"""``slipway logs``: the containers' logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from cli import options
from operate.find_containers import find_containers, of_part
from operate.labels import SERVING_ROLES
from operate.logs import Follower, read_logs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.workplace import Workplace
    from operate.find_containers import Found
    from operate.logs import LogLine

_COLORS: Final = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta")


@click.command("logs", epilog="Example: slipway logs api --follow --tail 20")
@click.argument("part", required=False)
@options.stack
@click.option(
    "-f", "--follow", is_flag=True, help="Go on with new lines, those of new replicas included, until Ctrl-C."
)
@click.option(
    "--tail", type=click.IntRange(min=0), default=100, show_default=True, help="Last lines of each container."
)
@click.option("--all", "everything", is_flag=True, help="All lines that Docker has kept.")
@click.option("--timestamps", is_flag=True, help="Show when each line was written (UTC).")
@click.pass_obj
def command(
    work: Workplace, *, part: str | None, stack: str, follow: bool, tail: int, everything: bool, timestamps: bool
) -> None:
    """Show the logs of all parts, or of PART (a part, or one replica such as api-0), merged by time.

    Jobs are shown only by name. Exit codes: 0 done, 2 there is no such part.
    """
    client = work.docker_client(stack)
    containers = of_part(find_containers(client, work.project, stack), part, stack)
    limit = None if everything else tail
    if not follow:
        _write(read_logs(client, containers, limit), timestamps=timestamps)
        return

    def wanted(container: Found) -> bool:
        return container.role in SERVING_ROLES if part is None else part in {container.part, container.title}

    try:
        _write(Follower(client, work.project, stack, wanted, limit).lines(), timestamps=timestamps)
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
