"""A small project in a folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from settings import load_platform, read_stack_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from settings import Loaded

BLUEPRINT = """\
name: shop
images: {family: debian}
protect_data: true
databases: {main: {image: "pg:1", memory: 512MiB}}
caches: {queue: {image: "redis:1", memory: 256MiB, protect: false}}
services:
  api: {image: "api:1", port: 8000, replicas: 2, memory: 256MiB, cpus: 2, health: {path: /health}}
  raw: {image: "api:1", memory: 64MiB, publish: ["127.0.0.1:18501:53/udp", "127.0.0.1:18502:5000"], health: {tcp: 5000}}
workers:
  runner: {image: "api:1", memory: 128MiB}
jobs:
  migrate: {image: "api:1", memory: 4GiB}
gateway:
  image: "nginx:1"
  publish: 127.0.0.1:18500
  memory: 128MiB
  routes: [{path: /, to: api}]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project of one stack, dev."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {slipway:blueprint: shop}\n")
    (tmp_path / "blueprints").mkdir()
    (tmp_path / "blueprints" / "shop.yaml").write_text(BLUEPRINT)
    return tmp_path


@pytest.fixture
def loaded(project: Path) -> Loaded:
    """Return its platform."""
    return load_platform(read_stack_file(project, "dev"))


@pytest.fixture
def load_with(project: Path) -> Callable[[str], Loaded]:
    """Return a function that loads it with these lines added to its blueprint."""

    def load(more: str) -> Loaded:
        (project / "blueprints" / "shop.yaml").write_text(BLUEPRINT + more)
        return load_platform(read_stack_file(project, "dev"))

    return load
