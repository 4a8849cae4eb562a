"""Rotation: which login a step means, and what the graph makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components import Database, DatabaseArgs
from components.rotation import Step, role_of
from testing import Graph, render

ARGS = DatabaseArgs(image="postgres:16", data_dir="/data")


def _database(rotation: int, args: DatabaseArgs = ARGS) -> Graph:
    return render(lambda: Database("main", replace(args, rotation=rotation)))


@pytest.mark.parametrize(
    ("number", "generation", "is_open"), [(0, 0, False), (1, 1, True), (2, 1, False), (3, 2, True), (4, 2, False)]
)
def test_each_rotation_opens_and_closes(number: int, generation: int, is_open: bool) -> None:
    """Odd steps have two valid logins."""
    assert (Step(number).generation, Step(number).is_open) == (generation, is_open)


def test_two_roles_take_turns_after_the_owner() -> None:
    """And their names fit."""
    assert [role_of("main", number) for number in range(5)] == ["main", "main_1", "main_2", "main_1", "main_2"]
    assert len(role_of("x" * 63, 1)) <= 63


def test_without_a_rotation_nothing_is_added() -> None:
    """A platform that never rotated has no container for it."""
    assert "main-login-run" not in _database(0)


def test_the_server_is_the_same_at_every_step() -> None:
    """A rotation must not restart it: neither its inputs nor its files change."""
    before = _database(0)
    for step in (1, 2, 3):
        after = _database(step)
        assert after["main-server"].inputs == before["main-server"].inputs
        assert after["main-secrets-carrier"].inputs == before["main-secrets-carrier"].inputs


def test_each_step_runs_once_and_after_the_server() -> None:
    """A new step replaces the container."""
    first, second = _database(1)["main-login-run"], _database(2)["main-login-run"]
    assert first.depends_on("main-server")
    assert first.inputs["labels"] != second.inputs["labels"]
    assert "STEP=open" in first.inputs["envs"]
    assert "STEP=close" in second.inputs["envs"]
    assert {"NEXT=main_1", "OTHER=main_2"} <= set(second.inputs["envs"])


def test_the_seed_is_protected_and_the_same_for_all_steps() -> None:
    """Nothing protected is ever replaced by a rotation."""
    assert _database(1)["main-login-seed"].options.protect is True
    assert _database(1)["main-login-seed"].inputs == _database(4)["main-login-seed"].inputs


def test_it_answers_to_no_name() -> None:
    """Clients that look for the server must not find the container that runs beside it."""
    for network in _database(1)["main-login-run"].inputs.get("networksAdvanced") or ():
        assert not network.get("aliases")
