"""A dump that another tool made: restored into a scratch server first, which says what it holds, and if it is whole."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from typing import TYPE_CHECKING

from slipway_backup import tools
from slipway_backup.restore.databases import Dump, transaction
from slipway_backup.restore.foreign import SQL, Foreign, RefusedFileError, recognise, statements, unpack
from slipway_backup.restore.server import Server, tail
from slipway_backup.scratch.postgres import USER, scratch_postgres
from slipway_backup.stores import postgres_content as content
from slipway_backup.stores.postgres import CUSTOM

if TYPE_CHECKING:
    from pathlib import Path

    from slipway_backup.report import Report

_DATABASE = "imported"


def import_file(file: Path, name: str, folder: Path, owner: str, report: Report) -> Dump:
    """Turn a file into a dump whose content is known.

    Nothing of it is run on the live server but what this scratch server's own ``pg_dump`` wrote.

    Args:
        file: The file.
        name: What the user calls it.
        folder: A folder for what is made of it.
        owner: Who shall own what it holds.
        report: Takes the progress.

    Raises:
        RefusedFileError: It is no whole dump of one database.
    """
    report.phase("recognise")
    found = recognise(unpack(file, folder), name)
    report.phase("import")
    with scratch_postgres(folder / "scratch") as scratch:
        server = Server(str(scratch.socket), USER)
        if found.major is not None and found.major > server.major():
            raise RefusedFileError(
                f"{name} is of PostgreSQL {found.major} and this platform's is {server.major()}: nothing was touched;"
                " raise the database's version first"
            )
        server.sql("postgres", f"CREATE DATABASE {_DATABASE} TEMPLATE template0 ENCODING 'UTF8';")
        _load(server, found, name)
        with transaction(server, _DATABASE) as connection:
            facts = {
                "tables": content.tables(connection),
                "sequences": content.sequences(connection),
                "major": found.major or server.major(),
            }
        tools.run(
            [
                "pg_dump",
                "--format=custom",
                "--compress=0",
                "--no-owner",
                "--no-acl",
                "--file",
                str(folder / CUSTOM),
                _DATABASE,
            ],
            server.environ,
        )
    return Dump(folder / CUSTOM, facts, owner=owner)


def _load(server: Server, found: Foreign, name: str) -> None:
    if found.format != SQL:
        command = ["pg_restore", "--exit-on-error", "--no-owner", "--no-acl", "--dbname", _DATABASE, str(found.file)]
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
        raise RefusedFileError(f"{name} does not restore: {tail(text)}; nothing was touched")
