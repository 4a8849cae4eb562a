"""``slipway rotate``: the steps in the stack's file, and the deployments between them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
import yaml

from cli.engines import Run
from tests.cli.conftest import API, step

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeWorkplace, Said

    Slipway = Callable[..., Said]


@pytest.fixture(autouse=True)
def _described(work: FakeWorkplace) -> None:
    path = work.root / "blueprints" / "shop.yaml"
    more = (
        "vector_stores: {docs: {image: 'qdrant:1'}}\n"
        "model_servers: {llm: {image: 'ollama:1', keeper_image: 'models:1'}}\n"
        "databases: {main: {image: 'postgres:16'}}\n"
        "caches: {queue: {image: 'redis:7', persistence: aof}, pages: {image: 'redis:7', persistence: none}}\n"
        "secrets: {session_key: {source: generated}, api_key: {}}\n"
    )
    path.write_text(path.read_text() + more)
    settings = work.root / "Pulumi.dev.yaml"
    settings.write_text(settings.read_text() + "  slipway:api_key: {secure: v1:x}\n")


def _rotations(work: FakeWorkplace) -> object:
    return yaml.safe_load((work.root / "Pulumi.dev.yaml").read_text())["config"].get("slipway:rotations")


def _asked(work: FakeWorkplace) -> list[str]:
    return [what for what, _ in work.engine.asked]


def test_a_database_is_rotated_in_two_deployments(slipway: Slipway, work: FakeWorkplace) -> None:
    """The last step is an even one: only the new login is valid."""
    said = slipway("rotate", "database", "main", "--yes")
    assert said.code == 0, said.err
    assert _asked(work) == ["up", "up"]
    assert _rotations(work) == {"main": 2}
    assert said.out.endswith("main: rotated; commit Pulumi.dev.yaml\n")


def test_a_cache_is_rotated_in_two_deployments(slipway: Slipway, work: FakeWorkplace) -> None:
    """As a database is."""
    said = slipway("rotate", "cache", "queue", "--yes")
    assert said.code == 0, said.err
    assert _asked(work) == ["up", "up"]
    assert _rotations(work) == {"queue": 2}


def test_a_failure_leaves_both_logins_and_the_same_command_goes_on(slipway: Slipway, work: FakeWorkplace) -> None:
    """The second run does not begin another rotation."""
    work.engine.events, work.engine.run = [step("resOpFailedEvent", "create", API)], Run(1, "no")
    assert slipway("rotate", "database", "main", "--yes").code == 1
    assert _rotations(work) == {"main": 1}
    work.engine.events, work.engine.run = [], Run(0)
    work.engine.asked.clear()
    said = slipway("rotate", "database", "main", "--yes")
    assert said.code == 0
    assert "going on with the rotation that was begun" in said.out
    assert _rotations(work) == {"main": 2}


def test_a_generated_secret_is_one_step(slipway: Slipway, work: FakeWorkplace) -> None:
    """Another one beside it keeps its own."""
    assert slipway("rotate", "database", "main", "--yes").code == 0
    assert slipway("rotate", "secret", "session_key", "--yes").code == 0
    assert _rotations(work) == {"main": 2, "session_key": 1}


def test_a_configured_secret_comes_from_stdin(
    slipway: Slipway, work: FakeWorkplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never from an argument."""
    monkeypatch.setattr("sys.stdin", io.StringIO("new value\n"))
    assert slipway("rotate", "secret", "api_key", "--yes").code == 0
    assert work.engine.asked[0] == ("set", ("slipway:api_key", "new value", True))
    assert _asked(work) == ["set", "up"]
    assert _rotations(work) is None


def test_an_empty_value_is_refused(slipway: Slipway, work: FakeWorkplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert slipway("rotate", "secret", "api_key", "--yes").code == 2
    assert work.engine.asked == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (("database", "queue"), "error: queue is a cache\n  fix: slipway rotate cache queue\n"),
        (("cache", "main"), "error: there is no cache main\n  allowed: queue, pages\n"),
        (("cache", "pages"), "error: pages keeps nothing over a restart"),
        (("database", "docs"), "error: docs is a vector store: "),
        (
            ("database", "llm"),
            "error: llm is a model server, which has no credential of its own\n  fix: rotate the key",
        ),
        (("database", "nothing"), "error: there is no database nothing\n  allowed: main\n"),
        (("secret", "nothing"), "error: there is no secret nothing\n  allowed: session_key, api_key\n"),
    ],
)
def test_what_cannot_be_rotated_is_refused(
    slipway: Slipway, work: FakeWorkplace, what: tuple[str, str], text: str
) -> None:
    """Exit code 2, nothing done."""
    said = slipway("rotate", *what, "--yes")
    assert said.code == 2
    assert said.err.startswith(text)
    assert work.engine.asked == []


def test_nothing_is_rotated_without_an_answer(slipway: Slipway, work: FakeWorkplace) -> None:
    """Exit code 2."""
    assert slipway("rotate", "database", "main").code == 2
    assert _rotations(work) is None


def test_an_unknown_stack(slipway: Slipway) -> None:
    """Exit code 6."""
    assert slipway("rotate", "database", "main", "--stack", "nowhere", "--yes").code == 6


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("{mian: 2}", "there is no database, no cache with persistence and no generated secret 'mian'"),
        ("{api_key: 1}", "there is no database, no cache with persistence and no generated secret 'api_key'"),
        ("{main: often}", "the steps of 'main' are no number"),
        ("{main: -1}", "the steps of 'main' are no number"),
    ],
)
def test_the_steps_are_checked(slipway: Slipway, work: FakeWorkplace, value: str, text: str) -> None:
    """With every other mistake of the description."""
    settings = work.root / "Pulumi.dev.yaml"
    settings.write_text(settings.read_text() + f"  slipway:rotations: {value}\n")
    said = slipway("up")
    assert said.code != 0
    assert text in said.err
