"""The root command. Each subcommand is a module of ``cli.commands`` that is imported when it is asked for."""

from __future__ import annotations

import gc
import importlib
import sys
from pathlib import Path
from typing import Final

import click

from cli.failures import run_reporting
from cli.workplace import Workplace

COMMANDS: Final = {
    "init": "Write a project of your own, from five questions or a template.",
    "up": "Deploy a stack: create, change and delete until it is as described.",
    "preview": "Show what `up` would do.",
    "destroy": "Remove a stack's containers and networks; data stay unless asked.",
    "data": "Show what data are kept on the host, and remove them for good.",
    "backup": "Make a backup, and look at those that there are.",
    "restore": "Bring a backup back, beside what is live until it is proved.",
    "recover": "Bring a whole stack back on a host that has nothing of it.",
    "upgrade": "Move a database to another major version, and keep the old one.",
    "rotate": "Give a database or a secret a new credential.",
    "refresh": "Bring the state up to what really runs.",
    "status": "Show what runs and whether it is well.",
    "scale": "Deploy another number of replicas.",
    "promote": "Give a canary more requests, in the end all.",
    "abort": "Take a canary away.",
    "switch": "Lead all requests to the other set of a blue-green service.",
    "restart": "Replace a service's containers by fresh ones.",
    "maintenance": "Show the maintenance page, or end it.",
    "releases": "List what was deployed, and when.",
    "probe": "Send requests at a constant rate and say what became of them.",
    "rollback": "Return the whole platform to an earlier release.",
    "logs": "Show the containers' logs.",
    "shell": "Open a shell in a container, or run a command there.",
    "psql": "Open psql in a database's container.",
    "redis-cli": "Open redis-cli in a cache's container.",
    "run": "Run a job now, such as seed or migrate.",
    "scan": "Run what belongs to the profile scan.",
    "profiles": "Show profiles and what they add, or switch them on and off.",
    "config": "Show the merged description, and where each value comes from.",
    "schema": "Write the JSON Schema of blueprints, for editors.",
    "check-env": "Check that a stack has all that it needs: values, secrets, builds.",
    "doctor": "Check this machine and say what mends it.",
    "images": "Build or list the images that Slipway ships.",
    "outputs": "Show the stack's outputs.",
    "history": "Show the stack's past operations.",
    "env": "Print the variables with which `pulumi` carries on from the same state.",
    "cancel": "Remove the lock of an operation that died.",
}
"""Name and summary of each command, in the order in which help shows them."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names in the order of help."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing it."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"cli.commands.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)  # noqa: S101 - each module of that folder defines one
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was most likely meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib  # noqa: PLC0415 - only for a mistake

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)


def _tell_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        import tomllib  # noqa: PLC0415 - only for this

        with (Path(__file__).resolve().parent.parent / "pyproject.toml").open("rb") as file:
            click.echo(f"slipway {tomllib.load(file)['project']['version']}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "-C",
    "--project",
    "project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="SLIPWAY_PROJECT",
    help="The project's folder. Default: the one that this command belongs to.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version and exit.",
)
@click.pass_context
def root(ctx: click.Context, project: Path | None) -> None:
    """Build a self-hosted AI platform from one description and keep it running.

    \b
    Example:
      slipway up                 # the starter platform, stack dev
      slipway status
      slipway destroy --volumes
    """  # noqa: D301 - click's mark for text that is not to be wrapped
    if ctx.obj is None:  # a test brings its own
        ctx.obj = Workplace((project or Path(__file__).resolve().parent.parent).resolve())


def main() -> None:
    """Run the command line and leave with its exit code."""
    code = run_reporting(lambda: root.main(prog_name="slipway", standalone_mode=False))
    # Taking down the objects of a large platform one by one would take seconds, for a process that ends anyway.
    gc.freeze()
    sys.exit(code)
