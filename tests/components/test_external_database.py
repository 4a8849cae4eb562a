"""A database outside: its address, with and without what is secret."""

from __future__ import annotations

import pulumi

from components.external_database import external_database
from settings.model import Database, ExternalDatabase
from testing import Graph, render

DESCRIBED = Database(
    database="my_shop",
    user="ada",
    external=ExternalDatabase(host="db.example.org", port=6432, password="db_password"),
)


def _graph() -> Graph:
    def program() -> None:
        found = external_database(DESCRIBED, pulumi.Output.secret("p@ss/word"))
        pulumi.export("url", found.url)
        pulumi.export("open", found.url_without_password)

    return render(program)


def test_its_address_can_be_parsed_whatever_the_password_holds() -> None:
    """Percent-encoded, encrypted by default, and secret."""
    graph = _graph()
    assert graph.exports["url"] == "postgresql://ada:p%40ss%2Fword@db.example.org:6432/my_shop?sslmode=require"
    assert graph.secret_exports == {"url"}
    assert graph.exports["open"] == "postgresql://ada@db.example.org:6432/my_shop?sslmode=require"


def test_nothing_is_registered() -> None:
    """It is somebody else's."""
    assert len(_graph()) == 0
