"""A stack's file: made for a new stack, kept for one that exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from operate.stack_files import (
    StackFileError,
    docker_host,
    ensure_stack_file,
    is_encrypted,
    other_secrets_provider,
    project_name,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with two blueprints."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "blueprints").mkdir()
    (tmp_path / "blueprints" / "starter.yaml").write_text("name: s\nenvironments: {dev: {}, prod: {}}\n")
    (tmp_path / "blueprints" / "bare.yaml").write_text("name: b\n")
    return tmp_path


@pytest.mark.parametrize(
    ("stack", "blueprint", "text"),
    [
        ("dev", None, "config:\n  slipway:blueprint: starter\n  slipway:environment: dev\n"),
        ("prod", "starter", "config:\n  slipway:blueprint: starter\n  slipway:environment: prod\n"),
        ("shop-prod", "starter", "config:\n  slipway:blueprint: starter\n  slipway:environment: prod\n"),
        ("dev-of-prod", "starter", "config:\n  slipway:blueprint: starter\n  slipway:environment: dev\n"),
        ("eu-1", "starter", "config:\n  slipway:blueprint: starter\n  slipway:environment: dev\n"),
        ("dev", "bare", "config:\n  slipway:blueprint: bare\n"),
    ],
)
def test_a_new_stack_gets_a_file(project: Path, stack: str, blueprint: str | None, text: str) -> None:
    """The environment is the one of the stack's name if the blueprint has it, else dev, else none."""
    file = ensure_stack_file(project, stack, blueprint)
    assert file.created
    assert file.path.read_text() == text


def test_an_existing_file_is_left_alone(project: Path) -> None:
    """Not a byte of it changes."""
    path = project / "Pulumi.dev.yaml"
    path.write_text("# mine\nencryptionsalt: v1:x\nconfig: {slipway:blueprint: bare}\n")
    file = ensure_stack_file(project, "dev", None)
    assert (file.created, file.blueprint, file.environment) == (False, "bare", None)
    assert path.read_text().startswith("# mine\n")
    assert ensure_stack_file(project, "dev", "bare") == file


def test_another_blueprint_is_refused_with_the_way_to_change_it(project: Path) -> None:
    """Changing it silently would replace everything that runs."""
    (project / "Pulumi.dev.yaml").write_text("config: {slipway:blueprint: bare}\n")
    with pytest.raises(StackFileError) as caught:
        ensure_stack_file(project, "dev", "starter")
    assert str(caught.value) == (
        "stack dev is of blueprint 'bare', not 'starter'\n"
        "  fix: another stack: slipway up --stack NAME --blueprint starter\n"
        "  or change this one, which replaces what runs: set slipway:blueprint in Pulumi.dev.yaml"
        " (slipway config set --stack dev slipway:blueprint starter)"
    )
    assert caught.value.exit_code == 2


def test_an_unknown_blueprint_is_refused_before_a_file_is_made(project: Path) -> None:
    """A typing error must not leave a stack behind."""
    with pytest.raises(StackFileError, match=r"there is no blueprint 'strater'\n  allowed: bare, starter"):
        ensure_stack_file(project, "new", "strater")
    assert not (project / "Pulumi.new.yaml").exists()


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b", "x" * 101, "ä"])
def test_impossible_names_are_refused(project: Path, name: str) -> None:
    """Pulumi's own rule; it also keeps the file inside the project."""
    with pytest.raises(StackFileError, match="can't name a stack"):
        ensure_stack_file(project, name, None)


def test_a_folder_that_is_no_project(tmp_path: Path) -> None:
    """Said at once, not as a missing blueprint later."""
    with pytest.raises(StackFileError, match=r"there is no Pulumi\.yaml in .*: this is no project's folder"):
        project_name(tmp_path)


def test_the_projects_name(project: Path) -> None:
    """From Pulumi.yaml, and needed."""
    assert project_name(project) == "shop"
    (project / "Pulumi.yaml").write_text("runtime: python\n")
    with pytest.raises(StackFileError, match="the project's name is needed"):
        project_name(project)


def test_broken_yaml_names_file_and_line(project: Path) -> None:
    """The line is what one needs."""
    (project / "Pulumi.dev.yaml").write_text("config:\n  a: [\n")
    with pytest.raises(StackFileError, match=r"Pulumi\.dev\.yaml:3 is no YAML"):
        ensure_stack_file(project, "dev", None)


def test_what_else_the_file_says(project: Path) -> None:
    """Encryption and the Docker host, from plain keys only."""
    assert not is_encrypted(project, "dev")
    assert other_secrets_provider(project, "dev") is None
    assert docker_host(project, "dev") is None
    (project / "Pulumi.dev.yaml").write_text(
        "encryptionsalt: v1:x\nsecretsprovider: awskms://k\nconfig: {docker:host: ssh://box}\n"
    )
    assert is_encrypted(project, "dev")
    assert other_secrets_provider(project, "dev") == "awskms://k"
    assert docker_host(project, "dev") == "ssh://box"
    (project / "Pulumi.dev.yaml").write_text("secretsprovider: passphrase\nconfig: {docker:host: {secure: v1:x}}\n")
    assert other_secrets_provider(project, "dev") is None
    assert docker_host(project, "dev") is None
