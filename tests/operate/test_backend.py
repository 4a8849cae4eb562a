"""Where the state is kept: Pulumi's own order, and the project's folder last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from operate.backend import Backend, find_backend


def test_without_anything_it_is_the_projects_own_folder(tmp_path: Path) -> None:
    """A fresh clone keeps its state beside itself."""
    backend = find_backend(tmp_path, {"HOME": str(tmp_path / "home")})
    assert backend == Backend(f"file://{tmp_path}/.state", "the project's .state/")
    assert backend.folder == tmp_path / ".state"


def test_the_environment_goes_before_everything(tmp_path: Path) -> None:
    """PULUMI_BACKEND_URL wins over the project's file and a login."""
    _login(tmp_path, "https://api.example.org")
    (tmp_path / "Pulumi.yaml").write_text("name: x\nbackend: {url: 's3://bucket'}\n")
    environ = {"HOME": str(tmp_path), "PULUMI_BACKEND_URL": "file:///elsewhere"}
    assert find_backend(tmp_path, environ) == Backend("file:///elsewhere", "PULUMI_BACKEND_URL")


def test_the_projects_file_goes_before_a_login(tmp_path: Path) -> None:
    """A project can say where its state belongs."""
    _login(tmp_path, "https://api.example.org")
    (tmp_path / "Pulumi.yaml").write_text("name: x\nbackend: {url: 's3://bucket'}\n")
    backend = find_backend(tmp_path, {"HOME": str(tmp_path)})
    assert backend == Backend("s3://bucket", "backend in Pulumi.yaml")
    assert backend.folder is None


def test_a_login_is_used(tmp_path: Path) -> None:
    """Who has logged in wants their state there."""
    _login(tmp_path, "https://api.example.org")
    backend = find_backend(tmp_path, {"HOME": str(tmp_path)})
    assert backend.url == "https://api.example.org"
    assert backend.source == f"pulumi login ({tmp_path}/.pulumi/credentials.json)"


def test_credentials_may_lie_elsewhere(tmp_path: Path) -> None:
    """PULUMI_CREDENTIALS_PATH and PULUMI_HOME are Pulumi's own variables."""
    (tmp_path / "credentials.json").write_text(json.dumps({"current": "https://one.example.org"}))
    assert find_backend(tmp_path, {"PULUMI_CREDENTIALS_PATH": str(tmp_path)}).url == "https://one.example.org"
    assert find_backend(tmp_path, {"PULUMI_HOME": str(tmp_path)}).url == "https://one.example.org"


@pytest.mark.parametrize("content", ["", "[]", '{"current": null}', '{"current": ""}', "{"])
def test_unusable_credentials_count_as_none(tmp_path: Path, content: str) -> None:
    """After `pulumi logout` the file stays, without a current backend."""
    (tmp_path / "credentials.json").write_text(content)
    assert find_backend(tmp_path, {"PULUMI_HOME": str(tmp_path)}).source == "the project's .state/"


def test_a_broken_project_file_is_left_to_whoever_loads_it(tmp_path: Path) -> None:
    """Finding the backend is not the place to complain about YAML."""
    (tmp_path / "Pulumi.yaml").write_text("name: [")
    assert find_backend(tmp_path, {"HOME": str(tmp_path)}).source == "the project's .state/"


def test_the_users_home_as_a_file_backend() -> None:
    """`pulumi login --local` writes file://~."""
    assert Backend("file://~", "").folder == Path.home()


def _login(home: Path, url: str) -> None:
    (home / ".pulumi").mkdir()
    (home / ".pulumi" / "credentials.json").write_text(json.dumps({"current": url}))
