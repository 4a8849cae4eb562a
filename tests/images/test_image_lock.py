"""References: a hash of what an image is made from, the same on every checkout, and a lock that is up to date."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from operate import image_lock

if TYPE_CHECKING:
    from pathlib import Path

PINNED = re.compile(r"[a-z0-9./-]+:[a-z0-9.-]+@sha256:[0-9a-f]{64}")
OWN_LIKE = "slipway/x:1-0123456789ab"
OWN = re.compile(r"slipway/[a-z0-9]+:[a-z0-9.]+-[0-9a-f]{12}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small images folder: a base and two images, one of which stands on it."""
    for name, lines in {"base": ["FROM x"], "app": ["ARG BASE", "FROM ${BASE}"], "lone": ["FROM scratch"]}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("\n".join(lines), encoding="utf-8")
    facts = {name: {"debian": {"version": "1"}} for name in ("base", "app", "lone")}
    (tmp_path / "catalogue.yaml").write_text(yaml.safe_dump({"images": facts}), encoding="utf-8")
    return tmp_path


def test_the_lock_is_fresh() -> None:
    """`python -c "from operate.images import write_lock; write_lock()"` was run after the last change of an image."""
    assert image_lock.read_lock() == image_lock.fresh_lock()


def test_writing_the_lock_again_changes_nothing(folder: Path) -> None:
    """The text is a function of the folders."""
    assert image_lock.write_lock(folder)
    assert not image_lock.write_lock(folder)


def test_every_reference_is_pinned_by_digest_or_by_content() -> None:
    """No tag that somebody else can move."""
    for role, by_family in image_lock.read_lock().items():
        assert set(by_family) == ({"official"} if role == "qdrant" else {"official", "debian"})
        assert OWN.fullmatch(by_family.get("debian", OWN_LIKE)), role
        assert PINNED.fullmatch(by_family["official"]) or by_family["official"] == by_family["debian"], role


def test_the_catalogue_and_the_lock_have_the_same_roles_and_families() -> None:
    """Each reference has its contract and each contract its reference."""
    roles = {role: set(by_family) for role, by_family in image_lock.read_catalogue().items()}
    assert roles == {role: set(by_family) for role, by_family in image_lock.read_lock().items()}


def test_every_contract_names_a_numeric_user_that_is_not_root() -> None:
    """A name would be looked up in the image; 0 would be root."""
    for role, by_family in image_lock.read_catalogue().items():
        for family, facts in by_family.items():
            assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", facts["user"]), (role, family)


def test_a_changed_file_changes_the_hash(folder: Path) -> None:
    """Content, path and the executable bit count."""
    first = image_lock.content_hash("app", folder)
    script = folder / "app" / "run"
    script.write_text("a", encoding="utf-8")
    second = image_lock.content_hash("app", folder)
    script.chmod(0o755)
    third = image_lock.content_hash("app", folder)
    script.rename(folder / "app" / "start")
    assert len({first, second, third, image_lock.content_hash("app", folder)}) == 4


def test_a_changed_base_changes_what_stands_on_it_and_nothing_else(folder: Path) -> None:
    """An image is rebuilt when what it stands on is."""
    before = {name: image_lock.content_hash(name, folder) for name in ("app", "lone")}
    (folder / "base" / "trim").write_text("new", encoding="utf-8")
    assert image_lock.content_hash("app", folder) != before["app"]
    assert image_lock.content_hash("lone", folder) == before["lone"]


def test_what_git_does_not_keep_does_not_count(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Notes, compiled Python, the umask, the place and the times do not change the hash."""
    copy = tmp_path_factory.mktemp("elsewhere") / "images"
    shutil.copytree(folder, copy)
    (copy / "app" / "README.md").write_text("new", encoding="utf-8")
    (copy / "app" / "__pycache__").mkdir()
    (copy / "app" / "__pycache__" / "x.pyc").write_text("new", encoding="utf-8")
    (copy / "app" / "Dockerfile").chmod(0o600)
    assert image_lock.content_hash("app", copy) == image_lock.content_hash("app", folder)


def test_a_fresh_lock_keeps_the_pinned_references(folder: Path) -> None:
    """Only our own references follow from the folders."""
    pinned = {"app": {"official": "app:1@sha256:" + "0" * 64, "debian": "slipway/app:1-old"}}
    (folder / "lock.yaml").write_text(image_lock.lock_text(pinned), encoding="utf-8")
    fresh = image_lock.fresh_lock(folder)
    assert fresh["app"] == {"official": pinned["app"]["official"], "debian": image_lock.own_reference("app", folder)}
    assert fresh["lone"]["official"] == fresh["lone"]["debian"] == image_lock.own_reference("lone", folder)
