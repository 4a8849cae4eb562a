"""The live server, asked by the login that may replicate and nothing else."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from slipway_backup import tools
from slipway_backup.errors import BackupError
from slipway_backup.point_in_time import chain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from slipway_backup.config import Part

SLOT: Final = "slipway_backup"
APPLICATION: Final = "slipway-log"
_POLL_S: Final = 0.1
_ARRIVES_S: Final = 30.0
_LEAVES_S: Final = 15.0
_HANGS_MS: Final = 10_000


@dataclass(frozen=True)
class Slot:
    """What makes the server keep log until it was fetched."""

    lost: bool
    """Whether the server has removed log that was not fetched: more was written than it keeps."""
    behind: int
    """Bytes of log that the server keeps for us."""


@dataclass(frozen=True)
class Mark:
    """A commit of our own, before which everything has a place in the log."""

    moment: datetime
    """By the server's clock: what was acknowledged before is in the log before the mark."""
    lsn: int
    """How far the log reaches with it."""
    transactions: str
    """Which transactions had ended after it, as PostgreSQL writes a snapshot."""


class LogServer:
    """One server. Made by :func:`connected`."""

    def __init__(self, part: Part, connection: Any) -> None:
        self._part = part
        self._connection = connection

    def system(self) -> str:
        """Return the identifier of the cluster: another one is another server's data."""
        return str(self._one("SELECT system_identifier FROM pg_catalog.pg_control_system()")[0])

    def superuser(self) -> str:
        """Return the name of the cluster's first role."""
        return str(self._one("SELECT rolname::text FROM pg_catalog.pg_roles WHERE oid = 10")[0])

    def major(self) -> int:
        """Return the major version."""
        return int(self._one("SELECT current_setting('server_version_num')::int")[0]) // 10_000

    def size(self) -> int:
        """Return the bytes of all databases on disk."""
        return int(self._one("SELECT sum(pg_catalog.pg_database_size(oid))::bigint FROM pg_catalog.pg_database")[0])

    def now(self) -> datetime:
        """Return the moment by the server's clock."""
        moment: datetime = self._one("SELECT pg_catalog.clock_timestamp()")[0]
        return moment

    def transactions(self) -> str:
        """Return which transactions have ended: it changes whenever one that wrote something does."""
        return str(self._one("SELECT pg_catalog.pg_current_snapshot()::text")[0])

    def slot(self) -> Slot | None:
        """Return the slot, if there is one."""
        row = self._connection.execute(
            "SELECT wal_status,"
            " coalesce(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn), 0)::bigint"
            " FROM pg_catalog.pg_replication_slots WHERE slot_name = %s",
            (SLOT,),
        ).fetchone()
        return None if row is None else Slot(row[0] == "lost", int(row[1]))

    def make_slot(self) -> None:
        """Make the slot anew: from now on the server keeps what was not fetched, as far as its bound allows."""
        self.release()
        deadline = time.monotonic() + _LEAVES_S
        active = "SELECT count(*) FROM pg_catalog.pg_replication_slots WHERE slot_name = %s AND active"
        while self._connection.execute(active, (SLOT,)).fetchone()[0]:
            if time.monotonic() > deadline:
                raise BackupError(f"database {self._part.name}: its slot is held by somebody else")
            time.sleep(_POLL_S)
        self._connection.execute(
            "SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots"
            " WHERE slot_name = %s",
            (SLOT,),
        )
        self._connection.execute("SELECT pg_catalog.pg_create_physical_replication_slot(%s, true)", (SLOT,))

    def release(self) -> None:
        """End whoever else of ours fetches through the slot."""
        self._connection.execute(
            "SELECT pg_catalog.pg_terminate_backend(active_pid) FROM pg_catalog.pg_replication_slots"
            " WHERE slot_name = %s AND active",
            (SLOT,),
        )

    def mark(self) -> Mark:
        """Write a commit of our own into the log. It changes no data."""
        moment = self.now()
        self._connection.execute("SELECT pg_catalog.pg_logical_emit_message(true, 'slipway', '')")
        transactions = self.transactions()
        lsn = chain.lsn_of(str(self._one("SELECT pg_catalog.pg_current_wal_insert_lsn()::text")[0]))
        return Mark(moment, chain.written(lsn), transactions)

    def wait_until_fetched(self, lsn: int) -> None:
        """Wait until the log is here as far as a place.

        Raises:
            BackupError: It does not come.
        """
        deadline = time.monotonic() + _ARRIVES_S
        while True:
            row = self._connection.execute(
                "SELECT restart_lsn >= %s::pg_lsn, active FROM pg_catalog.pg_replication_slots WHERE slot_name = %s",
                (chain.text_of(lsn), SLOT),
            ).fetchone()
            if row and row[0]:
                return
            if time.monotonic() > deadline:
                state = "is being fetched, but slowly" if row and row[1] else "is not being fetched"
                raise BackupError(f"database {self._part.name}: its write-ahead log {state}")
            time.sleep(_POLL_S)

    def _one(self, query: str) -> Any:
        return self._connection.execute(query).fetchone()


@contextmanager
def connected(part: Part) -> Iterator[LogServer]:
    """Connect to a database as the login that may replicate.

    Raises:
        BackupError: The server does not answer, or refuses something.
    """
    import psycopg  # noqa: PLC0415 - only the image has it

    try:
        with psycopg.connect(
            host=part.text("host"),
            port=int(part.text("port")),
            dbname=part.text("database"),
            user=part.text("log_user"),
            password=part.secret("log_password_file"),
            connect_timeout=10,
            application_name=APPLICATION,
            # Whatever the server's default: a mark that is not on its disk is none.
            options="-c synchronous_commit=local -c statement_timeout=60s",
            autocommit=True,
        ) as connection:
            yield LogServer(part, connection)
    except psycopg.Error as error:
        raise BackupError(f"database {part.name}: {str(error).strip()}") from None


@contextmanager
def credentials(part: Part) -> Iterator[dict[str, str]]:
    """Yield the environment with which PostgreSQL's programs log in to replicate."""
    escaped = part.secret("log_password_file").replace("\\", "\\\\").replace(":", "\\:")
    with tools.secret_file(f"*:*:*:*:{escaped}\n") as file:
        yield {
            "PGHOST": part.text("host"),
            "PGPORT": part.text("port"),
            "PGUSER": part.text("log_user"),
            "PGCONNECT_TIMEOUT": "10",
            "PGAPPNAME": APPLICATION,
            "PGPASSFILE": str(file),
            # Measured: a receiver that hangs keeps its full connection, a checkpoint waits for the end of it to give up
            # the slot, and no log is removed. A setting of the role would not do: replication reads none.
            "PGOPTIONS": f"-c tcp_user_timeout={_HANGS_MS}",
        }
