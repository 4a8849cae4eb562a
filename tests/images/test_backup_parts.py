"""The parts of the backup's image that need no server: what a set is, what stays, what is never taken for one."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import tarfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

# By name: the package is checked where its libraries are, in its image.
archive: Any = importlib.import_module("slipway_backup.archive")
config: Any = importlib.import_module("slipway_backup.config")
content: Any = importlib.import_module("slipway_backup.stores.postgres_content")
errors: Any = importlib.import_module("slipway_backup.errors")
files: Any = importlib.import_module("slipway_backup.files")
history: Any = importlib.import_module("slipway_backup.history")
lock: Any = importlib.import_module("slipway_backup.lock")
manifest: Any = importlib.import_module("slipway_backup.manifest")
metrics: Any = importlib.import_module("slipway_backup.metrics")
reader: Any = importlib.import_module("slipway_backup.reader")
report: Any = importlib.import_module("slipway_backup.report")
retention: Any = importlib.import_module("slipway_backup.retention")
verify: Any = importlib.import_module("slipway_backup.verify")
volume: Any = importlib.import_module("slipway_backup.stores.volume")
webhook: Any = importlib.import_module("slipway_backup.webhook")

QUIET = report.Report(quiet=True)
NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
DOCUMENT: dict[str, Any] = {
    "format": 1,
    "project": "shop",
    "stack": "prod",
    "platform": "shop",
    "schedule": "0 2 * * *",
    "keep": {"days": 30},
    "stores": [{"name": "main", "kind": "postgres", "host": "main"}],
    "destinations": [{"name": "local", "kind": "local", "path": "/backups/repository"}],
    "passphrase_file": "/run/secrets/backup-passphrase",
}


def _config(folder: Path, **changes: Any) -> Any:
    file = folder / "config.json"
    file.write_text(json.dumps({**DOCUMENT, "work": str(folder), **changes}), encoding="utf-8")
    return config.load(file)


class TestConfig:
    def test_it_is_read_as_it_is_written(self, tmp_path: Path) -> None:
        """The component writes it; a key that this version does not know is a newer component's."""
        loaded = _config(tmp_path)
        assert (loaded.host, loaded.keep.days, loaded.stores[0].text("host")) == ("shop/prod", 30, "main")

    @pytest.mark.parametrize("change", [{"format": 2}, {"keep": {"weeks": 1}}, {"stores": [{"name": "main"}]}])
    def test_what_it_can_not_be_is_refused(self, tmp_path: Path, change: dict[str, Any]) -> None:
        with pytest.raises(errors.ConfigError):
            _config(tmp_path, **change)

    def test_a_missing_value_names_the_store(self, tmp_path: Path) -> None:
        with pytest.raises(errors.ConfigError, match="postgres main: port is missing"):
            _config(tmp_path).stores[0].text("port")


class TestRetention:
    @staticmethod
    def _daily(count: int, verified: bool = True) -> list[Any]:
        return [retention.Known(f"{age:03}", NOW - timedelta(days=age), verified) for age in range(count)]

    def test_old_ones_go(self) -> None:
        gone = retention.to_forget(self._daily(40), config.Keep(days=30), NOW)
        assert gone == [f"{age:03}" for age in range(39, 29, -1)]

    def test_the_newest_verified_one_stays_however_old(self) -> None:
        """Weeks of backups that nobody could restore must not push out the last one that was proved."""
        good = retention.Known("good", NOW - timedelta(days=300), verified=True)
        sets = [good, *self._daily(40, verified=False)]
        assert "good" not in retention.to_forget(sets, config.Keep(days=30), NOW)

    def test_nothing_goes_while_none_is_verified(self) -> None:
        assert retention.to_forget(self._daily(100, verified=False), config.Keep(days=1), NOW) == []

    def test_one_of_each_month_and_week_and_day(self) -> None:
        keep = config.Keep(days=0, daily=2, weekly=2, monthly=3)
        kept = {item.id for item in self._daily(120)} - set(retention.to_forget(self._daily(120), keep, NOW))
        # Today, yesterday; the Sunday that today is and the one before; the ends of October and September.
        assert kept == {"000", "001", "007", "029", "060"}

    def test_of_a_day_the_verified_one_stays(self) -> None:
        sets = [
            retention.Known("now", NOW, verified=True),
            retention.Known("late", NOW - timedelta(days=2), verified=False),
            retention.Known("early", NOW - timedelta(days=2, hours=2), verified=True),
        ]
        assert retention.to_forget(sets, config.Keep(days=0, daily=2), NOW) == ["late"]

    def test_a_clock_that_jumped_ahead_empties_nothing(self) -> None:
        gone = retention.to_forget(self._daily(20), config.Keep(days=30), NOW + timedelta(days=3650))
        assert gone == []


class TestFiles:
    def test_a_line_that_a_crash_cut_off_spoils_no_other(self, tmp_path: Path) -> None:
        file = tmp_path / "lines"
        file.write_text('{"a": 1}\n{"a"', encoding="utf-8")
        files.append(file, '{"a": 2}')
        assert file.read_text(encoding="utf-8").splitlines() == ['{"a": 1}', '{"a"', '{"a": 2}']

    def test_too_little_space_is_refused_in_numbers(self, tmp_path: Path) -> None:
        with pytest.raises(errors.SpaceError, match=r"a backup needs about \d+ MiB in .* and \d+ MiB are free"):
            files.need_space(tmp_path, 1 << 60, "a backup")

    def test_two_never_run_at_once(self, tmp_path: Path) -> None:
        place = tmp_path / "lock"
        with lock.exclusive(place, "the first"):
            assert lock.is_held(place)
            with pytest.raises(errors.BusyError, match="the first since"), lock.exclusive(place, "the second"):
                pytest.fail("two at once")
        assert not lock.is_held(place)


def _set(folder: Path) -> Any:
    """Write a set with one file, and return its manifest."""
    file = folder / "volume" / "uploads" / "files.tar"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"content")
    record = manifest.StoreRecord(
        name="uploads", kind="volume", seconds=0.1, bytes=7, files=[files.record(file, folder)], content={"entries": 1}
    )
    made = manifest.Manifest(
        id="20261129T020000Z-0000", project="shop", stack="prod", platform="shop", trigger="manual",
        started="2026-11-29T02:00:00Z", finished="2026-11-29T02:00:01Z", seconds=1.0, bytes=7, tool={}, stores=[record],
    )  # fmt: skip
    (folder / "manifest.json").write_text(made.text(), encoding="utf-8")
    return made


class TestManifest:
    def test_it_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        made = _set(tmp_path)
        assert manifest.read(tmp_path).text() == made.text()

    def test_a_folder_without_one_is_no_set(self, tmp_path: Path) -> None:
        with pytest.raises(errors.NotVerifiedError, match="is no complete set"):
            manifest.read(tmp_path)

    def test_half_of_one_is_none(self, tmp_path: Path) -> None:
        text = _set(tmp_path).text()
        for end in range(0, len(text) - 2, 37):
            with pytest.raises(errors.NotVerifiedError):
                manifest.parse(text[:end])

    @pytest.mark.parametrize("path", ["/etc/passwd", "../outside", "a/../../b"])
    def test_no_file_is_outside_of_its_set(self, tmp_path: Path, path: str) -> None:
        text = _set(tmp_path).text().replace("volume/uploads/files.tar", path)
        with pytest.raises(errors.NotVerifiedError, match="outside its set"):
            manifest.parse(text)

    def test_every_difference_is_found(self, tmp_path: Path) -> None:
        made = _set(tmp_path)
        assert verify.differences(made, tmp_path) == []
        file = tmp_path / "volume" / "uploads" / "files.tar"
        for number in range(7):
            broken = bytearray(b"content")
            broken[number] ^= 1
            file.write_bytes(broken)
            assert verify.differences(made, tmp_path) == ["volume/uploads/files.tar has other content"]
        file.write_bytes(b"conten")
        assert verify.differences(made, tmp_path) == ["volume/uploads/files.tar has 6 bytes instead of 7"]
        file.unlink()
        (tmp_path / "stranger").touch()
        assert verify.differences(made, tmp_path) == [
            "volume/uploads/files.tar is missing",
            "stranger is not in the manifest",
        ]


class TestContent:
    RECORDED: ClassVar[dict[str, Any]] = {
        "tables": {"public.a": {"rows": 2, "hash": ["1", "2"]}, "public.b": {"rows": 0, "hash": ["0", "0"]}},
        "sequences": {"public.s": {"last_value": 5, "is_called": True, "until": 9}},
    }

    def test_the_same_is_no_difference(self) -> None:
        found = {"public.s": {"last_value": 7, "is_called": True}}
        assert content.differences(self.RECORDED, self.RECORDED["tables"], found) == []

    def test_each_difference_is_named(self) -> None:
        tables = {"public.a": {"rows": 2, "hash": ["1", "3"]}, "public.c": {"rows": 0, "hash": ["0", "0"]}}
        sequences = {"public.s": {"last_value": 10, "is_called": True}}
        assert content.differences(self.RECORDED, tables, sequences) == [
            "table public.b is missing",
            "table public.c was not there",
            "table public.a has other content in its 2 rows",
            "sequence public.s stands at 10 instead of 5",
        ]

    def test_many_are_counted(self) -> None:
        recorded = {"tables": {f"t{number:02}": {"rows": 0, "hash": []} for number in range(30)}, "sequences": {}}
        assert content.differences(recorded, {}, {})[-1] == "and 10 more"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a folder with what folders hold."""
    folder = tmp_path / "data" / "uploads"
    (folder / "x").mkdir(parents=True)
    (folder / "x" / "y").write_bytes(os.urandom(300_000))
    (folder / "empty").touch(mode=0o600)
    (folder / "link").symlink_to("x/y")
    os.link(folder / "x" / "y", folder / "hard")
    return folder


@pytest.fixture
def served(tree: Path, tmp_path: Path) -> Iterator[Path]:
    """Return the socket of a reader of that folder."""
    place = tmp_path / "s"
    server = reader._Server(tree, str(place))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield place
    server.shutdown()
    server.server_close()


class TestVolumes:
    def test_a_reader_hands_out_what_is_there(self, served: Path, tmp_path: Path) -> None:
        store = volume.Volume(config.Part("uploads", "volume", {"socket": str(served)}))
        target = tmp_path / "set"
        target.mkdir()
        with store.open() as opened:
            found = opened.dump(target, QUIET)
        assert found["entries"] == 5
        assert volume.compare(target / "files.tar", found) == []
        with tarfile.open(target / "files.tar") as written:
            names = written.getnames()
        assert names == ["empty", "hard", "link", "x", "x/y"]

    def test_an_archive_that_was_cut_off_or_changed_is_found(self, served: Path, tmp_path: Path) -> None:
        file = tmp_path / "files.tar"
        with file.open("wb") as out:
            said = reader.ask(served, "tar", out)
        whole = file.read_bytes()
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 4
        for broken in (whole[: len(whole) // 2], whole[:1000], b"", bytes(flipped)):
            file.write_bytes(broken)
            assert volume.compare(file, said)

    def test_an_answer_that_was_cut_off_is_none(self, tmp_path: Path) -> None:
        """A reader that dies in between must not look like one that had nothing more to say."""
        frame = reader._LENGTH.pack(4) + b"data"
        for text in (frame, frame + reader._LENGTH.pack(4) + b"da", frame + reader._LENGTH.pack(0)):
            place = tmp_path / "cut"
            listener = reader.socket.socket(reader.socket.AF_UNIX)
            listener.bind(str(place))
            listener.listen()

            def answer(listener: Any = listener, text: bytes = text) -> None:
                connection, _ = listener.accept()
                connection.recv(20)
                connection.sendall(text)
                connection.close()

            thread = threading.Thread(target=answer)
            thread.start()
            with pytest.raises(errors.BackupError, match="gave no whole answer"):
                reader.ask(place, "tar")
            thread.join()
            listener.close()
            place.unlink()

    def test_what_changes_meanwhile_is_named_and_whole(self, tree: Path, tmp_path: Path) -> None:
        """A file that gets shorter is filled up, as tar does: the archive stays one."""

        class Shrinking:
            def __init__(self, out: Any) -> None:
                self.out = out

            def write(self, data: bytes) -> int:
                (tree / "x" / "y").write_bytes(b"short")
                return int(self.out.write(data))

        file = tmp_path / "files.tar"
        with file.open("wb") as out:
            found = archive.write(tree, Shrinking(out))
        # The same file under two names: whichever was being read.
        assert found.changed
        assert archive.read(file).digest() == found.digest()


class TestHistory:
    def test_a_killed_run_is_a_failed_one(self, tmp_path: Path) -> None:
        """Nobody is left to say so, so the next one does."""
        loaded = _config(tmp_path)
        history.begin(loaded, {"what": "run", "id": "a"})
        history.begin(loaded, {"what": "run", "id": "b"})
        history.end(loaded, {"what": "run", "id": "b", "result": "verified"})
        assert [(item["id"], item["result"]) for item in history.entries(loaded)] == [
            ("a", "failed"),
            ("b", "verified"),
        ]

    def test_metrics_are_those_of_the_newest(self, tmp_path: Path) -> None:
        loaded = _config(tmp_path)
        text = metrics.render(loaded)
        assert "slipway_backup_last_verified_timestamp_seconds 0\n" in text
        entry = {"what": "run", "ended": "2026-11-29T02:00:00Z", "bytes": 7, "seconds": {"dump": 1.5}}
        stores = {"main": {"kind": "postgres", "bytes": 5}}
        history.add(loaded, {**entry, "result": "verified", "stores": stores})
        history.add(loaded, {**entry, "ended": "2026-11-29T03:00:00Z", "result": "failed", "message": "full"})
        lines = metrics.render(loaded).splitlines()
        for line in (
            "slipway_backup_last_verified_timestamp_seconds 1795917600",
            "slipway_backup_last_failure_timestamp_seconds 1795921200",
            "slipway_backup_last_result 0",
            "slipway_backup_size_bytes 7",
            'slipway_backup_duration_seconds{phase="dump"} 1.5',
            'slipway_backup_store_size_bytes{store="main",kind="postgres"} 5',
            "slipway_backup_alert_after_seconds 93600",
        ):
            assert line in lines


class TestWebhook:
    def test_people_get_a_sentence_and_programs_everything(self, tmp_path: Path) -> None:
        loaded = _config(tmp_path)
        failed = {"what": "run", "result": "failed", "message": "the disk is full"}
        assert webhook.message(loaded, failed, "slack") == {
            "text": ":red_circle: Backup of shop (prod) failed: the disk is full"
        }
        lost = {**failed, "what": "point-in-time", "store": "main"}
        assert webhook.message(loaded, lost, "slack") == {
            "text": ":red_circle: Point in time of main of shop (prod) failed: the disk is full"
        }
        channel = webhook.message(loaded, {**failed, "message": "<!channel> & co"}, "slack")["text"]
        assert channel.endswith("failed: &lt;!channel&gt; &amp; co")
        told = webhook.message(loaded, failed, "json")
        assert (told["stack"], told["message"]) == ("prod", "the disk is full")

    def test_an_address_that_does_not_answer_is_not_shown(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It is a secret: whoever knows it can write there."""
        (tmp_path / "url").write_text("http://127.0.0.1:9/s3cret-path", encoding="utf-8")
        hook = {"url_file": str(tmp_path / "url"), "on": ["failure"], "template": "slack"}
        loaded = _config(tmp_path, webhook=hook)
        webhook.tell(loaded, {"what": "run", "result": "failed", "message": "x"}, report.Report(as_json=True))
        webhook.tell(loaded, {"what": "run", "result": "verified"}, report.Report(as_json=True))
        said = capsys.readouterr().out
        assert said.count("could not be told") == 1
        assert "s3cret-path" not in said


def test_every_error_has_a_code_of_its_own() -> None:
    """Whoever called tells them apart by it."""
    kinds: list[Any] = [
        item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, Exception)
    ]
    # Some are told apart further: by a kind without a code of its own, or of what a destination does.
    kinds = [kind for kind in kinds if "code" in vars(kind) and kind.__base__ is not errors.DestinationError]
    assert sorted(kind.code for kind in kinds) == list(range(1, 9))


def test_a_store_is_one_class_with_one_interface() -> None:
    """A new kind is a module and a line."""
    stores: Any = importlib.import_module("slipway_backup.stores")
    loaded = dataclasses.replace(config.Config("p", "s", "n", [], [], Path("x"), config.Keep()))
    for kind in ("postgres", "redis", "volume", "checkpoint", "qdrant", "ollama"):
        store = stores.store_of(config.Part("a", kind, {}), loaded)
        assert callable(store.open)
        assert callable(store.verify)
    with pytest.raises(errors.ConfigError, match="there is no kind mysql"):
        stores.store_of(config.Part("a", "mysql", {}), loaded)
