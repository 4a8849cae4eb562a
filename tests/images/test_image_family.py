"""Which family a machine uses: found out once, written down with the reason, and kept."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import docker.errors
import pytest
import yaml

from operate import image_lock
from operate.image_family import Family, MachineFileError, detect_family, recorded_family

if TYPE_CHECKING:
    from pathlib import Path


def refuse(_reference: str) -> None:
    """Answer as a daemon that has no way to the registry."""
    raise docker.errors.APIError("500", explanation="Get https://registry/v2/: no such host")


def test_a_registry_that_answers_means_the_public_images(fake_docker: Any, tmp_path: Path) -> None:
    """The daemon is asked, since it would pull."""
    decision = detect_family(fake_docker(), tmp_path)
    assert decision.family is Family.OFFICIAL
    assert decision.why == "the registry of postgres:16-alpine answers"


def test_a_registry_that_cannot_be_reached_means_our_own(fake_docker: Any, tmp_path: Path) -> None:
    """The reason is the daemon's own."""
    client = fake_docker()
    client.registry = refuse
    decision = detect_family(client, tmp_path)
    assert decision.family is Family.DEBIAN
    assert "no such host" in decision.why
    text = (tmp_path / "machine.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text) == {"images": {"family": "debian"}}
    assert "UTC: postgres:16-alpine cannot be pulled here" in text


def test_a_registry_that_hangs_is_not_waited_for(fake_docker: Any, tmp_path: Path) -> None:
    """The question is bounded in time."""
    client, release = fake_docker(), threading.Event()
    client.registry = lambda _reference: release.wait(30)
    decision = detect_family(client, tmp_path, timeout_seconds=0.05)
    release.set()
    assert decision.family is Family.DEBIAN
    assert "does not answer within 0.05 s" in decision.why


def test_public_images_that_are_here_need_no_registry(fake_docker: Any, tmp_path: Path) -> None:
    """Loaded by hand onto a closed machine, say."""
    public = [by["official"] for role, by in image_lock.read_lock().items() if role != "base"]
    client = fake_docker(present=public)
    client.registry = refuse
    assert detect_family(client, tmp_path).family is Family.OFFICIAL


def test_a_decision_is_kept_when_the_network_changes(fake_docker: Any, tmp_path: Path) -> None:
    """Databases follow it: PostgreSQL's major version differs between the families."""
    client = fake_docker()
    client.registry = refuse
    detect_family(client, tmp_path)
    before = (tmp_path / "machine.yaml").read_bytes()
    assert detect_family(fake_docker(), tmp_path).family is Family.DEBIAN
    assert (tmp_path / "machine.yaml").read_bytes() == before


@pytest.mark.parametrize("old", ["# mine\nother: {a: 1}", "other: {a: 1}\nimages:\n  mirror: x\n"])
def test_what_else_stands_in_the_file_is_kept(fake_docker: Any, tmp_path: Path, old: str) -> None:
    """Other decisions, and comments."""
    (tmp_path / "machine.yaml").write_text(old, encoding="utf-8")
    detect_family(fake_docker(), tmp_path)
    text = (tmp_path / "machine.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    assert content["images"]["family"] == "official"
    assert content["other"] == {"a": 1}
    assert ("# mine" in text) == ("# mine" in old)


@pytest.mark.parametrize(
    ("text", "message"), [("images: {family: alpine}", "official or debian"), ("a: [", "not YAML")]
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """Rather than decided anew, which could change the family under data."""
    (tmp_path / "machine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(MachineFileError, match=message):
        recorded_family(tmp_path)


def test_nothing_recorded_is_no_decision(tmp_path: Path) -> None:
    """Neither without the file nor without the entry."""
    assert recorded_family(tmp_path) is None
    (tmp_path / "machine.yaml").write_text("other: 1\n", encoding="utf-8")
    assert recorded_family(tmp_path) is None
