"""Databases that somebody else runs: references lead there, nothing is built for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from settings import Loaded, Problem
from settings.model import Condition

Refused = Callable[..., Problem]
Accepted = Callable[..., Loaded]


def outside(**changes: Any) -> dict[str, Any]:
    """Return the change that takes the small platform's database outside."""
    return {
        "secrets": {"db_password": {}},
        "databases": {"main": {"external": {"host": "db.example.org", "password": "db_password"}}},
        "services": {"api": {"egress": True}},
        **changes,
    }


def loaded(accepted: Accepted, **changes: Any) -> Loaded:
    return accepted(outside(**changes), secrets={"db_password": "a-real-one"})


def test_it_is_no_part_of_what_is_built(accepted: Accepted) -> None:
    """Nobody waits for it, no volume has its name, its limits count for nothing."""
    found = loaded(accepted, workers={"runner": {"needs": {"main": "healthy"}}})
    assert dict(found.platform.databases) == {}
    assert found.platform.workers["runner"].needs == {}
    assert Condition.HEALTHY not in found.platform.services["api"].needs.values()
    assert (found.externals["main"].user, found.externals["main"].database) == ("main", "main")


def test_its_password_is_a_declared_secret(refused: Refused) -> None:
    problem = refused(outside(secrets={}))
    assert problem.path == "databases.main.external.password"
    assert problem.fix == "add under secrets: db_password: {}"


def test_its_password_has_a_value(refused: Refused) -> None:
    assert refused(outside()).message == "has no value in this stack"


def test_what_uses_it_reaches_outside(refused: Refused) -> None:
    problem = refused(outside(services={}), secrets={"db_password": "a-real-one"})
    assert (problem.path, problem.fix) == ("services.api", "add egress: true")


def test_the_gateway_does_not_pass_it_through(refused: Refused) -> None:
    gateway = {"tcp": {"main": {"host_port": 5432, "reason": "the analysts' tools"}}}
    problem = refused(outside(gateway=gateway), secrets={"db_password": "a-real-one"})
    assert problem.path == "gateway.tcp.main"


@pytest.mark.parametrize("host", ["", "db example", "db.example.org/x", "-db"])
def test_its_host_is_a_name(refused: Refused, host: str) -> None:
    databases = {"main": {"external": {"host": host, "password": "db_password"}}}
    assert refused(outside(databases=databases), secrets={"db_password": "a-real-one"}).path.endswith("external.host")
