"""A PostgreSQL database: one exported snapshot from which it is both dumped and counted."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from slipway_backup import tools
from slipway_backup.errors import BackupError
from slipway_backup.scratch.postgres import ScratchPostgres, scratch_postgres
from slipway_backup.stores import postgres_content as content

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from slipway_backup.config import Part
    from slipway_backup.manifest import StoreRecord
    from slipway_backup.report import Report

CUSTOM: Final = "dump.custom"
SQL: Final = "dump.sql.zst"
GLOBALS: Final = "globals.sql"
_TIMES_SIZE: Final = 2.5
"""The dump, the SQL of it compressed, and the scratch copy with its indexes, beside the size of the database."""
_POLL_S: Final = 0.5
_CERTIFICATES: Final = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True)
class Postgres:
    """A database of a server of the platform, or of any other that is reached over the network."""

    part: Part

    @contextmanager
    def open(self) -> Iterator[OpenPostgres]:
        """Export a snapshot and keep its transaction."""
        import psycopg  # noqa: PLC0415 - only where it is needed

        part = self.part
        try:
            connection = psycopg.connect(
                host=part.text("host"),
                port=int(part.text("port")),
                dbname=part.text("database"),
                user=part.text("user"),
                password=part.secret("password_file"),
                connect_timeout=15,
                application_name="slipway-backup",
                autocommit=True,
                **encryption(part),
            )
        except psycopg.Error as error:
            raise BackupError(f"database {part.name}: can't be asked: {str(error).strip()}") from None
        with ExitStack() as stack:
            stack.callback(connection.close)
            try:
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                content.settle(connection)
                yield OpenPostgres(part, connection)
            except psycopg.Error as error:
                raise BackupError(f"database {part.name}: {_advised(part, str(error).strip())}") from error
            except BackupError as error:
                if (advised := _advised(part, str(error))) == str(error):
                    raise
                raise BackupError(f"database {part.name}: {advised}") from None

    def verify(self, files: Path, record: StoreRecord, scratch: Path, report: Report) -> list[str]:
        """Restore the dump into a scratch server, count, compare, and look for damage with pg_amcheck."""
        report.phase("verify", store=self.part.name)
        wanted = record.content
        with scratch_postgres(scratch) as server:
            restore_dump(server, files, wanted)
            with _connected(server, "restored") as connection:
                found_tables, found_sequences = content.tables(connection), content.sequences(connection)
            told = content.differences(wanted, found_tables, found_sequences)
            try:
                server.run("pg_amcheck", "--database", "restored", "--install-missing=pg_catalog", "--heapallindexed")
            except BackupError as error:
                told.append(str(error))
        return told


@dataclass
class OpenPostgres:
    """A database whose snapshot is held."""

    part: Part
    connection: Any
    snapshot: str = ""
    started: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take the snapshot now: what is dumped later is what was there when the store was opened."""
        self.snapshot, lsn, moment = self.connection.execute(
            "SELECT pg_catalog.pg_export_snapshot(),"
            " CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
            " ELSE pg_catalog.pg_current_wal_lsn() END::text,"
            ' pg_catalog.to_char(pg_catalog.transaction_timestamp(), \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')'
        ).fetchone()
        self.started = {"lsn": lsn, "snapshot_time": moment}
        if is_external(self.part):
            self._refuse_newer_server()
        self._refuse_what_is_not_dumped()

    def estimate(self) -> int:
        """Ask the server for the size of the database."""
        return int(self._size() * _TIMES_SIZE)

    def dump(self, folder: Path, report: Report) -> Mapping[str, Any]:
        """Dump and count side by side, in one snapshot; beside it, the same as SQL."""
        content_ = self.take(folder, report)
        _as_sql(folder / CUSTOM, folder / SQL)
        return content_

    def take(self, folder: Path, report: Report) -> Mapping[str, Any]:
        """Dump and count, in custom format alone."""
        where = {"store": self.part.name}
        custom, total = folder / CUSTOM, self._size()
        sequences = content.sequences(self.connection)
        with self._credentials() as env:
            process = subprocess.Popen(
                [
                    *("pg_dump", "--no-password", "--format=custom", "--compress=0"),
                    *(f"--snapshot={self.snapshot}", "--file", str(custom)),
                ],
                env=tools.environment(env),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            try:
                tables = content.tables(
                    self.connection, lambda _: report.progress("dump", _bytes(custom), total, **where)
                )
                _wait(process, lambda: report.progress("dump", _bytes(custom), total, **where))
            except BaseException:
                process.kill()
                process.wait()
                raise
            globals_ = tools.run(
                [
                    *("pg_dumpall", "--no-password", "--globals-only", "--no-role-passwords", "--no-tablespaces"),
                    *("--database", self.part.text("database")),
                ],
                env,
            )
        (folder / GLOBALS).write_text(globals_, encoding="utf-8")
        for name, after in content.sequences(self.connection).items():
            if name in sequences and sequences[name] != after:
                sequences[name]["until"] = after["last_value"]
        facts = self._facts()
        self.connection.execute("COMMIT")
        return {**self.started, **facts, "tables": tables, "sequences": sequences}

    def _refuse_what_is_not_dumped(self) -> None:
        if self.connection.execute("SELECT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)").fetchone()[0]:
            raise BackupError(
                f"database {self.part.name} has large objects, which the backup's role may not read"
                " (pg_read_all_data leaves them out): keep such data in bytea columns or a volume,"
                f" or leave it out with backups: {{exclude: [{self.part.name}]}} and back it up in another way"
            )

    def _refuse_newer_server(self) -> None:
        server = int(self.connection.execute("SHOW server_version_num").fetchone()[0]) // 10_000
        own = tools.run(["pg_dump", "--version"]).split()[2]
        if server > int(own.partition(".")[0]):
            raise BackupError(
                f"database {self.part.name} is run on PostgreSQL {server}, and this image has the programs of {own},"
                f" which dump no newer one: name an image that was built on PostgreSQL {server} with images:"
                f" {{references: {{backup: …}}}}, or leave it out with backups: {{exclude: [{self.part.name}]}}"
            )

    def _size(self) -> int:
        size = self.connection.execute("SELECT pg_catalog.pg_database_size(pg_catalog.current_database())")
        return int(size.fetchone()[0])

    def _facts(self) -> dict[str, Any]:
        one = self.connection.execute(
            "SELECT pg_catalog.current_setting('server_version'),"
            " pg_catalog.current_setting('server_version_num')::int, d.datname::text,"
            " pg_catalog.pg_get_userbyid(d.datdba)::text, pg_catalog.pg_encoding_to_char(d.encoding)::text,"
            " d.datcollate::text, d.datctype::text"
            " FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()"
        ).fetchone()
        version, number, database, owner, encoding, collate, ctype = one
        extensions = self.connection.execute("SELECT extname::text, extversion FROM pg_catalog.pg_extension ORDER BY 1")
        roles = self.connection.execute(
            "SELECT rolname::text FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY 1"
        )
        return {
            "server_version": version.split()[0],
            "major": number // 10_000,
            "pg_dump": tools.run(["pg_dump", "--version"]).split()[2],
            "database": database,
            "owner": owner,
            "encoding": encoding,
            "collate": collate,
            "ctype": ctype,
            "extensions": dict(extensions.fetchall()),
            "roles": [name for (name,) in roles.fetchall()],
        }

    @contextmanager
    def _credentials(self) -> Iterator[dict[str, str]]:
        part = self.part
        env = {
            "PGHOST": part.text("host"),
            "PGPORT": part.text("port"),
            "PGDATABASE": part.text("database"),
            "PGUSER": part.text("user"),
            "PGCONNECT_TIMEOUT": "15",
            **{f"PG{key.upper()}": value for key, value in encryption(part).items()},
        }
        escaped = part.secret("password_file").replace("\\", "\\\\").replace(":", "\\:")
        with tools.secret_file(f"*:*:*:*:{escaped}\n") as file:
            yield {**env, "PGPASSFILE": str(file)}


def without_grantors(globals_sql: str) -> str:
    """Return the statements of roles without who has granted a membership.

    From PostgreSQL 16 on that has to be somebody with ADMIN OPTION, which only the first superuser of a cluster has of
    itself; in another cluster that is somebody else.
    """
    return "".join(
        line.partition(" GRANTED BY ")[0] + ";\n" if line.startswith("GRANT ") and " GRANTED BY " in line else line
        for line in globals_sql.splitlines(keepends=True)
    )


def is_external(part: Part) -> bool:
    """Whether somebody else runs the server: no role of ours is there, and nobody of ours is its superuser."""
    return bool(part.options.get("external"))


def encryption(part: Part) -> dict[str, str]:
    """Return what a client is told of TLS, as parameters of a connection; nothing for a server of the platform."""
    mode = part.options.get("sslmode")
    if not mode:
        return {}
    given = part.options.get("ca_file")
    trusted = str(given) if given else _CERTIFICATES if mode == "verify-full" else ""
    return {"sslmode": str(mode), **({"sslrootcert": trusted} if trusted else {})}


def _advised(part: Part, said: str) -> str:
    """Return what a server said, and where it is somebody else's, what has to be asked of whoever runs it."""
    if not is_external(part) or not ("permission denied" in said or "row-level security" in said):
        return said
    user = part.text("user")
    return (
        f"{said} | the role {user} has to read everything: GRANT pg_read_all_data TO {user} (PostgreSQL 14 and newer),"
        f" and BYPASSRLS where tables have row security; or leave it out with backups: {{exclude: [{part.name}]}}"
    )


def restore_dump(server: ScratchPostgres, files: Path, wanted: Mapping[str, Any], jobs: int = 2) -> None:
    """Restore fetched files into a scratch server, as the database ``restored``.

    Raises:
        BackupError: A tool refused something of it.
    """
    roles = files.parent / f"{files.name}-roles.sql"
    roles.write_text(without_grantors((files / GLOBALS).read_text(encoding="utf-8")), encoding="utf-8")
    server.run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(roles))
    server.run(
        "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c",
        "CREATE DATABASE restored TEMPLATE template0"
        f" ENCODING '{wanted['encoding']}' LC_COLLATE '{wanted['collate']}' LC_CTYPE '{wanted['ctype']}'",
    )  # fmt: skip
    server.run(
        "pg_restore", "--exit-on-error", "--no-tablespaces", f"--jobs={jobs}", "--dbname=restored", str(files / CUSTOM)
    )


@contextmanager
def _connected(server: ScratchPostgres, database: str) -> Iterator[Any]:
    import psycopg  # noqa: PLC0415 - only where it is needed

    env = server.env
    with psycopg.connect(host=env["PGHOST"], user=env["PGUSER"], dbname=database, autocommit=True) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        content.settle(connection)
        yield connection


def _as_sql(custom: Path, target: Path) -> None:
    """Write the dump as compressed SQL, for people and for servers of another kind."""
    with subprocess.Popen(
        ["pg_restore", "--file=-", str(custom)], env=tools.environment(), stdout=subprocess.PIPE
    ) as restore:
        packed = subprocess.run(
            ["zstd", "-q", "-3", "-f", "-o", str(target)], stdin=restore.stdout, check=False, capture_output=True
        )
        status = restore.wait()
    if status or packed.returncode:
        raise BackupError(f"writing {target.name} failed: pg_restore {status}, zstd {packed.returncode}")


def _wait(process: subprocess.Popen[str], tell: Any) -> None:
    said = ""
    while True:
        try:
            _, said = process.communicate(timeout=_POLL_S)
            break
        except subprocess.TimeoutExpired:
            tell()
    if process.returncode:
        raise BackupError(f"pg_dump failed ({process.returncode}): {tools.tail(said)}")


def _bytes(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
