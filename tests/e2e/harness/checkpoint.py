"""What an engine believes: the checkpoint file, which both engines write alike."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.harness.docker_view import World


@dataclass(frozen=True)
class Checkpoint:
    """A stack's state."""

    resources: list[dict[str, Any]] = field(default_factory=list)
    pending: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, state: Path, project: str, stack: str) -> Checkpoint:
        """Read a stack's state below ``state``; an empty one if there is none."""
        file = state / ".pulumi" / "stacks" / project / f"{stack}.json"
        if not file.exists():
            return cls()
        latest = json.loads(file.read_bytes())["checkpoint"].get("latest") or {}
        return cls(latest.get("resources") or [], latest.get("pending_operations") or [])

    def ids(self, kind: str) -> frozenset[str]:
        """Return the ids of all resources of a type such as ``docker:index/container:Container``."""
        return frozenset(item["id"] for item in self.resources if item["type"] == kind and item.get("id"))

    def assert_is(self, world: World) -> None:
        """Assert that Docker has what the state says and nothing else: no orphan, nothing lost, nothing pending."""
        assert not self.pending, f"pending operations: {[item['resource']['urn'] for item in self.pending]}"
        superseded = [item["urn"] for item in self.resources if item.get("delete")]
        assert not superseded, f"still to be deleted: {superseded}"
        for kind, there in (
            ("docker:index/container:Container", world.all_ids),
            ("docker:index/volume:Volume", world.volumes),
            ("docker:index/network:Network", world.networks),
        ):
            known = self.ids(kind)
            assert not there - known, f"{kind}: orphans {sorted(there - known)}\n{world}"
            assert not known - there, f"{kind}: lost {sorted(known - there)}\n{world}"
