"""``slipway restore``: bring a backup back, beside what is live until it is proved."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from cli import options
from cli.console import Console
from operate.errors import OperateError
from operate.moments import read_moment, written

if TYPE_CHECKING:
    from pathlib import Path

    from cli.workplace import Workplace
    from operate.restore_source import Done, Source
    from operate.restoring import Restore

_MIB = 1 << 20


class WrongArguments(OperateError):  # noqa: N818 - named as what it reports
    """These don't go together."""

    exit_code = 2


@click.command("restore", epilog="Example: slipway restore latest --only main --stack prod")
@click.argument("backup", default="latest", metavar="[BACKUP|latest]")
@options.stack
@click.option("--only", multiple=True, metavar="STORE", help="Restore this store alone; may be repeated.")
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False),
    help="Restore a dump made elsewhere (custom, tar or SQL, also in gzip or zstd) into the database named by --only.",
)
@click.option(
    "--to",
    metavar="TIME",
    help="Restore databases to a moment, to the second: '2026-11-30 15:04:05+00'. Needs backups.point_in_time.",
)
@click.option("--no-safety", is_flag=True, help="Do not back up how it is now first.")
@click.option("--forget", is_flag=True, help="Remove what earlier restores have kept, for good, and end.")
@options.yes
@options.json_output
@click.pass_obj
def command(
    work: Workplace,
    *,
    backup: str,
    stack: str,
    only: tuple[str, ...],
    file: Path | str | None,
    to: str | None,
    no_safety: bool,
    forget: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Restore BACKUP, by default the newest verified one, or with --to databases to a moment between backups.

    What is live is backed up and that backup verified. The backup is restored beside what is live and compared with
    what it was. Then what uses it is held for a moment, and the two change places. What was live before is kept until
    `slipway restore --forget`.

    Killed at any moment, the live data are whole; the next `slipway restore` tidies up.

    Exit codes: 0 restored, 1 refused or failed, 2 wrong arguments, or nobody to answer and no --yes, 8 not confirmed.
    """
    console = Console(json_mode=as_json)
    moment = read_moment(to, datetime.now(UTC)) if to is not None else None
    restore = open_restore(work, stack, console)
    if forget:
        _forget(restore, console, stack, yes=yes)
        return
    for line in restore.tidy():
        console.step(f"left by a restore that was interrupted: {line}")
    source = _source(restore, backup, only, file, moment)
    _announce(console, source, restore)
    restore.check_space(source)
    console.confirm(f"Replace what is live in {stack} by that?", yes=yes)
    safety = None if no_safety else restore.safety()
    done = restore.run(source, f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    done.safety = safety
    _tell(console, source, done, stack)


def open_restore(work: Workplace, stack: str, console: Console) -> Restore:
    """Return what restores a stack. Raises NoBackups and SettingsError."""
    from operate.outside_postgres import Outside  # noqa: PLC0415 - as below
    from operate.restore_source import Stores  # noqa: PLC0415 - with the next
    from operate.restoring import Restore  # noqa: PLC0415 - loads Docker's library
    from settings.texts import references_in  # noqa: PLC0415 - pydantic takes a while to import

    client = work.docker_client(stack)
    loaded = work.load(stack)
    platform = loaded.platform
    users: dict[str, frozenset[str]] = {}
    workloads = {**platform.services, **platform.workers}
    for store in (*platform.databases, *platform.caches):
        users[store] = frozenset(name for name, workload in workloads.items() if store in workload.needs)
    for store in platform.volumes:
        users[store] = frozenset(
            name for name, workload in workloads.items() if any(mount.volume == store for mount in workload.volumes)
        )
    databases = {name: database.database or name for name, database in platform.databases.items()}
    places: dict[str, Outside] = {}
    for name, database in loaded.externals.items():
        if database.external is None or (platform.backups and name in platform.backups.exclude):
            continue
        databases[name] = database.database or name
        users[name] = frozenset(
            part
            for part, workload in workloads.items()
            if any(item.section == "databases" and item.name == name for item in references_in(workload))
        )
        place = database.external
        places[name] = Outside(
            host=place.host,
            port=place.port,
            user=database.user or name,
            tls=place.tls,
            ca_file=f"/etc/slipway-backup/{name}-database-ca.pem" if place.ca_bundle else None,
        )
    return Restore(client, work.project, stack, Stores(users, databases, places), console.step)


def _source(
    restore: Restore, backup: str, only: tuple[str, ...], file: Path | str | None, moment: datetime | None
) -> Source:
    if moment is not None:
        if file is not None or backup != "latest":
            raise WrongArguments("--to and a backup or a file can't both be restored\n  fix: give one of them")
        return restore.choose_moment(moment, only)
    if file is None:
        return restore.choose(backup, only)
    if backup != "latest":
        raise WrongArguments("--file and a backup can't both be restored\n  fix: give one of them")
    if len(only) != 1:
        raise WrongArguments("a file is restored into one database\n  fix: name it: --only main")
    from pathlib import Path  # noqa: PLC0415 - only for this

    return restore.bring(Path(str(file)), only[0])


def _announce(console: Console, source: Source, restore: Restore) -> None:
    if source.file:
        console.say(
            f"file {source.name}: it has no manifest, so what it should hold is not known; that it is whole is checked"
        )
    elif source.moment:
        proved = "" if source.verified else "; its base backup and log were not proved yet"
        console.say(f"databases as they were at {written(datetime.fromisoformat(source.moment))}{proved}")
    else:
        console.say(f"backup {source.set_id}, made {source.taken}, {'verified' if source.verified else 'NOT VERIFIED'}")
    console.table(
        ("STORE", "KIND", "LIVE NOW", "WILL BE REPLACED BY"),
        [
            (name, str(record["kind"]), restore.live_size(name), _words(record))
            for name, record in source.stores.items()
        ],
    )
    if source.left_out:
        console.say(f"not restored: {', '.join(source.left_out)}")


def _words(record: Any) -> str:
    content = record["content"]
    if not record["bytes"]:
        return "what was there then"
    if "tables" in content:
        return f"{len(content['tables'])} tables, {sum(table['rows'] for table in content['tables'].values())} rows"
    if "keys" in content:
        return f"{content['keys']} keys"
    if "entries" in content:
        return f"{content['entries']} files and folders"
    return f"{int(record['bytes']) / _MIB:.1f} MiB"


def _tell(console: Console, source: Source, done: Done, stack: str) -> None:
    if console.json_mode:
        click.echo(
            json.dumps(
                {
                    "backup": source.set_id,
                    "stores": list(source.stores),
                    "safety": done.safety,
                    "kept": done.kept,
                    "rows": done.rows,
                    "held_s": round(done.held_s, 3),
                    **({"to": source.moment, "reached": done.reached} if source.moment else {}),
                }
            )
        )
        return
    console.good(f"restored: {', '.join(source.stores)} (held for {done.held_s:.1f} s)")
    for store, reached in done.reached.items():
        console.say(f"the last transaction in {store}: {reached or 'none since the base backup'}")
    if done.safety:
        console.say(f"as it was before: backup {done.safety}")
    if done.kept:
        console.say(
            f"kept beside it: {', '.join(done.kept.values())}; slipway restore --forget --stack {stack} removes that"
        )


def _forget(restore: Restore, console: Console, stack: str, *, yes: bool) -> None:
    kept = [(server.part, item.name, item.size) for server, item in restore.kept()]
    console.table(("DATABASE", "KEPT AS", "MIB"), [(part, name, f"{size / _MIB:.1f}") for part, name, size in kept])
    console.confirm(f"Remove for good what restores have kept in {stack}?", yes=yes)
    told = restore.forget()
    console.good(f"removed: {', '.join(told)}" if told else "nothing was kept")
