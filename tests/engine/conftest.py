"""A project in a temporary folder, a fake world, and a stack that joins them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from engine import EmbeddedStack, Event, Result
from tests.engine.fake_world import FakeProvider, World

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PRELUDE = """
import pulumi
from pulumi import ResourceOptions as Opts, Output


class Thing(pulumi.CustomResource):
    def __init__(self, name, props=None, opts=None):
        known = {"computed": None, "name": None, "value": None, **(props or {})}
        super().__init__("fake:index:Thing", name, known, opts)


class Group(pulumi.ComponentResource):
    def __init__(self, name, props=None, opts=None, type_="test:index:Group"):
        super().__init__(type_, name, props or {}, opts)


class FakePackage(pulumi.ProviderResource):
    def __init__(self, name, props=None, opts=None):
        super().__init__("fake", name, props or {}, opts)


step = pulumi.Config().get("step") or ""
"""

SALT = "v1:mjGAWhFGE6o=:v1:Sn6Hs727pxCWDw35:7aaVojjncNnIpAYQyHhbuH10Ueghhw=="
PREFIX = "urn:pulumi:dev::test::"


class Harness:
    """One stack of one project whose program a test writes and rewrites."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir()
        (self.project / "Pulumi.yaml").write_text("name: test\nruntime: python\n")
        # A known salt, so that its key is derived once for all tests; it belongs to the recordings' passphrase.
        (self.project / "Pulumi.dev.yaml").write_text(f"encryptionsalt: {SALT}\n")
        self.world = World()
        self.provider = FakeProvider(self.world)
        self.events: list[Event] = []
        self.stack = self.open()
        self.stack.init()

    def open(self, **options: Any) -> EmbeddedStack:
        """Another view of the stack."""
        given: dict[str, Any] = {
            "backend": self.folder,
            "passphrase": "x",
            "providers": {"fake": self.provider},
            "parallel": 8,
            **options,
        }
        return EmbeddedStack(self.project, "dev", **given)

    def write(self, program: str) -> None:
        """Exchange the program for this one (after the prelude of resource classes)."""
        (self.project / "__main__.py").write_text(PRELUDE + textwrap.dedent(program))

    def run(self, operation: str, program: str | None = None, **options: Any) -> Result:
        """Do an operation, with another program if given."""
        if program is not None:
            self.write(program)
        self.events.clear()
        method = getattr(self.stack, operation)
        result: Result = method(on_event=self.events.append, **options)
        return result

    def up(self, program: str | None = None, **options: Any) -> Result:
        """Update; the test fails if the update does."""
        result = self.run("up", program, **options)
        assert not result.failed, result.errors
        return result

    def preview(self, program: str | None = None, **options: Any) -> Result:
        """Preview; the test fails if the preview does."""
        result = self.run("preview", program, **options)
        assert not result.failed, result.errors
        return result

    def steps(self) -> list[str]:
        """The steps of the last operation as ``op name``, in the order of beginning; without ``same`` and the stack."""
        records = [event.record for event in self.events if event.kind == "resourcePreEvent" and event.record]
        named = [f"{record.op} {record.step.urn.rsplit('::', 1)[-1]}" for record in records]
        return [step for step in named if not step.startswith("same ") and not step.endswith(" test-dev")]

    def step(self, op: str, name: str) -> Mapping[str, Any]:
        """The step of the digest-like metadata of one operation on one resource."""
        for event in self.events:
            if event.kind == "resourcePreEvent" and event.record and event.record.op == op:
                metadata = event.record.metadata()
                if metadata["urn"].endswith(f"::{name}"):
                    return metadata
        raise AssertionError(f"no {op} of {name}")

    def state(self) -> list[dict[str, Any]]:
        """The entries of the file, secrets in plain text."""
        return list(self.stack.export(show_secrets=True)["deployment"].get("resources", []))

    def entry(self, name: str) -> dict[str, Any]:
        """The entry of a resource by its logical name, one that is not due for deletion."""
        found = [entry for entry in self.state() if entry["urn"].endswith(f"::{name}") and not entry.get("delete")]
        assert len(found) == 1, [entry["urn"] for entry in self.state()]
        return found[0]


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here survives a power failure anyway; syncing each of thousands of writes would be most of the time."""
    monkeypatch.setattr("os.fsync", lambda _descriptor: None)


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    """A fresh project and stack."""
    return Harness(tmp_path)
