"""The parts of point-in-time recovery that need no server: which chains there are, what goes, what is a gap."""

from __future__ import annotations

import importlib
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from operate.image_lock import IMAGES_FOLDER

# A program of its own, not a room of Slipway's.
sys.path.insert(0, str(IMAGES_FOLDER / "backup"))
asking: Any = importlib.import_module("slipway_backup.point_in_time.asking")
base: Any = importlib.import_module("slipway_backup.point_in_time.base")
chain: Any = importlib.import_module("slipway_backup.point_in_time.chain")
config: Any = importlib.import_module("slipway_backup.config")
errors: Any = importlib.import_module("slipway_backup.errors")
lock: Any = importlib.import_module("slipway_backup.lock")
metrics: Any = importlib.import_module("slipway_backup.metrics")
places: Any = importlib.import_module("slipway_backup.point_in_time.places")
report: Any = importlib.import_module("slipway_backup.report")
restic: Any = importlib.import_module("slipway_backup.restic")
segments: Any = importlib.import_module("slipway_backup.point_in_time.segments")
state: Any = importlib.import_module("slipway_backup.point_in_time.state")

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
SIZE = 1 << 24


def _at(hours: float) -> str:
    return str(chain.stamp(NOON + timedelta(hours=hours)))


def _snapshot(words: str, kind: str, verified: str | None = None) -> Any:
    return restic.Snapshot(snapshot=f"restic:{words}", id=words, time="", trigger=kind, verified=verified)


def _chain(since: float, *logs: float, verified: bool = True) -> list[Any]:
    name = f"main/{_at(since)}"
    base = _snapshot(name, "base", "2026-11-30T00:00:00Z" if verified else None)
    return [base, *(_snapshot(f"{name}/{_at(until)}", "log") for until in logs)]


class TestWindows:
    def test_a_list_of_snapshots_says_what_can_be_had(self) -> None:
        """An object store alone is enough, as after the loss of a host."""
        (first, second) = chain.windows({"far": [*_chain(0, 1, 3), *_chain(2.5, 4)]})
        assert (first.since, first.until) == (_at(0), _at(3))
        assert (second.since, second.until) == (_at(2.5), _at(4))
        assert second.covers(NOON + timedelta(hours=3))
        assert not second.covers(NOON + timedelta(hours=2))
        assert not second.covers(NOON + timedelta(hours=4, microseconds=1))

    def test_a_base_backup_without_log_restores_nothing(self) -> None:
        """Nor does log whose base backup is elsewhere."""
        (window,) = chain.windows({"near": [_chain(0)[0]], "far": _chain(0, 1)[1:]})
        assert (window.places, window.until) == ([], "")
        assert not window.covers(NOON)

    def test_the_destination_that_has_most_is_asked_first(self) -> None:
        (window,) = chain.windows({"a": _chain(0, 1), "b": _chain(0, 1, 2)})
        assert (window.places, window.until) == (["b", "a"], _at(2))


class TestWhatGoes:
    def _gone(self, there: list[Any], oldest: float) -> list[str]:
        gone, _ = chain.superfluous(there, chain.windows({"a": there}), NOON + timedelta(hours=oldest), "a")
        return [item.id.removeprefix("main/") for item in gone]

    def test_only_what_reaches_back_far_enough_stays(self) -> None:
        there = [*_chain(0, 10), *_chain(9, 20), *_chain(19, 30)]
        assert self._gone(there, 15) == [_at(0), f"{_at(0)}/{_at(10)}"]

    def test_of_each_chain_the_newest_log_is_enough(self) -> None:
        assert self._gone(_chain(0, 1, 2, 3), -1) == [f"{_at(0)}/{_at(1)}", f"{_at(0)}/{_at(2)}"]

    def test_the_newest_and_the_newest_proved_one_stay_whatever_is_kept(self) -> None:
        """Until the new one is proved, the old one is the only one that surely restores."""
        there = [*_chain(0, 10), *_chain(9, 20), *_chain(19, 30, verified=False)]
        assert self._gone(there, 99) == [_at(0), f"{_at(0)}/{_at(10)}"]

    def test_a_base_backup_that_is_being_made_stays(self) -> None:
        assert self._gone([*_chain(0, 10), *_chain(11)], 99) == []


class TestGaps:
    NAMES = ("0000000100000000000000FE", "0000000100000000000000FF", "000000010000000100000000")

    def test_the_log_goes_on_over_the_end_of_a_file_of_log(self) -> None:
        """FF is followed by 00 of the next, for segments of 16 MiB."""
        assert chain.gap(self.NAMES, self.NAMES[0], SIZE) is None
        assert chain.gap(self.NAMES, self.NAMES[1], SIZE) is None

    def test_what_is_missing_is_told(self) -> None:
        assert "1 segments" in chain.gap((self.NAMES[0], self.NAMES[2]), self.NAMES[0], SIZE)
        assert "is missing" in chain.gap(self.NAMES[1:], self.NAMES[0], SIZE)
        assert "is missing" in chain.gap((), self.NAMES[0], SIZE)

    @pytest.mark.parametrize(
        ("place", "written"), [("0/3000028", "0/3000000"), ("0/3002018", "0/3002000"), ("0/30000A8", "0/30000A8")]
    )
    def test_the_head_of_a_page_is_not_written_before_its_first_record(self, place: str, written: str) -> None:
        """Otherwise one would wait for log that never comes."""
        assert chain.text_of(chain.written(chain.lsn_of(place))) == written


class TestSegments:
    FIRST = "000000010000000000000002"

    def _write(self, folder: Path, *names: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).write_bytes(name.encode())
            os.truncate(folder / name, 4096)

    def _names(self, folder: Path) -> list[str]:
        return sorted(path.name for path in folder.rglob("*") if path.is_file())

    def test_what_is_finished_is_kept_once_and_the_receiver_goes_on_from_the_last(self, tmp_path: Path) -> None:
        incoming, chain_folder = tmp_path / "incoming", tmp_path / "chain"
        names = [f"00000001000000000000000{number}" for number in (1, 2, 3)]
        self._write(incoming, *names, "000000010000000000000004.partial")
        segments.gather(incoming, chain_folder, self.FIRST)
        assert self._names(chain_folder) == [*names[1:], "000000010000000000000004.partial"]
        assert self._names(incoming) == [names[2], "000000010000000000000004.partial"]
        (incoming / "000000010000000000000004.partial").rename(incoming / "000000010000000000000004")
        segments.gather(incoming, chain_folder, self.FIRST)
        assert self._names(chain_folder) == [*names[1:], "000000010000000000000004"]

    def test_a_gap_is_refused(self, tmp_path: Path) -> None:
        """What lies behind it can't be replayed."""
        self._write(tmp_path / "incoming", self.FIRST, "000000010000000000000004")
        with pytest.raises(errors.BackupError, match="1 segments of the write-ahead log are missing"):
            segments.gather(tmp_path / "incoming", tmp_path / "chain", self.FIRST)

    def test_for_recovery_the_partial_one_is_the_last(self, tmp_path: Path) -> None:
        self._write(tmp_path / "incoming", self.FIRST, "000000010000000000000003.partial")
        segments.gather(tmp_path / "incoming", tmp_path / "chain", self.FIRST)
        segments.lay_flat(tmp_path / "chain", tmp_path / "log")
        assert self._names(tmp_path / "log") == [self.FIRST, "000000010000000000000003"]


class TestState:
    def test_it_is_kept_and_a_key_of_a_newer_version_is_no_harm(self, tmp_path: Path) -> None:
        wanted = _config(tmp_path)
        folder = state.folder_of(wanted, "main")
        folder.mkdir(parents=True)
        state.write(wanted, "main", state.State(until=_at(1), lost=2))
        file = folder / "state.json"
        file.write_text(file.read_text(encoding="utf-8").replace("{", '{"later": 1, ', 1), encoding="utf-8")
        assert (state.read(wanted, "main").until, state.read(wanted, "main").lost) == (_at(1), 2)
        assert state.read(wanted, "other") == state.State()

    def test_exposure_counts_from_the_last_moment_of_which_everything_is_stored(self) -> None:
        """Where nothing was written since, that is the last look."""
        now = NOON + timedelta(hours=2)
        assert state.State(begun=_at(0)).exposure_s(now) == 7200
        assert state.State(begun=_at(0), until=_at(1)).exposure_s(now) == 3600
        assert state.State(begun=_at(0), until=_at(1), observed=_at(1.5)).exposure_s(now) == 1800
        assert state.State().exposure_s(now) is None

    def test_metrics_tell_it(self, tmp_path: Path) -> None:
        wanted = _config(tmp_path)
        assert 'wal_exposure_seconds{store="main"}' not in metrics.render(wanted)
        state.folder_of(wanted, "main").mkdir(parents=True)
        state.write(wanted, "main", state.State(chain=_at(0), until=_at(1), oldest=_at(-9), slot_bytes=77, lost=1))
        lines = metrics.render(wanted).splitlines()
        assert 'slipway_backup_wal_slot_bytes{store="main"} 77' in lines
        assert 'slipway_backup_wal_lost{store="main"} 1' in lines
        assert "slipway_backup_wal_alert_after_seconds 600" in lines
        assert any(line.startswith('slipway_backup_wal_exposure_seconds{store="main"}') for line in lines)

    def test_somebody_asks_once(self, tmp_path: Path) -> None:
        wanted = _config(tmp_path)
        (tmp_path / state.FOLDER).mkdir()
        assert not state.asked(wanted)
        state.ask(wanted)
        assert (state.asked(wanted), state.asked(wanted)) == (True, False)


def test_chains_are_kept_apart_from_the_sets(tmp_path: Path) -> None:
    """So that nobody waits for the lock of the other, and a list of the one is not one of the other."""
    (tmp_path / "key").write_text("k", encoding="utf-8")
    s3 = {"name": "far", "kind": "s3", "endpoint": "https://s3.example.org", "bucket": "b", "prefix": "shop/prod"}
    s3 |= {"access_key_file": str(tmp_path / "key"), "secret_key_file": str(tmp_path / "key")}
    local = {"name": "local", "kind": "local", "path": "/backups/repository"}
    found = places.places(_config(tmp_path, destinations=[local, s3]))
    assert [place.location for place in found] == [
        "/backups/point-in-time", "s3:https://s3.example.org/b/shop/prod/point-in-time",
    ]  # fmt: skip
    assert {place.cache for place in found} == {tmp_path / "point-in-time" / "cache"}


class TestReadingAll:
    """What is stored for moments is read as what is stored for sets is."""

    def _read(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **answers: Any) -> list[str]:
        """Return what was checked, of destinations that answer so."""
        checked: list[str] = []

        class Place:
            def __init__(self, name: str) -> None:
                self.name = name

            def check(self, *, read_all: bool) -> None:
                assert read_all
                assert lock.is_held(folder / "point-in-time" / "lock")  # nobody removes anything meanwhile
                checked.append(self.name)
                if answers[self.name]:
                    raise answers[self.name]

        monkeypatch.setattr(places, "places", lambda *_: [Place(name) for name in answers])
        try:
            places.read_all(_config(folder), report.Report(quiet=True), None)
        finally:
            assert not lock.is_held(folder / "point-in-time" / "lock")
        return checked

    def test_of_every_destination(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where nothing is stored yet there is nothing to read."""
        absent = errors.AbsentRepositoryError("destination far has no repository yet")
        assert self._read(tmp_path, monkeypatch, far=absent, local=None) == ["far", "local"]

    def test_damage_says_where_it_is(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        damage = errors.DestinationError("destination local: restic check: hash does not match")
        with pytest.raises(errors.DestinationError, match=r"^point in time: destination local: restic check: hash"):
            self._read(tmp_path, monkeypatch, local=damage)


def test_what_a_snapshot_says_of_itself_is_read_back() -> None:
    facts = chain.Facts("main", _at(0), _at(1), "0/3000028", "0" * 24, "7", "main", 15, 31)
    assert chain.facts_of(facts.text(), "x") == facts
    with pytest.raises(errors.NotVerifiedError, match="does not say what it is"):
        chain.facts_of("{}", "x")


def test_a_base_backup_says_where_its_log_begins(tmp_path: Path) -> None:
    """Without that nothing is known of it."""
    label = "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\nCHECKPOINT LOCATION: 0/2000060\n"
    (tmp_path / "backup_label").write_text(label, encoding="utf-8")
    assert base.first_segment(tmp_path) == "000000010000000000000002"
    (tmp_path / "backup_label").unlink()
    with pytest.raises(errors.NotVerifiedError, match="no label"):
        base.first_segment(tmp_path)


def test_a_moment_says_its_offset() -> None:
    assert asking.moment("2026-11-30T13:00:00+01:00") == NOON
    for text in ("2026-11-30T13:00:00", "soon"):
        with pytest.raises(Exception, match=text):
            asking.moment(text)


def _config(folder: Path, **changes: Any) -> Any:
    file = folder / "config.json"
    options = {"log_user": "slipway_log", "log_password_file": "/x"}
    document = {
        "format": 1, "project": "shop", "stack": "prod", "platform": "shop", "keep": {"days": 30},
        "stores": [{"name": "main", "kind": "postgres", "host": "main", **options}],
        "destinations": [{"name": "local", "kind": "local", "path": "/backups/repository"}],
        "passphrase_file": "/x", "work": str(folder), "point_in_time": {"keep_s": 60.0}, **changes,
    }  # fmt: skip
    file.write_text(json.dumps(document), encoding="utf-8")
    return config.load(file)
