"""What becomes of a restic that a store treats badly: it ends soon, and what it says names what is wrong.

Restic is a script here, which answers as the real one did; with MinIO it is in tests/e2e/test_data_faults.py.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from operate.image_lock import IMAGES_FOLDER

# A program of its own, not a room of Slipway's.
sys.path.insert(0, str(IMAGES_FOLDER / "backup"))
restic: Any = importlib.import_module("slipway_backup.restic")
watch: Any = importlib.import_module("slipway_backup.watch")
errors: Any = importlib.import_module("slipway_backup.errors")
files: Any = importlib.import_module("slipway_backup.files")
sets: Any = importlib.import_module("slipway_backup.sets")

RETRY = "Save(<data/1>) returned error, retrying after 1s: client.PutObject: "
FULL = "Storage backend has reached its minimum free drive threshold. Please delete a few objects to proceed."
NO_CONFIG = "Fatal: unable to open config file: Stat: {}\nIs there a repository at the following location?\ns3:x"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes a repository whose restic is a shell script."""

    def made(script: str, location: str = "s3:http://store/bucket") -> Any:
        program = tmp_path / "bin" / "restic"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        (tmp_path / "set").mkdir(exist_ok=True)
        return restic.Repository("offsite", location, tmp_path / "phrase", tmp_path / "cache", "host")

    return made


def store(repository: Any, tmp_path: Path) -> Any:
    """Store a set."""
    return repository.store(tmp_path / "set", "a", "manual", lambda *_: None)


def test_a_full_store_is_not_tried_again(repository: Any, tmp_path: Path) -> None:
    """Restic alone would go on for a quarter of an hour; what is full is named, and the exit code is that of space."""
    found = repository(f'echo "{RETRY}{FULL}" >&2; exec sleep 600')
    with pytest.raises(errors.FullDestinationError, match=r"offsite is full: .*minimum free drive threshold") as caught:
        store(found, tmp_path)
    assert caught.value.code == errors.SpaceError.code
    assert isinstance(caught.value, errors.DestinationError)


def test_a_full_disk_of_this_machine_is_told_from_a_full_store(repository: Any, tmp_path: Path) -> None:
    """They are freed in different places."""
    found = repository(f"echo 'Fatal: write {tmp_path}/pack-1: no space left on device' >&2; exit 1")
    with pytest.raises(errors.FullDestinationError, match=f"the disk of {tmp_path} is full"):
        store(found, tmp_path)
    found = repository("echo 'Fatal: write /backups/repository/data/1: no space left on device' >&2; exit 1",
                       location="/backups/repository")  # fmt: skip
    with pytest.raises(errors.FullDestinationError, match="the disk of /backups/repository is full"):
        store(found, tmp_path)


@pytest.mark.parametrize("answer", ["The Access Key Id you provided does not exist in our records.", "Access Denied."])
def test_wrong_credentials_are_not_taken_for_an_empty_store(repository: Any, answer: str) -> None:
    """Both say that something does not exist: one must not end as a list without backups, or in a new repository."""
    found = repository(f'echo "{NO_CONFIG.format(answer)}" >&2; exit 1')
    for ask in (found.ensure, found.snapshots):
        with pytest.raises(errors.DestinationError, match=r"offsite refuses: .*compare the secrets") as caught:
            ask()
        assert not isinstance(caught.value, errors.AbsentRepositoryError)


def test_a_store_that_holds_nothing_yet_has_no_sets(repository: Any) -> None:
    """As before the first backup."""
    found = repository(f'echo "{NO_CONFIG.format("The specified key does not exist.")}" >&2; exit 1')
    assert found.snapshots() == []


def test_a_backup_that_begins_takes_nothing_from_who_only_reads(repository: Any, tmp_path: Path) -> None:
    """It clears what killed ones left; a list of the sets that runs meanwhile still reads what its restic said."""
    script = 'rm -rf "$TMPDIR"/*; echo "Fatal: wrong password or no key found" >&2; exit 1'
    with pytest.raises(errors.PassphraseError):
        repository(script).snapshots()
    left = tmp_path / "tmp" / "pack"
    left.mkdir()
    (left / "part").touch()
    (tmp_path / "tmp" / "file").touch()
    files.empty(tmp_path / "tmp")
    assert list((tmp_path / "tmp").iterdir()) == []
    files.empty(tmp_path / "other")
    assert (tmp_path / "other").is_dir()


def test_a_backup_clears_the_folder_of_others_and_does_not_replace_it(tmp_path: Path) -> None:
    """Between a removal and a new folder whoever only reads would find none."""
    place = tmp_path / "tmp"
    place.mkdir()
    (place / "left").touch()
    (tmp_path / "sets" / "killed.partial").mkdir(parents=True)
    held = os.open(place, os.O_RDONLY)  # so that no new folder can have its number
    try:
        sets._clear(SimpleNamespace(work=tmp_path))
        assert place.stat().st_ino == os.fstat(held).st_ino
    finally:
        os.close(held)
    assert not list(place.iterdir())
    assert not list((tmp_path / "sets").iterdir())


@pytest.mark.parametrize(
    ("patience", "script", "reason"),
    [
        ({"all_s": 0.1}, "exec sleep 600", "took over 0.1 s"),
        ({"all_s": 600, "silent_s": 0.1}, "exec sleep 600", "nothing came or went for 0.1 s"),
        ({"all_s": 600, "erring_s": 0.1}, f'while echo "{RETRY}no" >&2; do sleep 0.1; done', "every try failed"),
    ],
)
def test_what_gets_nowhere_is_ended_with_the_reason(
    tmp_path: Path, patience: dict[str, float], script: str, reason: str
) -> None:
    """A store that is silent or always errs holds no run for ever."""
    messages = tmp_path / "messages"
    with messages.open("w") as said:
        process = subprocess.Popen(["sh", "-c", script], stderr=said)
    with watch.Watch(process, messages, watch.Patience(**patience)) as seen:
        process.wait()
    assert reason in seen.reason


def test_what_gets_on_is_left_alone(tmp_path: Path) -> None:
    """Errors between which something was stored are no reason to end."""
    messages = tmp_path / "messages"
    messages.write_text(RETRY, encoding="utf-8")
    seen = watch.Watch(None, messages, watch.Patience(600, erring_s=1))
    for now in range(1, 10):
        seen.done = now
        assert seen._only_errors(now, float(now)) is None
    assert seen._only_errors(11, 11.0) is None
    assert seen._only_errors(12, 12.5) is not None
