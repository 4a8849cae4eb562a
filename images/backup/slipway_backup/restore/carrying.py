"""A database is carried to an empty server, of another major version most often: as it is now, and compared.

What is dumped and what is counted are one snapshot, as in a backup. Roles go with their passwords, so that every login
stays what it was. Left out: other databases of that server. What a backup can't hold (large objects) is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from slipway_backup import files
from slipway_backup.errors import NotVerifiedError
from slipway_backup.restore import beside, databases
from slipway_backup.stores.postgres import CUSTOM, Postgres

if TYPE_CHECKING:
    from pathlib import Path

    from slipway_backup.config import Part
    from slipway_backup.report import Report
    from slipway_backup.restore.server import Server

# What stays behind is on the old volume, and nowhere else once that is removed: it is named.
_OTHERS: Final = r"""
SELECT datname FROM pg_database
 WHERE NOT datistemplate AND datname NOT IN ('postgres', :'live')
   AND datname !~ '__before_\d{8}T\d{6}Z$' AND datname !~ '__restoring$' ORDER BY 1;
SELECT 'postgres (it has tables)' WHERE :'live' <> 'postgres' AND EXISTS (
  SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_');
"""
_PREPARED: Final = "SELECT count(*) FROM pg_prepared_xacts WHERE database = :'live';"
# A statement that fails must not leave a password's hash in a log.
_QUIET: Final = "\\set VERBOSITY terse\nSET log_statement = none; SET log_min_error_statement = panic;\n"


def carry(part: Part, live: Server, new: Server, folder: Path, report: Report) -> dict[str, Any]:
    """Carry a database; the live one is only read.

    Args:
        part: The database's store.
        live: Its server, asked as a superuser.
        new: The empty server, asked so too.
        folder: An empty folder for the dump.
        report: Takes the progress.

    Returns:
        What there is now, and both servers' major versions.

    Raises:
        NotVerifiedError: It can't be carried whole, or differs from what the snapshot held.
        BackupError: A tool refused something.
    """
    name = part.text("database")
    versions = {"from": live.major(), "to": new.major()}
    if versions["to"] < versions["from"]:
        raise NotVerifiedError(
            f"{part.name} is PostgreSQL {versions['from']}, and a server of PostgreSQL {versions['to']} is older"
        )
    _refuse_what_stays_behind(live, name)
    report.phase("roles", store=part.name)
    new.sql("postgres", _QUIET + "\n".join(_roles(live, new)))
    new.sql("postgres", "".join(f"{statement};\n" for statement in beside.statements_for(live, name)))
    with Postgres(part).open() as opened:
        files.need_space(folder, opened.estimate(), f"the dump of {part.name}")
        report.phase("dump", store=part.name)
        recorded = opened.take(folder, report)
    report.phase("restore", store=part.name)
    return {**versions, **databases.fill(part, new, name, databases.Dump(folder / CUSTOM, recorded), report)}


def _refuse_what_stays_behind(live: Server, name: str) -> None:
    others = live.sql("postgres", _OTHERS, {"live": name}).splitlines()
    if others:
        raise NotVerifiedError(
            f"the server of {name} has more than that database, which would stay behind: {', '.join(others)};"
            " dump and remove them first"
        )
    if live.sql("postgres", _PREPARED, {"live": name}) != "0":
        raise NotVerifiedError(f"{name} has prepared transactions, which no dump carries: commit or roll them back")


def _roles(live: Server, new: Server) -> list[str]:
    """Return the statements that make the live server's roles, with their passwords, on the new one."""
    text = live.run(["pg_dumpall", "--globals-only", "--no-tablespaces", "--database", "postgres"])
    there = set(new.sql("postgres", "SELECT quote_ident(rolname) FROM pg_roles;").splitlines())
    made = {f"CREATE ROLE {role};" for role in there}
    own = (f"CREATE ROLE {databases.LOGIN};", f"ALTER ROLE {databases.LOGIN} ")
    return [line for line in text.splitlines() if line not in made and not line.startswith(own)]
