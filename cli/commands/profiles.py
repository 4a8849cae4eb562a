"""``slipway profiles``: what profiles there are, and switching them on and off."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import click

from cli import options
from cli.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from cli.workplace import Workplace

    Changing: TypeAlias = Callable[[list[str]], list[str]]

_KEY: Final = "slipway:profiles"


@click.group("profiles", invoke_without_command=True, epilog="Example: slipway profiles on local-llm chat")
@options.stack
@options.json_output
@click.pass_context
def command(ctx: click.Context, *, stack: str, as_json: bool) -> None:
    """Show the profiles of a stack's blueprint, whether each is on, and what it adds.

    Exit codes: 0 done, 2 the description is not usable.
    """
    if ctx.invoked_subcommand is not None:
        return
    from settings import profiles_of, read_stack_file  # noqa: PLC0415 - pydantic takes a while to import

    work: Workplace = ctx.obj
    source = read_stack_file(work.root, stack)
    found = profiles_of(source)
    console = Console(json_mode=as_json)
    if as_json:
        shown = {name: {"on": name in source.profiles, "adds": parts} for name, parts in found.items()}
        click.echo(json.dumps(shown, indent=2))
        return
    if not found:
        console.say(f"blueprint {source.blueprint} has no profiles")
    width = max(map(len, found), default=0)
    for name, parts in found.items():
        state = "on " if name in source.profiles else "off"
        console.say(f"{state}  {name.ljust(width)}  {', '.join(parts) or 'changes settings'}")


@command.command("on", epilog="Example: slipway profiles on local-llm chat --stack prod")
@click.argument("names", nargs=-1, required=True)
@options.stack
@click.pass_obj
def on(work: Workplace, *, names: Sequence[str], stack: str) -> None:
    """Switch profiles on in Pulumi.<stack>.yaml; `slipway up` deploys that.

    Exit codes: 0 done, 2 there is no such profile; then nothing was changed.
    """
    _switch(work, stack, lambda active: [*active, *(name for name in names if name not in active)])


@command.command("off", epilog="Example: slipway profiles off scan")
@click.argument("names", nargs=-1, required=True)
@options.stack
@click.pass_obj
def off(work: Workplace, *, names: Sequence[str], stack: str) -> None:
    """Switch profiles off in Pulumi.<stack>.yaml; `slipway up` removes what they had added.

    Exit codes: 0 done, 2 as for `on`.
    """
    _switch(work, stack, lambda active: [name for name in active if name not in names])


def _switch(work: Workplace, stack: str, change: Changing) -> None:
    from operate.stack_overrides import configured  # noqa: PLC0415 - only here
    from settings import read_stack_file  # noqa: PLC0415 - as above

    console = Console()
    wanted = change(list(read_stack_file(work.root, stack).profiles))
    with configured(work.root, stack, {(_KEY,): wanted}) as file:
        _refuse_unknown(work, stack)
    console.good(f"{file.name}: {_KEY} is now [{', '.join(wanted)}]")
    console.say(f"next: slipway up --stack {stack}")


def _refuse_unknown(work: Workplace, stack: str) -> None:
    """Refuse a misspelt profile; what its parts still lack, such as a secret, is said when it is deployed."""
    from settings import check_profiles, read_stack_file  # noqa: PLC0415 - as above

    check_profiles(read_stack_file(work.root, stack))
