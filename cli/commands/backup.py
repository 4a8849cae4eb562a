"""``slipway backup``: make a backup now, and look at those that there are."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import options
from cli.backup_progress import BackupProgress, readable
from cli.backups import leave_state
from cli.console import Console
from operate.backups import BackupFailed, find_scheduler, run, verify

if TYPE_CHECKING:
    from cli.workplace import Workplace
    from operate.backups import Scheduler


@click.group("backup", invoke_without_command=True, epilog="Example: slipway backup --stack prod")
@options.stack
@options.json_output
@click.pass_context
def command(ctx: click.Context, *, stack: str, as_json: bool) -> None:
    """Make a backup of every store now, and prove it by restoring it.

    It runs in the platform's own container and is carried on there if this command is interrupted. Its subcommands look
    at the backups that there are.

    Exit codes: 0 made (and verified, unless the description says otherwise), 1 failed, 2 the stack has no backups.
    """
    if ctx.invoked_subcommand is not None:
        return
    work: Workplace = ctx.obj
    console = Console(json_mode=as_json)
    scheduler = _scheduler(work, stack)
    if not leave_state(work, stack, scheduler):
        console.warn("the state is not in files of this machine, so this backup has the one of the last deployment")
    made = run(scheduler, "manual", _told(console, as_json=as_json))
    if not as_json:
        seconds = sum(made["seconds"].values())
        how = "verified" if made["verified"] else "stored, not verified"
        console.good(f"{made['id']}: {how}, {readable(made['bytes'])}, in {', '.join(made['destinations'])}")
        console.step(f"{seconds:.1f} s: " + ", ".join(f"{name} {took:.1f}" for name, took in made["seconds"].items()))


@command.command("list", epilog="Example: slipway backup list --stack prod --json")
@options.stack
@options.json_output
@click.pass_obj
def list_(work: Workplace, *, stack: str, as_json: bool) -> None:
    """List the backups of every destination, the newest first.

    Exit codes: 0 listed, 1 no destination answers, 2 the stack has no backups.
    """
    found: list[dict[str, Any]] = _scheduler(work, stack).ask("list", "--json")
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    console = Console()
    if not found:
        console.say(f"stack {stack} has no backup yet: slipway backup --stack {stack}")
    console.table(
        ("BACKUP", "MADE", "WHY", "SIZE", "VERIFIED", "IN"),
        [
            (
                item["id"],
                _moment(item.get("started")),
                item["trigger"],
                readable(item["bytes"]) if "bytes" in item else "?",
                _moment(item["verified"]) if item["verified"] else "no",
                ", ".join(item["destinations"]),
            )
            for item in found
        ],
    )


@command.command("show", epilog="Example: slipway backup show latest --stack prod")
@click.argument("backup", default="latest")
@options.stack
@options.json_output
@click.pass_obj
def show(work: Workplace, *, backup: str, stack: str, as_json: bool) -> None:
    """Show what a backup holds. BACKUP is its name, or `latest`: the newest verified one.

    Exit codes: 0 shown, 1 failed, 2 the stack has no backups, 6 there is no such backup.
    """
    found = _scheduler(work, stack).ask("show", backup, "--json")
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    console = Console()
    console.say(f"{found['id']} ({found['trigger']}), in {', '.join(found['destinations'])}")
    console.say(f"verified {_moment(found['verified'])}" if found["verified"] else "not verified")
    manifest = found["manifest"] or {"stores": []}
    console.table(
        ("STORE", "KIND", "SIZE", "SECONDS", "HOLDS"),
        [
            (item["name"], item["kind"], readable(item["bytes"]), f"{item['seconds']:.1f}", _holds(item["content"]))
            for item in manifest["stores"]
        ],
    )


@command.command("verify", epilog="Example: slipway backup verify latest --stack prod --read-all")
@click.argument("backup", default="latest")
@options.stack
@click.option("--read-all", is_flag=True, help="Also read every byte that is stored in any destination.")
@options.json_output
@click.pass_obj
def verify_(work: Workplace, *, backup: str, stack: str, read_all: bool, as_json: bool) -> None:
    """Fetch a backup, restore it into servers of its own, and compare it with what was backed up.

    Exit codes: 0 it holds what it should, 1 it does not or can't be had, 2 the stack has no backups, 6 no such backup.
    """
    console = Console(json_mode=as_json)
    done = verify(_scheduler(work, stack), backup, _told(console, as_json=as_json), read_all=read_all)
    if not as_json:
        console.good(f"{done['id']}: restored and compared, it holds what was backed up")


@command.command("key", epilog="Example: slipway backup key --stack prod --out /media/safe/backup-passphrase")
@options.stack
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A file to be made.")
@click.pass_obj
def key(work: Workplace, *, stack: str, out: Path) -> None:
    """Write the passphrase of the backups to a file, to be kept elsewhere.

    Without it nobody can read a backup, and it is lost with the host and the stack's state.

    Exit codes: 0 written, 1 the file can't be made, 2 the stack has no backups.
    """
    passphrase = _scheduler(work, stack).passphrase()
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(passphrase + "\n")
    except OSError as error:
        raise BackupFailed(f"can't make {out}: {error.strerror}") from error
    Console().good(f"{out}: keep it away from this host, and away from the backups")


def _scheduler(work: Workplace, stack: str) -> Scheduler:
    return find_scheduler(work.docker_client(stack), work.project, stack)


def _told(console: Console, *, as_json: bool) -> Any:
    """Return what takes events: as they are for a program, in words for people."""
    return (lambda event: click.echo(json.dumps(event))) if as_json else BackupProgress(console)


def _moment(text: str | None) -> str:
    return (text or "?").replace("T", " ").removesuffix("Z")


def _holds(content: dict[str, Any]) -> str:
    if "tables" in content:
        rows = sum(table["rows"] for table in content["tables"].values())
        return f"PostgreSQL {content['server_version']}, {len(content['tables'])} tables, {rows} rows"
    if "keys" in content:
        return f"Redis {content['server_version']}, {content['keys']} keys"
    if "deployed" in content:
        return f"state of {_moment(content['deployed'])}" if content["deployed"] else "no state"
    if "entries" in content:
        return f"{content['entries']} files and folders{_paused(content)}"
    counted = {key: len(value) for key, value in content.items() if isinstance(value, list | dict)}
    return ", ".join(f"{count} {key}" for key, count in counted.items())


def _paused(content: dict[str, Any]) -> str:
    """Say that what writes a volume stood still while it was archived, if it did."""
    if "paused" not in content:
        return ""
    return f", services paused for {content['paused']['seconds']:.1f} s"
