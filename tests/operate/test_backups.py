"""Backups asked of the container that makes them: its events, its answers, the state that is left for it."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import docker
import pytest

from operate.backups import (
    BackupFailed,
    NoBackups,
    NoSuchBackup,
    Scheduler,
    checkpoint_files,
    find_scheduler,
    overdue,
    run,
)
from tests.operate.fake_docker import PROJECT, STACK, client, container

Event = dict[str, Any]


@dataclass
class Inside:
    """A Docker in whose containers commands say what a test wants."""

    chunks: list[tuple[bytes | None, bytes | None]] = field(default_factory=list)
    code: int = 0
    asked: list[list[str]] = field(default_factory=list)
    put: list[tuple[str, bytes]] = field(default_factory=list)

    def exec_create(self, _container: str, command: list[str], **environment: object) -> dict[str, str]:
        assert environment in ({}, {"environment": {}})
        self.asked.append(command)
        return {"Id": "exec"}

    def exec_start(self, _id: str, *, demux: bool, stream: bool = False) -> Any:
        assert demux
        if stream:
            return iter(self.chunks)
        out = b"".join(chunk[0] or b"" for chunk in self.chunks)
        return out or None, b"".join(chunk[1] or b"" for chunk in self.chunks) or None

    def exec_inspect(self, _id: str) -> dict[str, int]:
        return {"ExitCode": self.code}

    def inspect_container(self, _id: str) -> dict[str, Any]:
        return {"Config": {"User": "70:70"}}

    def put_archive(self, _id: str, path: str, data: bytes) -> bool:
        self.put.append((path, data))
        return True


def _scheduler(inside: Inside) -> Scheduler:
    class Client:
        api = inside

    return Scheduler(cast("docker.DockerClient", Client()), "c" * 64)


def _lines(*events: Event) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


PHASE: Event = {"event": "phase", "phase": "dump", "store": "main"}
RESULT: Event = {"event": "result", "id": "one", "verified": True}


class TestAsking:
    def test_events_come_as_they_are_told_in_whatever_pieces(self) -> None:
        text = b"a line of a tool\n" + _lines(PHASE, RESULT)
        inside = Inside([(text[index : index + 7], None) for index in range(0, len(text), 7)])
        told: list[Event] = []
        assert run(_scheduler(inside), "manual", told.append) == RESULT
        assert told == [PHASE, RESULT]
        assert inside.asked == [["slipway-backup", "run", "--trigger", "manual", "--json"]]

    def test_a_failure_is_what_the_container_said(self) -> None:
        inside = Inside([(_lines(PHASE, {"event": "error", "message": "the disk is full", "code": 4}), None)], code=4)
        with pytest.raises(BackupFailed, match="the disk is full") as caught:
            run(_scheduler(inside), "manual", lambda _: None)
        assert caught.value.exit_code == 1

    def test_one_that_says_nothing_is_a_failure_too(self) -> None:
        """Killed by the kernel, for instance."""
        with pytest.raises(BackupFailed, match="ended with code 137"):
            run(_scheduler(Inside(code=137)), "manual", lambda _: None)

    def test_no_such_backup_has_its_own_exit_code(self) -> None:
        inside = Inside([(_lines({"event": "error", "message": "there is no backup x", "code": 6}), None)], code=6)
        with pytest.raises(NoSuchBackup, match="there is no backup x") as caught:
            _scheduler(inside).ask("show", "x", "--json")
        assert caught.value.exit_code == 6

    def test_the_newest_scheduler_is_asked(self) -> None:
        """A release may have left two."""
        things = [container("backups", role="server", kind="backups") for _ in range(2)]
        there = client(*things, container("backups", role="reader", kind="backups", replica=1))
        listed = there.api.containers()
        created = {item["Id"]: number for number, item in enumerate(listed)}
        plain = there.api.containers

        def dated(**options: Any) -> list[dict[str, Any]]:
            return [{**item, "Created": created[item["Id"]]} for item in plain(**options)]

        there.api.containers = dated  # type: ignore[assignment]
        assert find_scheduler(there, PROJECT, STACK).id == things[1]["Id"]

    def test_a_stack_without_backups_is_told_how_to_have_them(self) -> None:
        with pytest.raises(NoBackups, match="describe backups"):
            find_scheduler(client(container("api")), PROJECT, STACK)


class TestCheckpoint:
    def test_it_is_left_whole_and_for_the_containers_user(self) -> None:
        """Aside first, and renamed by a command: a backup that runs takes the old one or the new one."""
        inside = Inside()
        _scheduler(inside).leave_checkpoint({"dev.json": b"{}"}, "2026-11-29T02:00:00Z")
        ((path, data),) = inside.put
        assert path == "/work"
        with tarfile.open(fileobj=io.BytesIO(data)) as written:
            entries = {entry.name.partition("/")[2]: entry for entry in written}
            assert {entry.uid for entry in entries.values()} == {70}
            facts = written.extractfile(entries["facts.json"])
            assert facts is not None
            assert json.loads(facts.read()) == {"deployed": "2026-11-29T02:00:00Z"}
        assert set(entries) == {"", "dev.json", "facts.json"}
        assert all(entry.mode == 0o600 for name, entry in entries.items() if name)
        assert "mv checkpoint-" in inside.asked[0][-1]

    def test_its_files_are_those_that_carry_a_stack_on(self, tmp_path: Path) -> None:
        folder = tmp_path / "state" / ".pulumi" / "stacks" / "shop"
        folder.mkdir(parents=True)
        (folder / "dev.json").write_text("{}", encoding="utf-8")
        (tmp_path / "Pulumi.dev.yaml").write_text("config: {}", encoding="utf-8")
        found = checkpoint_files(tmp_path / "state", "shop", "dev", tmp_path)
        assert found == {"dev.json": b"{}", "Pulumi.dev.yaml": b"config: {}"}
        assert checkpoint_files(tmp_path / "elsewhere", "shop", "dev", tmp_path) == {}


def _status(**changes: Any) -> dict[str, Any]:
    return {"schedule": "0 2 * * *", "alert_after_s": 93_600, "last_run": None, "last_verified": None, **changes}


NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["2026-11-28T02:00:00Z", "2026-11-01T02:00:00Z"])
def old(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return a run that is older than 26 hours."""
    return {"ended": request.param, "result": "verified"}


class TestOverdue:
    def test_a_fresh_one_is_well(self) -> None:
        good = {"ended": "2026-11-29T02:00:10Z", "result": "verified"}
        assert overdue(_status(last_run=good, last_verified=good), NOW) is None

    def test_an_old_one_is_not(self, old: dict[str, str]) -> None:
        assert "no backup was verified for" in (overdue(_status(last_run=old, last_verified=old), NOW) or "")

    def test_without_a_schedule_nobody_waits(self, old: dict[str, str]) -> None:
        assert overdue(_status(last_run=old, last_verified=old, schedule=None), NOW) is None

    def test_a_failed_one_is_told_at_once(self) -> None:
        failed = {"ended": "2026-11-29T02:00:10Z", "result": "failed", "message": "disk full"}
        assert overdue(_status(last_run=failed), NOW) == "the last backup failed (2026-11-29T02:00:10Z): disk full"

    def test_a_new_platform_has_its_time(self) -> None:
        """Nothing was due yet; once something was, the clock runs from the first run."""
        assert overdue(_status(), NOW) is None
        stored = {"ended": "2026-11-29T02:00:10Z", "result": "stored"}
        since = _status(last_run=stored, first_run="2026-11-20T02:00:00Z")
        assert "no backup was verified for 226 hours" in (overdue(since, NOW) or "")
