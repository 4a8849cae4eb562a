"""A database of a set, or of a file, is filled beside the live one, compared, and made ready to take its place."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from slipway_backup.errors import ConfigError, NotVerifiedError
from slipway_backup.restore import beside, confined
from slipway_backup.restore.server import Server
from slipway_backup.stores import postgres_content as content
from slipway_backup.stores.postgres import CUSTOM, GLOBALS, encryption, is_external

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from slipway_backup.config import Part
    from slipway_backup.report import Report

LOGIN: Final = "slipway_restore"
"""The role that ``slipway restore`` makes on the server for as long as it takes."""


@dataclass(frozen=True)
class Dump:
    """What a database is filled from."""

    file: Path
    """In custom format."""
    content: Mapping[str, Any]
    """What it holds, as a manifest says it."""
    globals_sql: Path | None = None
    """The roles that it needs."""
    foreign: bool = False
    """Whether somebody else made it: it is filled in by a login that may do nothing else, and the live database's
    owner owns all of it."""
    extensions: Sequence[str] = ()
    """Of a foreign one: extensions that are made for it beforehand."""


def of_set(folder: Path, recorded: Mapping[str, Any]) -> Dump:
    """Return what a set has of a database."""
    return Dump(folder / CUSTOM, recorded, folder / GLOBALS)


def live_server(part: Part, password: str) -> Server:
    """Return the live server of a database, asked as the role that restores; at somebody else's, as the one given."""
    if part.kind != "postgres":
        raise ConfigError(f"{part.name} is no database: its kind is {part.kind}")
    if is_external(part):
        place = part.text("host"), part.text("user"), int(part.text("port"))
        return Server(*place, part.secret("password_file"), encryption(part))
    return Server(part.text("host"), LOGIN, int(part.text("port")), password)


def server_at(host: str, password: str) -> Server:
    """Return another server with that role."""
    return Server(host, LOGIN, password=password)


def refuse_newer(server: Server, part: Part, content_: Mapping[str, Any]) -> None:
    """Refuse what an older server does not understand.

    Raises:
        NotVerifiedError: It is of a newer major version than the live server.
    """
    major, live = content_.get("major"), server.major()
    if major is not None and int(major) > live:
        raise NotVerifiedError(
            f"this is of PostgreSQL {major} and the server of {part.name} is PostgreSQL {live}: nothing was touched;"
            f" give {part.name} version {major} first"
        )


def fill_beside(part: Part, server: Server, dump: Dump, report: Report) -> dict[str, Any]:
    """Fill a database beside the live one and compare it with what it should be.

    Returns:
        What there is now: tables and rows.

    Raises:
        NotVerifiedError: It differs. What was filled is removed again.
    """
    refuse_newer(server, part, dump.content)
    live = part.text("database")
    report.phase("restore", store=part.name)
    if dump.globals_sql is not None:
        beside.make_roles(server, dump.globals_sql)
    name = beside.make(server, live)
    try:
        # At somebody else's server the login that is given is no superuser, and can make none that may do less.
        if not dump.foreign or is_external(part):
            return fill(part, server, name, dump, report)
        owner = beside.owner_of(server, live)
        with confined.login(server, name, owner, dump.extensions) as filler:
            return fill(part, filler, name, dump, report)
    except BaseException:
        beside.drop(server, live)
        if dump.foreign and not is_external(part):
            confined.remove(server)
        raise


def fill(part: Part, server: Server, name: str, dump: Dump, report: Report) -> dict[str, Any]:
    """Fill an empty database, compare it with what it should be, and let the planner know what is in it.

    Returns:
        What there is now: tables and rows.

    Raises:
        NotVerifiedError: It differs.
    """
    beside.fill(server, name, dump.file, foreign=dump.foreign)
    report.phase("verify", store=part.name)
    with transaction(server, name) as connection:
        tables, sequences = content.tables(connection), content.sequences(connection)
    _refuse(content.differences(dump.content, tables, sequences), part.text("database"))
    report.phase("analyze", store=part.name)
    beside.analyze(server, name)
    return {"tables": len(tables), "rows": sum(table["rows"] for table in tables.values())}


def _refuse(told: Sequence[str], live: str) -> None:
    if told:
        raise NotVerifiedError(f"what was restored beside {live} differs: {'; '.join(told)}; {live} was not touched")


@contextmanager
def transaction(server: Server, database: str) -> Iterator[content.Connection]:
    """Open a transaction in which what is written is written in one way."""
    import psycopg  # noqa: PLC0415 - only the image has it

    with psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname=database,
        autocommit=True,
        **server.encryption,
    ) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        content.settle(connection)
        yield connection
