"""A dump that another tool made: restored into a scratch server first, which says what it holds, and if it is whole."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

from slipway_backup import tools
from slipway_backup.restore import confined
from slipway_backup.restore.databases import Dump, transaction
from slipway_backup.restore.foreign import SQL, Foreign, RefusedFileError, contents, recognise, statements, unpack
from slipway_backup.restore.server import Server, tail
from slipway_backup.scratch.postgres import USER, scratch_postgres
from slipway_backup.stores import postgres_content as content
from slipway_backup.stores.postgres import CUSTOM

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from slipway_backup.report import Report

_DATABASE = "imported"


def import_file(file: Path, name: str, folder: Path, extensions: Sequence[str], report: Report) -> Dump:
    """Turn a file into a dump whose content is known.

    Nothing of it is run on the live server but what this scratch server's own ``pg_dump`` wrote.

    Args:
        file: The file.
        name: What the user calls it.
        folder: A folder for what is made of it.
        extensions: Those of the live database that only a superuser may make.
        report: Takes the progress.

    Raises:
        RefusedFileError: It is no whole dump of one database, or wants more than a database.
    """
    report.phase("recognise")
    found = recognise(unpack(file, folder), name)
    report.phase("import")
    with scratch_postgres(folder / "scratch") as scratch:
        admin = Server(str(scratch.socket), USER)
        if found.major is not None and found.major > admin.major():
            raise RefusedFileError(
                f"{name} is of PostgreSQL {found.major} and this platform's is {admin.major()}: nothing was touched;"
                " raise the database's version first"
            )
        admin.sql("postgres", f"CREATE DATABASE {_DATABASE} TEMPLATE template0 ENCODING 'UTF8';")
        with confined.login(admin, _DATABASE, USER, extensions) as server:
            _load(server, found, name, folder)
            facts = {**_count(server, name), "major": found.major or admin.major()}
            command = ["pg_dump", "--format=custom", "--compress=0", "--no-owner", "--no-acl", "--file"]
            tools.run([*command, str(folder / CUSTOM), _DATABASE], server.environ)
    return Dump(folder / CUSTOM, facts, foreign=True, extensions=extensions)


def _count(server: Server, name: str) -> dict[str, Any]:
    """Return what the file has brought in; it is of the file what that runs, such as a cast of its rows."""
    import psycopg  # noqa: PLC0415 - only the image has it

    try:
        with transaction(server, _DATABASE) as connection:
            return {"tables": content.tables(connection), "sequences": content.sequences(connection)}
    except psycopg.Error as error:
        said = str(error).strip()
        raise RefusedFileError(
            f"{name} can't be counted: {tail(said)}; nothing was touched{confined.hint(said)}"
        ) from None


def _load(server: Server, found: Foreign, name: str, folder: Path) -> None:
    if found.format != SQL:
        command = ["pg_restore", "--exit-on-error", "--no-owner", "--no-acl", "--use-list"]
        command += [str(contents(found.file, folder)), "--dbname", _DATABASE, str(found.file)]
    else:
        command = ["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", _DATABASE]
    # To a file: a pipe that nobody reads while rows are written to the other end would stop both.
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            command, env=server.environ, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        ) as process,
    ):
        assert process.stdin is not None  # noqa: S101 - asked for
        with contextlib.suppress(BrokenPipeError):  # it says why below
            for line in statements(found) if found.format == SQL else ():
                process.stdin.write(line)
            process.stdin.close()
        process.wait()
        said.seek(0)
        text = said.read().decode(errors="replace")
    if process.returncode:
        raise RefusedFileError(f"{name} does not restore: {tail(text)}; nothing was touched{confined.hint(text)}")
