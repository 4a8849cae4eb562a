"""Who loads a file of unknown origin: a login that may do nothing outside of the one database that it is given.

A superuser's session runs whatever a dump says: programs in the server's container (``COPY … TO PROGRAM``), settings of
the whole server, languages that can do both. So such a file is loaded by a role without any right but over its own
database, in the scratch server and again beside the live one, and what it has made changes its owner at the end.

It stays the code of that database afterwards: its functions and triggers run as whoever uses them.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from slipway_backup.restore.server import Server

LOGIN: Final = "slipway_import"
"""The role; it lives as long as a file is loaded."""
HINT: Final = (
    "a file is loaded by a login that may do nothing outside of its own database: take such a statement out, or let the"
    " server's owner make that extension in the live database first"
)
_RIGHTS: Final = ("permission denied", "must be superuser", "must be owner", "must be member", "superuser")

# BYPASSRLS: rows that a policy would hide from their owner must be counted too.
_MAKE: Final = f"""
SET log_statement = none;
SET log_min_error_statement = panic;
SET log_min_duration_statement = -1;
DROP ROLE IF EXISTS {LOGIN};
CREATE ROLE {LOGIN} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS PASSWORD '{{password}}';
SELECT format('ALTER ROLE {LOGIN} VALID UNTIL %L', now() + interval '6 hours') \\gexec
ALTER DATABASE :"database" OWNER TO {LOGIN};
"""
_GIVE: Final = f"""
ALTER ROLE {LOGIN} NOLOGIN;
ALTER DATABASE :"database" OWNER TO :"owner";
REASSIGN OWNED BY {LOGIN} TO :"owner";
DROP OWNED BY {LOGIN};
DROP ROLE {LOGIN};
"""
# Those that anybody may make need nobody's help; one in a schema of its own waits for that schema.
_EXTENSIONS: Final = """
SELECT extname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
  WHERE nspname IN ('public', 'pg_catalog') AND NOT EXISTS (
    SELECT FROM pg_available_extension_versions v WHERE v.name = extname AND v.version = extversion AND v.trusted)
  ORDER BY 1;
"""
_EXTEND: Final = r"""
SELECT format('CREATE EXTENSION IF NOT EXISTS %I', name) FROM pg_available_extensions WHERE name = :'name' \gexec
"""


@contextmanager
def login(server: Server, database: str, owner: str, extensions: Sequence[str] = ()) -> Iterator[Server]:
    """Give an empty database to the role; when all went well, give it and what is in it to its owner.

    Args:
        server: The server, asked as a superuser.
        database: The empty database.
        owner: Who owns everything afterwards.
        extensions: What is made beforehand by the superuser, where the server has it.

    Yields:
        The server, asked as that role. After a failure the role and its database are the caller's to remove.
    """
    password = secrets.token_urlsafe(32)
    # In the text, which goes by stdin: a variable would be an argument.
    server.sql("postgres", _MAKE.format(password=password), {"database": database})
    for name in extensions:
        server.sql(database, _EXTEND, {"name": name})
    yield replace(server, user=LOGIN, password=password)
    server.sql(database, _GIVE, {"database": database, "owner": owner})


def extensions_of(server: Server, database: str) -> list[str]:
    """Return the extensions of a live database that only a superuser may make: its owner has chosen them."""
    return server.sql(database, _EXTENSIONS).splitlines()


def remove(server: Server) -> None:
    """Remove the role after a failure, when its database is gone."""
    server.sql("postgres", f"DROP ROLE IF EXISTS {LOGIN};")


def hint(said: str) -> str:
    """Return what to add to an error if it is one of rights."""
    return f"\n  {HINT}" if any(words in said for words in _RIGHTS) else ""
