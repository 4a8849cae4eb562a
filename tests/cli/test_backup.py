"""``slipway backup``: what it says of what the container says, and when a deployment makes one first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from operate.backups import BackupFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import FakeWorkplace, Said

    Slipway = Callable[..., Said]

RESULT = {
    "event": "result",
    "id": "20261129T020000Z-3f9a",
    "verified": True,
    "bytes": 5 * 1024**2,
    "seconds": {"dump": 1.0, "store": 0.5, "verify": 2.0},
    "destinations": ["local"],
}
STORE = {"name": "main", "kind": "postgres", "bytes": 2048, "seconds": 1.0}
CONTENT = {"server_version": "15.1", "tables": {"public.a": {"rows": 3}}}
LISTED = {
    "id": RESULT["id"],
    "trigger": "schedule",
    "verified": "2026-11-29T02:01:00Z",
    "destinations": ["local"],
    "started": "2026-11-29T02:00:00Z",
    "bytes": 5 * 1024**2,
}


class FakeScheduler:
    """Answers from a table, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.left: list[str] = []
        self.answers: dict[str, Any] = {"list": [LISTED]}
        self.fails = ""

    def events(self, *words: str) -> Iterator[dict[str, Any]]:
        """Play a run."""
        self.asked.append(words)
        yield {"event": "phase", "phase": "dump", "store": "main"}
        yield {"event": "phase", "phase": "something new"}
        if self.fails:
            raise BackupFailed(self.fails)
        yield RESULT

    def ask(self, *words: str) -> Any:
        """Answer."""
        self.asked.append(words)
        return self.answers[words[0]]

    def leave_checkpoint(self, files: dict[str, bytes], _deployed: str) -> None:
        """Remember its files."""
        self.left += files

    def passphrase(self) -> str:
        """Return one."""
        return "the-phrase"


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> FakeScheduler:
    """Return a scheduler that every command finds."""
    made = FakeScheduler()
    for place in ("cli.commands.backup.find_scheduler", "cli.backups.find_scheduler_if_any"):
        monkeypatch.setattr(place, lambda *_: made)
    return made


class TestCommands:
    def test_a_backup_takes_the_newest_state_and_says_how_it_went(
        self, slipway: Slipway, work: FakeWorkplace, scheduler: FakeScheduler
    ) -> None:
        work.knows()
        said = slipway("backup")
        assert said.code == 0
        assert scheduler.left == ["dev.json", "Pulumi.dev.yaml", "Pulumi.yaml"]
        assert scheduler.asked == [("run", "--trigger", "manual", "--json")]
        assert "dumping main" in said.out
        assert "20261129T020000Z-3f9a: verified, 5.0 MiB, in local" in said.out

    def test_its_events_are_json_for_programs(self, slipway: Slipway, scheduler: FakeScheduler) -> None:
        lines = slipway("backup", "--json").out.splitlines()
        assert [json.loads(line)["event"] for line in lines] == ["phase", "phase", "result"]
        assert scheduler.left == []

    def test_one_that_failed_says_why(self, slipway: Slipway, scheduler: FakeScheduler) -> None:
        scheduler.fails = "destination local: the disk is full"
        said = slipway("backup")
        assert (said.code, "error: destination local: the disk is full" in said.err) == (1, True)

    def test_the_list(self, slipway: Slipway, scheduler: FakeScheduler) -> None:
        rows = [line.split() for line in slipway("backup", "list").out.splitlines()]
        assert rows[0] == ["BACKUP", "MADE", "WHY", "SIZE", "VERIFIED", "IN"]
        assert rows[1][:4] == ["20261129T020000Z-3f9a", "2026-11-29", "02:00:00", "schedule"]
        scheduler.answers["list"] = [{**LISTED, "verified": None}]
        assert " no  " in slipway("backup", "list").out
        assert json.loads(slipway("backup", "list", "--json").out) == scheduler.answers["list"]

    def test_what_one_holds(self, slipway: Slipway, scheduler: FakeScheduler) -> None:
        scheduler.answers["show"] = {**LISTED, "manifest": {"stores": [{**STORE, "content": CONTENT}]}}
        said = slipway("backup", "show")
        assert "PostgreSQL 15.1, 1 tables, 3 rows" in said.out
        assert scheduler.asked == [("show", "latest", "--json")]

    def test_a_volume_that_was_taken_paused_says_so(self, slipway: Slipway, scheduler: FakeScheduler) -> None:
        content = {"entries": 3, "digest": "", "changed": [], "paused": {"seconds": 1.25, "containers": ["api-0"]}}
        scheduler.answers["show"] = {**LISTED, "manifest": {"stores": [{**STORE, "content": content}]}}
        assert "3 files and folders, services paused for 1.2 s" in slipway("backup", "show").out
        del content["paused"]
        assert "paused" not in slipway("backup", "show").out

    def test_verifying(self, slipway: Slipway, scheduler: FakeScheduler) -> None:
        assert "it holds what was backed up" in slipway("backup", "verify", "one", "--read-all").out
        assert scheduler.asked == [("verify", "one", "--json", "--read-all")]

    @pytest.mark.usefixtures("scheduler")
    def test_the_key_goes_to_a_new_file_and_nowhere_else(self, slipway: Slipway, tmp_path: Path) -> None:
        file = tmp_path / "key"
        said = slipway("backup", "key", "--out", str(file))
        assert file.read_text(encoding="utf-8") == "the-phrase\n"
        assert file.stat().st_mode & 0o777 == 0o600
        assert "the-phrase" not in said.out + said.err
        again = slipway("backup", "key", "--out", str(file))
        assert (again.code, "can't make" in again.err) == (1, True)

    def test_without_backups_it_says_how_to_have_them(self, slipway: Slipway) -> None:
        said = slipway("backup")
        assert (said.code, "describe backups" in said.err) == (2, True)


BLUEPRINT = """\
name: shop
images: {family: debian, references: {backup: "backup:1", postgres: "postgres:15.1"}}
protect_data: false
databases: {main: {memory: 256MiB}}
services:
  api: {image: "api:1", port: 8000, replicas: 1, health: {path: /health}}
backups: {before_deploy: true}
environments: {dev: {}}
"""


class TestBeforeDeployment:
    @pytest.fixture(autouse=True)
    def _deployed(self, slipway: Slipway, work: FakeWorkplace, scheduler: FakeScheduler) -> None:
        (work.root / "blueprints" / "shop.yaml").write_text(BLUEPRINT)
        work.knows_what_runs()
        assert slipway("up", "--skip-images").code == 0
        assert scheduler.asked == [], "the first deployment has nothing to lose"
        assert "dev.json" in scheduler.left

    def _up(self, slipway: Slipway, work: FakeWorkplace, old: str, new: str, *options: str) -> Said:
        (work.root / "blueprints" / "shop.yaml").write_text(BLUEPRINT.replace(old, new))
        return slipway("up", "--skip-images", *options)

    @pytest.mark.parametrize(
        ("change", "made"),
        [
            (("256MiB", "512MiB"), True),
            (("postgres:15.1", "postgres:15.2"), True),
            (("services:", "jobs: {migrate: {image: 'api:2'}}\nservices:"), True),
            (("api:1", "api:2"), False),
            (("before_deploy: true", "before_deploy: false"), False),
        ],
    )
    def test_one_is_made_where_data_can_be_touched(
        self, slipway: Slipway, work: FakeWorkplace, scheduler: FakeScheduler, change: tuple[str, str], made: bool
    ) -> None:
        assert self._up(slipway, work, *change).code == 0
        assert scheduler.asked == ([("run", "--trigger", "before-deploy", "--json")] if made else [])

    def test_if_it_fails_nothing_is_deployed(
        self, slipway: Slipway, work: FakeWorkplace, scheduler: FakeScheduler
    ) -> None:
        scheduler.fails = "the disk is full"
        before = len(work.engine.asked)
        said = self._up(slipway, work, "256MiB", "512MiB")
        assert said.code == 1
        assert "so nothing was deployed: the disk is full" in said.err
        assert "--no-backup" in said.err
        assert "up" not in [what for what, _ in work.engine.asked[before:]]

    def test_the_user_has_the_last_word(self, slipway: Slipway, work: FakeWorkplace, scheduler: FakeScheduler) -> None:
        assert self._up(slipway, work, "256MiB", "512MiB", "--no-backup").code == 0
        assert scheduler.asked == []
        assert self._up(slipway, work, "", "", "--backup").code == 0
        assert len(scheduler.asked) == 1
