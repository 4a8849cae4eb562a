"""``slipway rotate``: new credentials, server and clients together."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from cli import options
from cli.console import Console
from cli.deploy import Deployment, deploy
from cli.deployment import NoSuchStack
from engine.settings_file import with_value
from operate.errors import OperateError
from settings.source import NAMESPACE, stack_file

if TYPE_CHECKING:
    from cli.workplace import Workplace
    from settings import Loaded

_KEY: Final = f"{NAMESPACE}:rotations"


class NothingToRotate(OperateError):  # noqa: N818 - named as what it reports
    """The description has no such credential."""

    exit_code = 2


@click.group("rotate", epilog="Example: slipway rotate database main --stack prod")
def command() -> None:
    """Give a database, a cache or a secret a new credential; server and clients change over together."""


@command.command("database", epilog="Example: slipway rotate database main --stack prod --yes")
@click.argument("name")
@options.stack
@options.engine
@options.yes
@click.pass_obj
def database(work: Workplace, *, name: str, stack: str, engine: str, yes: bool) -> None:
    """Rotate the login of a database without a failed request.

    Two deployments: a new login is made beside the old one and clients move to it, release by release; when the old
    clients are gone, the old login is refused. The server is not restarted. If the first one fails, both logins stay
    valid, and the same command goes on from there.

    Exit codes: those of `slipway up`.
    """
    loaded = _load(work, stack)
    if name in loaded.platform.caches:
        raise NothingToRotate(f"{name} is a cache\n  fix: slipway rotate cache {name}")
    if name in loaded.platform.vector_stores:
        raise NothingToRotate(
            f"{name} is a vector store: Qdrant has one key at a time, so it can't be rotated without failed requests\n"
            "  fix: without protection it gets a new key by slipway destroy and slipway up"
        )
    if name in loaded.platform.model_servers:
        raise NothingToRotate(
            f"{name} is a model server, which has no credential of its own\n"
            "  fix: rotate the key of the route that leads to it: slipway rotate secret NAME"
        )
    if name not in loaded.platform.databases:
        raise NothingToRotate(
            f"there is no database {name}\n  allowed: {', '.join(loaded.platform.databases) or 'none is described'}"
        )
    _rotate(work, stack, engine, loaded, name, "login", yes=yes)


@command.command("cache", epilog="Example: slipway rotate cache queue --stack prod --yes")
@click.argument("name")
@options.stack
@options.engine
@options.yes
@click.pass_obj
def cache(work: Workplace, *, name: str, stack: str, engine: str, yes: bool) -> None:
    """Rotate the password of a cache with persistence without a failed request.

    Two deployments: the server learns a new password beside the old one and clients move to it, release by release;
    when the old clients are gone, the old password is refused and connections that came with it are ended. The server
    is not restarted, and keeps its passwords (as hashes) beside its data. If the first one fails, both stay valid, and
    the same command goes on from there.

    Exit codes: those of `slipway up`.
    """
    loaded = _load(work, stack)
    caches = loaded.platform.caches
    if name not in caches:
        raise NothingToRotate(f"there is no cache {name}\n  allowed: {', '.join(caches) or 'none is described'}")
    if caches[name].persistence != "aof":
        raise NothingToRotate(
            f"{name} keeps nothing over a restart, so a second password would be forgotten, its clients refused\n"
            f"  fix: caches.{name}.persistence: aof; or a new password by slipway destroy and slipway up"
        )
    _rotate(work, stack, engine, loaded, name, "password", yes=yes)


def _rotate(  # noqa: PLR0917 - one a choice of the user's
    work: Workplace, stack: str, engine: str, loaded: Loaded, name: str, what: str, *, yes: bool
) -> None:
    """Open and close a rotation, or go on with one that was begun."""
    done = loaded.rotations.get(name, 0)
    console = Console()
    if done % 2 == 0:
        console.confirm(f"Rotate the {what} of {name} on {stack}?", yes=yes)
        done += 1
        _write(work, stack, loaded, name, done)
    else:
        console.say(f"{name}: going on with the rotation that was begun")
    asked = Deployment(stack=stack, engine=engine, yes=True, rollback=False, message=f"rotate {name}: new {what}")
    deploy(work, asked)
    _write(work, stack, _load(work, stack), name, done + 1)
    deploy(
        work,
        Deployment(stack=stack, engine=engine, yes=True, rollback=False, message=f"rotate {name}: old {what} refused"),
    )
    console.good(f"{name}: rotated; commit {stack_file(stack)}")


@command.command("secret", epilog="Example: slipway rotate secret session_key --stack prod --yes")
@click.argument("name")
@options.stack
@options.engine
@options.yes
@click.pass_obj
def secret(work: Workplace, *, name: str, stack: str, engine: str, yes: bool) -> None:
    """Give a secret a new value and replace what uses it, release by release.

    A generated one is generated anew. One of the configuration is asked for, or read from stdin.

    While containers change over, old and new ones have different values: what two parts share, or what has encrypted
    data, is for the application to accept both of.

    Exit codes: those of `slipway up`.
    """
    loaded = _load(work, stack)
    known = loaded.platform.secrets
    if name not in known:
        raise NothingToRotate(f"there is no secret {name}\n  allowed: {', '.join(known) or 'none is described'}")
    console = Console()
    generated = known[name].source == "generated"
    value = "" if generated else _new_value(name)
    console.confirm(f"Give {name} of {stack} a new value and replace what uses it?", yes=yes)
    if generated:
        _write(work, stack, loaded, name, loaded.rotations.get(name, 0) + 1)
    else:
        work.open_engine(stack, engine, console).set_config(f"{NAMESPACE}:{name}", value, secret=True)
    deploy(work, Deployment(stack=stack, engine=engine, yes=True, rollback=False, message=f"rotate {name}"))
    console.good(f"{name}: rotated; commit {stack_file(stack)}")


def _load(work: Workplace, stack: str) -> Loaded:
    if not (work.root / stack_file(stack)).exists():
        raise NoSuchStack(f"there is no stack {stack}")
    return work.load(stack)


def _new_value(name: str) -> str:
    """Return the value that somebody types or pipes in; it never stands in an argument."""
    value = (
        click.prompt(f"New value of {name}", hide_input=True, confirmation_prompt=True)
        if sys.stdin.isatty()
        else sys.stdin.read().rstrip("\n")
    )
    if not value:
        raise NothingToRotate(f"no value for {name} was given\n  fix: type it, or pipe it in with --yes")
    return str(value)


def _write(work: Workplace, stack: str, loaded: Loaded, name: str, steps: int) -> None:
    """Note how far a rotation is in the stack's file, from where the program reads it on either engine."""
    file = work.root / stack_file(stack)
    text = with_value(file.read_text(encoding="utf-8"), _KEY, {**loaded.rotations, name: steps})
    file.write_text(text, encoding="utf-8")
