"""A small valid project in a folder of its own, of which each test changes one thing."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from settings import Loaded, Problem, SettingsError, StackSource, load_platform

BLUEPRINT: dict[str, Any] = {
    "name": "app",
    "networks": {"edge": {}, "backend": {"internal": True}},
    "databases": {"main": {}},
    "caches": {"queue": {}},
    "services": {
        "api": {
            "image": "acme/api:1.0",
            "port": 8000,
            "health": {"path": "/health"},
            "env": {"DATABASE_URL": "${databases.main.url}"},
        }
    },
    "workers": {"runner": {"image": "acme/api:1.0"}},
    "jobs": {"migrate": {"image": "acme/api:1.0"}},
    "gateway": {"routes": [{"to": "api"}]},
}
LOCK = """\
images:
  postgres: {official: "postgres:16-alpine@sha256:aa", debian: "slipway/postgres:15-abc"}
  redis: {official: "redis:7-alpine@sha256:bb", debian: "slipway/redis:7.0-abc"}
  nginx: {official: "nginx:1.27@sha256:cc", debian: "slipway/nginx:1.22-abc"}
  sample: {debian: "slipway/sample:0.1.0-abc"}
"""
CATALOGUE = """\
images:
  postgres: {official: {user: "70:70", version: "16"}, debian: {user: "70:70", version: "15"}}
  redis: {official: {user: "999:1000", version: "7"}}
  sample: {debian: {user: "10042:10042", tmpfs: {/run/sample: 8MiB}}}
"""

Patch = Mapping[str, Any]


def patched(base: Any, patch: Any) -> Any:
    """Change a structure in depth: maps are merged, ``None`` removes, all else replaces."""
    if not isinstance(base, dict) or not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    result = dict(base)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = patched(result.get(key), value)
    return result


class Project:
    """A project folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("blueprints", "images"):
            (root / folder).mkdir()
        self.write("images/lock.yaml", LOCK)
        self.write("images/catalogue.yaml", CATALOGUE)
        self.write("Pulumi.yaml", "name: slipway\nruntime: python\n")

    def write(self, file: str, text: str) -> None:
        path = self.root / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def source(self, patch: Patch | None = None, **stack: Any) -> StackSource:
        """Write the patched blueprint (as JSON, which is YAML) and say what the stack says."""
        if not (self.root / "blueprints/app.yaml").exists() or patch is not None:
            self.write("blueprints/app.yaml", json.dumps(patched(BLUEPRINT, patch or {})))
        secrets = stack.pop("secrets", {})
        return StackSource(
            **{
                "root": self.root,
                "project": "slipway",
                "stack": "dev",
                "blueprint": "app",
                "secret_lookup": secrets.get,
            }
            | stack
        )

    def load(self, patch: Patch | None = None, **stack: Any) -> Loaded:
        return load_platform(self.source(patch, **stack))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a project with an image catalogue and without a blueprint."""
    return Project(tmp_path)


@pytest.fixture
def accepted(project: Project) -> Callable[..., Loaded]:
    """Load the small blueprint with a change that must be accepted."""
    return project.load


@pytest.fixture
def all_refused(project: Project) -> Callable[..., tuple[Problem, ...]]:
    """Load the small blueprint with a change that must be refused, and return all problems."""

    def load(patch: Patch | None = None, **stack: Any) -> tuple[Problem, ...]:
        with pytest.raises(SettingsError) as caught:
            project.load(patch, **stack)
        return caught.value.problems

    return load


@pytest.fixture
def refused(all_refused: Callable[..., tuple[Problem, ...]]) -> Callable[..., Problem]:
    """Load the small blueprint with a change that must be refused for exactly one reason."""

    def load(patch: Patch | None = None, **stack: Any) -> Problem:
        problems = all_refused(patch, **stack)
        assert len(problems) == 1, "\n".join(map(str, problems))
        return problems[0]

    return load
