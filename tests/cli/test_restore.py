"""``slipway restore`` and ``recover``: what is asked, in which order, and what is refused before anything begins."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from operate.restore_source import Done, RestoreRefused, Source, Stores
from tests.cli.conftest import FakeWorkplace, Said

Slipway = Callable[..., Said]

RECORDS: dict[str, Any] = {
    "main": {"name": "main", "kind": "postgres", "bytes": 5, "content": {"tables": {"public.t": {"rows": 7}}}},
    "uploads": {"name": "uploads", "kind": "volume", "bytes": 5, "content": {"entries": 3, "digest": "x"}},
}


@dataclass
class FakeRestore:
    """Notes what it is asked, in order."""

    asked: ClassVar[list[str]] = []
    stores: ClassVar[list[Stores]] = []
    refuses: ClassVar[set[str]] = set()
    given: Sequence[Any] = field(default_factory=list)

    def __init__(self, *given: Any) -> None:
        self.stores.append(given[3])

    def _note(self, what: str) -> None:
        if what in self.refuses:
            raise RestoreRefused(f"{what} is refused")
        self.asked.append(what)

    def tidy(self) -> list[str]:
        self._note("tidy")
        return []

    def choose(self, wanted: str, only: Sequence[str]) -> Source:
        self._note(f"choose {wanted} {','.join(only)}")
        return Source("20261129T020000Z-3f9a", RECORDS, ["models (ollama)"], "2026-11-29T02:00:00Z", verified=True)

    def choose_moment(self, moment: datetime, only: Sequence[str]) -> Source:
        self._note(f"moment {moment.isoformat()} {','.join(only)}")
        record = {"name": "main", "kind": "postgres", "bytes": 0, "content": {}}
        return Source(None, {"main": record}, moment=moment.isoformat())

    def live_size(self, _store: str) -> str:
        return "1.0 MiB"

    def check_space(self, _source: Source) -> None:
        self._note("space")

    def safety(self) -> str:
        self._note("safety")
        return "safe"

    def run(self, _source: Source, _moment: str) -> Done:
        self._note("run")
        reached: dict[str, str | None] = {"main": "2026-11-29 14:04:59.5+00"} if _source.moment else {}
        return Done(kept={"main": "main__before"}, rows={"main": 7}, held_s=0.5, reached=reached)

    def kept(self) -> list[Any]:
        return []

    def forget(self) -> list[str]:
        self._note("forget")
        return ["main__before"]


@pytest.fixture(autouse=True)
def _fake(work: FakeWorkplace, monkeypatch: pytest.MonkeyPatch) -> None:
    path = work.root / "blueprints" / "shop.yaml"
    text = path.read_text().replace(
        "health: {path: /health}}",
        'health: {path: /health}, env: {URL: "${databases.main.url}"}, volumes: [{volume: uploads, path: /up}]}',
    )
    path.write_text(text + "databases: {main: {image: 'postgres:16'}}\nvolumes: {uploads: {}}\n")
    for seen in (FakeRestore.asked, FakeRestore.stores, FakeRestore.refuses):
        seen.clear()
    monkeypatch.setattr("operate.restoring.Restore", FakeRestore)


def test_it_says_what_would_be_replaced_and_asks_before_anything_is_done(slipway: Slipway) -> None:
    """With nobody there to answer it ends with 2, and not even a backup was made."""
    said = slipway("restore")
    assert said.code == 2
    assert "1 tables, 7 rows" in said.out
    assert "not restored: models (ollama)" in said.out
    assert FakeRestore.asked == ["tidy", "choose latest ", "space"]


def test_what_is_live_is_backed_up_before_it_is_replaced(slipway: Slipway) -> None:
    """In this order; the answer for a program is one document."""
    said = slipway("restore", "20261129T020000Z-3f9a", "--only", "main", "--yes", "--json")
    assert said.code == 0, said
    assert FakeRestore.asked == ["tidy", "choose 20261129T020000Z-3f9a main", "space", "safety", "run"]
    assert json.loads(said.out)["safety"] == "safe"


@pytest.mark.parametrize("step", ["space", "safety"])
def test_a_step_that_refuses_is_the_last(slipway: Slipway, step: str) -> None:
    """Nothing is replaced without space or without a backup of what is there."""
    FakeRestore.refuses.add(step)
    said = slipway("restore", "--yes")
    assert said.code == 1
    assert f"{step} is refused" in said.err
    assert "run" not in FakeRestore.asked


def test_going_without_a_safety_backup_has_to_be_said(slipway: Slipway) -> None:
    """For when what is live can't be backed up any more."""
    assert slipway("restore", "--yes", "--no-safety").code == 0
    assert FakeRestore.asked[-2:] == ["space", "run"]


def test_who_uses_a_store_comes_from_the_description(slipway: Slipway) -> None:
    """They are held while it changes."""
    slipway("restore", "--yes")
    assert FakeRestore.stores[0].users == {"main": frozenset({"api"}), "uploads": frozenset({"api"})}
    assert FakeRestore.stores[0].databases == {"main": "main"}


def test_what_was_kept_goes_only_when_that_is_confirmed(slipway: Slipway) -> None:
    """It may be all that is left of somebody's day."""
    assert slipway("restore", "--forget").code == 2
    assert FakeRestore.asked == []
    assert slipway("restore", "--forget", "--yes").code == 0
    assert FakeRestore.asked == ["forget"]


def test_a_file_goes_into_one_named_database(slipway: Slipway, tmp_path: Path) -> None:
    """It does not say itself which one it is of."""
    file = tmp_path / "dump"
    file.touch()
    assert "--only main" in slipway("restore", "--file", str(file), "--yes").err
    assert "can't both" in slipway("restore", "20261129T020000Z-3f9a", "--file", str(file), "--only", "main").err


def test_databases_go_to_a_moment(slipway: Slipway) -> None:
    """Given in any time zone; a program is told which transaction was the last."""
    said = slipway("restore", "--to", "2026-11-29 15:05:00+01", "--only", "main", "--yes", "--json")
    assert said.code == 0, said
    assert FakeRestore.asked == ["tidy", "moment 2026-11-29T14:05:00+00:00 main", "space", "safety", "run"]
    document = json.loads(said.out)
    assert (document["to"], document["reached"]) == ("2026-11-29T14:05:00+00:00", {"main": "2026-11-29 14:04:59.5+00"})
    said = slipway("restore", "--to", "2026-11-29 15:05:00+01", "--yes")
    assert "as they were at 2026-11-29 14:05:00 UTC; its base backup and log were not proved yet" in said.err + said.out


@pytest.mark.parametrize(
    ("moment", "code", "reason"),
    [
        ("9999-01-01T00:00:00Z", 1, "is in the future"),
        ("2026-11-29 15:05:00", 2, "does not say in which time zone"),
        ("yesterday", 2, "is no moment"),
    ],
)
def test_what_is_no_moment_is_refused(slipway: Slipway, moment: str, code: int, reason: str) -> None:
    """With how to write one, before anything is asked."""
    said = slipway("restore", "--to", moment, "--yes")
    assert (said.code, FakeRestore.asked) == (code, [])
    assert reason in said.err
    assert "fix: " in said.err or "allowed: until now" in said.err


def test_a_moment_and_a_backup_are_two_things(slipway: Slipway) -> None:
    said = slipway("restore", "20261129T020000Z-3f9a", "--to", "2026-11-29 15:05:00Z", "--yes")
    assert said.code == 2
    assert "can't both be restored" in said.err


def test_recover_wants_a_kit_or_makes_one(slipway: Slipway, tmp_path: Path) -> None:
    """Never both, never a file that is none."""
    assert slipway("recover").code == 2
    file = tmp_path / "kit"
    file.write_text("rubbish", encoding="utf-8")
    said = slipway("recover", str(file), "--yes")
    assert said.code == 1
    assert "is no kit" in said.err
