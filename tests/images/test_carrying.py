"""A database on its way to another server, and one of somebody else's: what is asked of whom.

That real servers do it is in tests/e2e/test_other_servers.py.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest

from operate.image_lock import IMAGES_FOLDER

# A program of its own, not a room of Slipway's.
sys.path.insert(0, str(IMAGES_FOLDER / "backup"))
config: Any = importlib.import_module("slipway_backup.config")
carrying: Any = importlib.import_module("slipway_backup.restore.carrying")
databases: Any = importlib.import_module("slipway_backup.restore.databases")
errors: Any = importlib.import_module("slipway_backup.errors")
postgres: Any = importlib.import_module("slipway_backup.stores.postgres")

PART = config.Part("main", "postgres", {"host": "main", "port": 5432, "database": "main"})
GLOBALS = """\
CREATE ROLE main;
ALTER ROLE main WITH SUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$1';
CREATE ROLE reporter;
ALTER ROLE reporter WITH LOGIN PASSWORD 'SCRAM-SHA-256$2';
CREATE ROLE slipway_restore;
ALTER ROLE slipway_restore WITH SUPERUSER;
GRANT pg_monitor TO reporter;
"""


class Server:
    """Answers as it is told."""

    def __init__(self, version: int = 15, **answers: str) -> None:
        self.version = version
        self.answers = answers
        self.asked: list[str] = []

    def major(self) -> int:
        return self.version

    def run(self, command: list[str]) -> str:
        self.asked.append(command[0])
        return GLOBALS

    def sql(self, _database: str, text: str, _variables: dict[str, str] | None = None) -> str:
        self.asked.append(text)
        return next((answer for words, answer in self.answers.items() if words in text), "")


def _refused(live: Server, new: Server, tmp_path: Any) -> str:
    with pytest.raises(errors.NotVerifiedError) as caught:
        carrying.carry(PART, live, new, tmp_path, None)
    assert new.asked == []
    return str(caught.value)


def test_nothing_is_carried_to_an_older_server(tmp_path: Any) -> None:
    """Its programs do not know what is new."""
    assert "a server of PostgreSQL 14 is older" in _refused(Server(15), Server(14), tmp_path)


def test_what_would_stay_behind_is_named(tmp_path: Any) -> None:
    """It would be lost with the old volume."""
    said = _refused(Server(datistemplate="metabase\npostgres (it has tables)"), Server(17), tmp_path)
    assert "metabase, postgres (it has tables)" in said
    assert "prepared transactions" in _refused(Server(pg_prepared_xacts="2"), Server(17), tmp_path)


def test_roles_go_with_their_passwords_and_the_helper_does_not() -> None:
    """Every login stays what it was; a role that the new server has already is only given its password."""
    made = carrying._roles(Server(), Server(quote_ident="main\nslipway_restore"))
    assert made == [
        "ALTER ROLE main WITH SUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$1';",
        "CREATE ROLE reporter;",
        "ALTER ROLE reporter WITH LOGIN PASSWORD 'SCRAM-SHA-256$2';",
        "GRANT pg_monitor TO reporter;",
    ]


def test_who_granted_a_membership_is_no_matter() -> None:
    """From PostgreSQL 16 on a scratch server, whose first superuser is another one, would refuse it."""
    text = (
        'GRANT pg_monitor TO reporter WITH INHERIT TRUE GRANTED BY main;\nALTER ROLE "a GRANTED BY b";\nGRANT a TO b;\n'
    )
    assert postgres.without_grantors(text) == (
        'GRANT pg_monitor TO reporter WITH INHERIT TRUE;\nALTER ROLE "a GRANTED BY b";\nGRANT a TO b;\n'
    )


def _outside(**options: Any) -> Any:
    place = {"host": "db.example.org", "port": 5432, "database": "shop", "user": "shop", "external": True}
    return config.Part("warehouse", "postgres", {**place, **options})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, {}),
        ({"sslmode": "disable"}, {"sslmode": "disable"}),
        ({"sslmode": "require"}, {"sslmode": "require"}),
        (
            {"sslmode": "verify-full"},
            {"sslmode": "verify-full", "sslrootcert": "/etc/ssl/certs/ca-certificates.crt"},
        ),
        ({"sslmode": "verify-full", "ca_file": "/ca.pem"}, {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}),
    ],
)
def test_a_server_is_trusted_as_far_as_is_said(options: dict[str, str], told: dict[str, str]) -> None:
    """By the certificates that are given, else by those that everybody trusts."""
    assert postgres.encryption(_outside(**options)) == told


def test_a_server_of_others_is_asked_as_the_role_that_is_given(tmp_path: Any) -> None:
    """No role of ours is there."""
    secret = tmp_path / "password"
    secret.write_text("secret", encoding="utf-8")
    server = databases.live_server(_outside(sslmode="require", password_file=str(secret)), "of a role of ours")
    assert (server.host, server.user, server.password) == ("db.example.org", "shop", "secret")
    assert server.environ["PGSSLMODE"] == "require"
    assert "PGSSLMODE" not in databases.live_server(PART, "x").environ


@pytest.mark.parametrize("said", ["permission denied for table t", "query would be affected by row-level security"])
def test_what_may_not_be_read_there_says_what_to_ask_for(said: str) -> None:
    """And on a server of the platform it is our own mistake."""
    assert "GRANT pg_read_all_data TO shop" in postgres._advised(_outside(), said)
    assert postgres._advised(PART, said) == said
    assert postgres._advised(_outside(), "connection refused") == "connection refused"
