"""After an operation of the Pulumi CLI that was killed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from cli.console import Console
from cli.engine_pulumi import PulumiEngine
from cli.recovery import recover
from cli.workplace import Workplace

if TYPE_CHECKING:
    from pathlib import Path

    import docker

    from cli.engines import Engine


class Crashed(PulumiEngine):
    """The CLI, with a state that somebody left behind."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, "dev", "/bin/false", {})
        self.forgotten = 0

    def export(self) -> dict[str, Any]:
        """Return a state that knows nothing."""
        return {}

    def forget_interrupted(self) -> None:
        """Count."""
        self.forgotten += 1


class Api:
    """A daemon with one container of the stack."""

    def __init__(self) -> None:
        self.removed: list[str] = []

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        """List containers."""
        return [{"Id": "c1", "Names": ["/api-0"]}]

    def networks(self, **_: Any) -> list[dict[str, Any]]:
        """List networks."""
        return []

    def volumes(self, **_: Any) -> dict[str, Any]:
        """List volumes."""
        return {"Volumes": None}

    def remove_container(self, name: str, *, force: bool) -> None:
        """Remove a container."""
        assert force
        self.removed.append(name)

    def remove_network(self, name: str) -> None:
        """Remove a network."""
        raise AssertionError(name)

    remove_volume = remove_network


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """Return a project whose state is below its own folder."""
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")
    return Workplace(tmp_path, {"PULUMI_BACKEND_URL": f"file://{tmp_path / '.state'}"})


def _state(work: Workplace, *, pending: bool) -> None:
    folder = work.root / ".state" / ".pulumi" / "stacks" / "shop"
    folder.mkdir(parents=True)
    entry = {"urn": "urn:pulumi:dev::shop::docker:index/container:Container::api-0", "type": "x"}
    latest = {"pending_operations": [{"type": "creating", "resource": entry}] if pending else []}
    (folder / "dev.json").write_text(json.dumps({"version": 3, "checkpoint": {"latest": latest}}), encoding="utf-8")


def _dead_lock(work: Workplace) -> Path:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    folder = work.root / ".state" / ".pulumi" / "locks" / "organization" / "shop" / "dev"
    folder.mkdir(parents=True)
    record = {
        "pid": process.pid,
        "username": "u",
        "hostname": socket.gethostname(),
        "timestamp": "2026-01-01T00:00:00Z",
    }
    (folder / "1.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def _recover(work: Workplace, engine: Engine) -> Api:
    api = Api()
    recover(Console(), work, "dev", engine, cast("docker.DockerClient", SimpleNamespace(api=api)))
    return api


def test_lock_orphans_and_open_entries_are_dealt_with(work: Workplace) -> None:
    """In this order; afterwards nobody holds the lock."""
    _state(work, pending=True)
    locks = _dead_lock(work)
    engine = Crashed(work.root)
    api = _recover(work, engine)
    assert (api.removed, engine.forgotten) == (["c1"], 1)
    assert not locks.is_dir() or not list(locks.iterdir())


def test_nothing_is_touched_where_nothing_was_interrupted(work: Workplace) -> None:
    """A container that the state does not know may be somebody's work in progress."""
    _state(work, pending=False)
    engine = Crashed(work.root)
    api = _recover(work, engine)
    assert (api.removed, engine.forgotten) == ([], 0)


def test_a_state_elsewhere_is_not_judged(tmp_path: Path) -> None:
    """Its service knows who holds its lock."""
    elsewhere = Workplace(tmp_path, {"PULUMI_BACKEND_URL": "s3://bucket"})
    assert _recover(elsewhere, Crashed(tmp_path)).removed == []
