"""A database that is filled beside the live one: in which order, and what becomes of it if it differs.

No server runs here: what pg_restore, the comparison and ANALYZE do to a real one is in tests/e2e/test_restore.py.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from operate.image_lock import IMAGES_FOLDER

# A program of its own, not a room of Slipway's.
sys.path.insert(0, str(IMAGES_FOLDER / "backup"))
config: Any = importlib.import_module("slipway_backup.config")
confined: Any = importlib.import_module("slipway_backup.restore.confined")
databases: Any = importlib.import_module("slipway_backup.restore.databases")
server_module: Any = importlib.import_module("slipway_backup.restore.server")
errors: Any = importlib.import_module("slipway_backup.errors")

PART = config.Part("main", "postgres", {"host": "main", "port": 5432, "database": "main"})


class Server:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def major(self) -> int:
        return 16

    def run(self, command: list[str]) -> None:
        self.done.append(f"{command[0]} {command[-1] if command[0] == 'vacuumdb' else ''}".strip())

    def sql(self, _database: str, script: str, variables: dict[str, str]) -> str:
        self.done.append(("make " if "CREATE DATABASE" in script else "drop ") + variables["beside"])
        return ""


class Report:
    """Notes the phases."""

    def __init__(self, done: list[str]) -> None:
        self.done = done

    def phase(self, name: str, *, store: str) -> None:
        self.done.append(f"{name} of {store}")


@pytest.fixture
def fill(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that fills a database, of which the comparison says what it is given."""

    def filled(*differences: str) -> Server:
        server = Server()
        monkeypatch.setattr(databases, "transaction", lambda *_: contextlib.nullcontext())
        monkeypatch.setattr(databases.content, "tables", lambda _: {"t": {"rows": 3}})
        monkeypatch.setattr(databases.content, "sequences", lambda _: {})
        monkeypatch.setattr(databases.content, "differences", lambda *_: list(differences))
        dump = databases.Dump(Path("main.dump"), {"major": 15})
        try:
            assert databases.fill_beside(PART, server, dump, Report(server.done)) == {"tables": 1, "rows": 3}
        except errors.NotVerifiedError as error:
            server.done.append(str(error))
        return server

    return filled


def test_what_was_restored_is_compared_and_then_analyzed(fill: Any) -> None:
    """The planner knows what is in it before anybody asks it anything."""
    assert fill().done == [
        "restore of main", "make main__restoring", "pg_restore", "verify of main", "analyze of main",
        "vacuumdb main__restoring",
    ]  # fmt: skip


def test_what_differs_is_removed_and_never_takes_a_place(fill: Any) -> None:
    """A single value is enough."""
    *done, said = fill("table t: other content").done
    assert done == ["restore of main", "make main__restoring", "pg_restore", "verify of main", "drop main__restoring"]
    assert "table t: other content" in said
    assert "main was not touched" in said


class Asked:
    """Notes what a server is asked, by whom."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[tuple[str, list[str], str]] = []
        monkeypatch.setattr(server_module.Server, "run", self.run)

    def run(self, command: list[str], *, stdin: str | None = None) -> str:
        self.done.append((command[-1], list(command), stdin or ""))
        return ""


def test_a_file_is_loaded_by_a_login_without_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no superuser, owns one database, and is gone when that has its owner; its password is no argument."""
    asked = Asked(monkeypatch)
    admin = server_module.Server("main", "slipway_restore", password="of the superuser")
    with confined.login(admin, "main__restoring", "main", ["postgis"]) as server:
        assert server.user == confined.LOGIN
        assert server.password not in {None, admin.password}
        password = server.password
    (_, _, made), (place, _, extended), (given_place, _, given) = asked.done
    assert "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION" in made
    assert 'ALTER DATABASE :"database" OWNER TO slipway_import' in made
    assert (place, given_place) == ("main__restoring", "main__restoring")
    assert "CREATE EXTENSION IF NOT EXISTS" in extended
    assert given.splitlines()[1:] == [
        "ALTER ROLE slipway_import NOLOGIN;",
        'ALTER DATABASE :"database" OWNER TO :"owner";',
        'REASSIGN OWNED BY slipway_import TO :"owner";',
        "DROP OWNED BY slipway_import;",
        "DROP ROLE slipway_import;",
    ]
    assert password not in str([command for _, command, _ in asked.done])


def test_a_file_that_does_not_load_is_given_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its database is the caller's to remove."""
    asked = Asked(monkeypatch)

    def fail() -> None:
        with confined.login(server_module.Server("main", "slipway_restore"), "main__restoring", "main"):
            raise errors.BackupError

    with pytest.raises(errors.BackupError):
        fail()
    assert "REASSIGN" not in str(asked.done)


def test_an_error_of_rights_says_what_a_file_may_do() -> None:
    """And others say nothing of it."""
    assert "may do nothing outside of its own database" in confined.hint(
        "ERROR:  permission denied to create extension"
    )
    assert confined.hint("ERROR:  relation does not exist") == ""
