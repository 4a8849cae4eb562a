"""A cluster brought to a moment: a base backup and its log, replayed by a server without a network listener."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway_backup import files, tools
from slipway_backup.errors import BackupError, NotVerifiedError
from slipway_backup.point_in_time import base, segments
from slipway_backup.point_in_time.chain import FACTS, Facts, Window, facts_of, lsn_of, moment_of
from slipway_backup.restore.server import Server, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from slipway_backup.report import Report
    from slipway_backup.restic import Repository

_SETTINGS: Final = {
    "listen_addresses": "''",
    "wal_level": "replica",
    "hot_standby": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "archive_mode": "off",
    "autovacuum": "off",
    "max_wal_senders": "0",
    "max_replication_slots": "0",
    # Of the live server nothing is known but its data: transactions that it has prepared need room.
    "max_prepared_transactions": "256",
    "max_wal_size": "1GB",
    "shared_buffers": "64MB",
    "maintenance_work_mem": "96MB",
    # /dev/shm of a container is small.
    "dynamic_shared_memory_type": "mmap",
    "max_parallel_maintenance_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "recovery_target_action": "promote",
    "recovery_target_inclusive": "on",
}
_OVERRIDES: Final = ("postgresql.auto.conf", "standby.signal", "postmaster.opts")
_UP_S: Final = 0.2
_GRACE_S: Final = 10.0
_SHORT: Final = "recovery ended before configured recovery target was reached"
_EARLY: Final = "before consistent recovery point"


@dataclass(frozen=True)
class Recovered:
    """A server that has arrived at its moment."""

    server: Server
    reached: str | None
    """When the last transaction that it has seen ended, in UTC; nothing if it has seen none since the base backup."""


def fetch(place: Repository, window: Window, folder: Path, report: Report) -> Facts:
    """Fetch a chain from one destination, compare each file, and lay it out for :func:`recovered`.

    Args:
        place: The destination.
        window: The chain.
        folder: A folder for it; what is there goes.
        report: Takes the phases.

    Raises:
        NotVerifiedError: It is not what was stored.
        DestinationError: It can't be had.
        SpaceError: It would not fit.
    """
    report.phase("fetch", store=window.store, destination=place.name)
    files.remove(folder)
    chain = folder / "chain"
    chain.mkdir(parents=True)
    snapshot = window.logs[place.name]
    place.fetch(snapshot, chain)
    file = chain / FACTS
    name = f"destination {place.name}: {snapshot.id}"
    if not file.exists():
        raise NotVerifiedError(f"{name} lacks {FACTS}")
    facts = facts_of(file.read_text(encoding="utf-8"), name)
    files.need_space(folder, facts.base_bytes * 2, f"restoring {window.store} to a moment")
    data = folder / "data"
    data.mkdir(mode=0o700)
    place.fetch(window.bases[place.name], data)
    data.chmod(0o700)
    base.check(data)
    segments.lay_flat(chain, folder / "log")
    files.remove(chain)
    return facts


@contextmanager
def recovered(folder: Path, facts: Facts, moment: datetime | None = None) -> Iterator[Recovered]:
    """Replay a fetched chain up to a moment and run the server.

    Args:
        folder: From :func:`fetch`; it is used up.
        facts: What the chain says of itself.
        moment: What ended after it is not there. Default, and where it is later than the log's last mark: everything.

    Raises:
        NotVerifiedError: The moment was not reached.
    """
    to_its_end = moment is None or moment > moment_of(facts.until)
    data, log = folder / "data", folder / "log"
    settings = {**_SETTINGS, "restore_command": _quoted(f'cp "{log}/%f" "%p"')}
    if not to_its_end:
        assert moment is not None  # noqa: S101 - said above
        settings["recovery_target_time"] = _quoted(f"{moment:%Y-%m-%d %H:%M:%S.%f}+00")
    for name in _OVERRIDES:
        (data / name).unlink(missing_ok=True)
    # Its own settings may name libraries, files and addresses of another place.
    (data / "postgresql.conf").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
    (data / "pg_hba.conf").write_text("local all all trust\n")
    (data / "recovery.signal").touch()
    (data / "pg_wal" / "archive_status").mkdir(parents=True, exist_ok=True)
    (data / "pg_wal").chmod(0o700)
    socket = Path(tempfile.mkdtemp(prefix="recover-"))
    said = folder / "server.log"
    try:
        with said.open("wb") as stream:
            process = subprocess.Popen(
                ["postgres", "-D", str(data), "-k", str(socket)],
                env=tools.environment(),
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                server = Server(str(socket), facts.superuser)
                _arrive(server, process, said, facts)
                yield Recovered(server, _reached(server, facts, moment, to_its_end=to_its_end))
            finally:
                _end(process)
    finally:
        shutil.rmtree(socket, ignore_errors=True)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _arrive(server: Server, process: subprocess.Popen[bytes], said: Path, facts: Facts) -> None:
    """Wait until it takes statements: while it replays it takes none. A long log takes its time."""
    while process.poll() is None:
        try:
            if server.sql("postgres", "SELECT pg_is_in_recovery();") == "f":
                return
        except ServerError:
            pass
        try:
            process.wait(timeout=_UP_S)
        except subprocess.TimeoutExpired:
            continue
    text = said.read_text(encoding="utf-8", errors="replace")
    if _SHORT in text:
        raise NotVerifiedError(f"{facts.store}: the log that was stored ends before the moment; nothing was touched")
    if _EARLY in text:
        raise NotVerifiedError(f"{facts.store}: the moment lies before the end of the base backup; nothing was touched")
    raise NotVerifiedError(f"{facts.store}: the server that replays the log ended: {tools.tail(text)}")


def _reached(server: Server, facts: Facts, moment: datetime | None, *, to_its_end: bool) -> str | None:
    """Return what was reached; the server itself ends where it is less than was asked for."""
    place, last, late = server.sql(
        "postgres",
        "SET TimeZone = 'UTC'; SELECT coalesce(pg_last_wal_replay_lsn()::text, '0/0'),"
        " coalesce(pg_last_xact_replay_timestamp()::text, ''),"
        f" coalesce(pg_last_xact_replay_timestamp() > '{moment or 'infinity'}'::timestamptz, false);",
    ).split("\t")
    if to_its_end and lsn_of(place) < lsn_of(facts.lsn):
        raise NotVerifiedError(f"{facts.store}: the log that was stored reaches {place} and not {facts.lsn}")
    if late == "t":
        raise NotVerifiedError(f"{facts.store}: a transaction of {last} was replayed, and {moment} was asked for")
    return last or None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=_GRACE_S)
    except subprocess.TimeoutExpired:
        # SIGQUIT: its own children end with it.
        os.kill(process.pid, 3)
        process.wait()


def prove(place: Repository, window: Window, folder: Path, database: str, report: Report) -> None:
    """Fetch a chain, replay all of it, and look for damage.

    Raises:
        BackupError: It can't be had, does not replay to its last mark, or is damaged.
    """
    try:
        facts = fetch(place, window, folder, report)
        report.phase("verify", store=window.store, destination=place.name)
        with recovered(folder, facts, moment_of(facts.until)) as found:
            try:
                found.server.run(
                    ["pg_amcheck", "--database", database, "--install-missing=pg_catalog", "--heapallindexed"]
                )
            except ServerError as error:
                raise BackupError(f"{window.store}: {error}") from None
    finally:
        files.remove(folder)
