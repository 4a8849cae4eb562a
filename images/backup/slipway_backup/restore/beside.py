"""A database that is filled beside the live one, on the same server, and takes its place only when it is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from slipway_backup.restore.foreign import contents
from slipway_backup.restore.server import Server, ServerError

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST: Final = 63
"""PostgreSQL cuts names at so many bytes."""
_SUFFIX: Final = "__restoring"
_JOBS: Final = "2"

# What belongs to a database and not to what is in it: pg_dump leaves that to whoever makes the database.
_MAKE: Final = r"""
SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', :'beside') \gexec
SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L OWNER %I',
              :'beside', pg_encoding_to_char(encoding), datcollate, datctype, pg_get_userbyid(datdba))
  FROM pg_database WHERE datname = :'live' \gexec
SELECT format('ALTER DATABASE %I SET %I TO %s', :'beside', split_part(one, '=', 1),
              CASE WHEN split_part(one, '=', 1) IN ('search_path', 'temp_tablespaces', 'session_preload_libraries')
                   THEN substr(one, strpos(one, '=') + 1) ELSE quote_literal(substr(one, strpos(one, '=') + 1)) END)
  FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase, unnest(setconfig) AS one
  WHERE datname = :'live' AND setrole = 0 \gexec
SELECT format('ALTER DATABASE %I CONNECTION LIMIT %s', :'beside', datconnlimit)
  FROM pg_database WHERE datname = :'live' AND datconnlimit >= 0 \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'beside')
  FROM pg_database WHERE datname = :'live' AND datacl IS NOT NULL \gexec
SELECT format('GRANT %s ON DATABASE %I TO %s', privilege_type, :'beside',
              CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END)
  FROM pg_database, aclexplode(datacl) WHERE datname = :'live' \gexec
"""


def name_beside(live: str) -> str:
    """Return the name of the database that is filled beside one."""
    return live.encode()[: _LONGEST - len(_SUFFIX)].decode(errors="ignore") + _SUFFIX


def make(server: Server, live: str) -> str:
    """Make an empty database like a live one beside it; what an interrupted restore left goes. Returns its name."""
    beside = name_beside(live)
    server.sql("postgres", _MAKE, {"live": live, "beside": beside})
    return beside


def statements_for(server: Server, live: str) -> list[str]:
    """Return the statements that make an empty database of this name, like this one, on another server."""
    asked = _MAKE.replace(r"\gexec", ";")
    return server.sql("postgres", asked, {"live": live, "beside": live}).splitlines()


def drop(server: Server, live: str) -> None:
    """Remove the database beside a live one, if there is one."""
    beside = name_beside(live)
    server.sql(
        "postgres", r"SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', :'beside') \gexec", {"beside": beside}
    )


def missing_roles(server: Server, globals_sql: Path) -> list[str]:
    """Return the statements that make the roles which a dump needs and the server does not have.

    Roles that are there stay as they are: their passwords are not in a backup, and a rotation may have changed them.
    """
    text = globals_sql.read_text(encoding="utf-8")
    created = [line for line in text.splitlines() if line.startswith("CREATE ROLE ")]
    there = set(server.sql("postgres", "SELECT quote_ident(rolname) FROM pg_roles;").splitlines())
    missing = {line.removeprefix("CREATE ROLE ").rstrip(";") for line in created} - there
    starts = tuple(start for role in missing for start in (f"CREATE ROLE {role};", f"ALTER ROLE {role} "))
    ends = tuple(f" TO {role}" for role in missing)
    grants = [
        line
        for line in text.splitlines()
        if line.startswith("GRANT ")
        and line.partition(" GRANTED BY ")[0].partition(" WITH ")[0].rstrip(";").endswith(ends)
    ]
    made = [line for line in text.splitlines() if starts and line.startswith(starts)]
    return [*made, *(line.partition(" GRANTED BY ")[0].rstrip(";") + ";" for line in grants)]


def make_roles(server: Server, globals_sql: Path) -> None:
    """Make the roles that a dump needs and the server does not have; nobody can log in as one without a password."""
    statements = missing_roles(server, globals_sql)
    if statements:
        server.sql("postgres", "BEGIN;\n" + "\n".join(statements) + "\nCOMMIT;\n")


def owner_of(server: Server, live: str) -> str:
    """Return the role that owns a database."""
    return server.sql(
        "postgres", "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = :'live';", {"live": live}
    )


def fill(server: Server, database: str, dump: Path, *, foreign: bool = False) -> None:
    """Restore a dump in custom format into an empty database.

    Args:
        server: The server.
        database: The empty database.
        dump: The dump.
        foreign: Whether somebody else made it; then it belongs to who fills it.

    Raises:
        ServerError: A statement failed; with which.
    """
    whose = ["--no-owner", "--no-acl", "--use-list", str(contents(dump, dump.parent))] if foreign else []
    command = ["pg_restore", "--exit-on-error", "--jobs", _JOBS, *whose, "--dbname", database, str(dump)]
    try:
        server.run(command)
    except ServerError as error:
        raise ServerError(f"the dump does not restore: {error}; the live database was not touched") from None


def analyze(server: Server, database: str) -> None:
    """Let the planner know what is in it: otherwise the first queries after a restore are slow."""
    server.run(["vacuumdb", "--analyze-in-stages", "--quiet", "--dbname", database])
