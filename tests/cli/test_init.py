"""``slipway init``: a project that previews and passes its own tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from operate.new_project import SLIPWAY, templates
from testing import render_stack
from tests.cli.conftest import Said

Slipway = Callable[..., Said]


def test_a_project_passes_its_own_tests_and_previews(slipway: Slipway, tmp_path: Path) -> None:
    """By the commands that its README names, with nothing of this checkout but the link."""
    folder = tmp_path / "shop"
    said = slipway("init", str(folder), "--port", "18099", "--domain", "app.example.org", "--email", "me@example.org")
    assert said.code == 0
    assert f"next: cd {folder} && ./slipway preview" in said.out + said.err
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DOCKER_HOST": "unix:///nonexistent"}
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stdout
    assert "6 passed" in tested.stdout
    for stack in ("dev", "prod"):
        told = subprocess.run(
            ["./slipway", "preview", "--stack", stack, "--engine", "embedded"],
            cwd=folder, env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
        assert "docker:Container api-0" in told.stdout


def test_answers_stand_in_the_stacks_files(slipway: Slipway, tmp_path: Path) -> None:
    """The blueprint stays as the template has it."""
    slipway(
        "init", str(tmp_path / "shop"), "--port", "18099", "--domain", "app.example.org", "--email", "me@example.org"
    )
    prod = yaml.safe_load((tmp_path / "shop/Pulumi.prod.yaml").read_text())["config"]
    tls = prod["slipway:overrides"]["gateway"]["tls"]
    assert (tls["mode"], tls["hosts"], tls["acme"]["email"]) == ("acme", ["app.example.org"], "me@example.org")
    dev = yaml.safe_load((tmp_path / "shop/Pulumi.dev.yaml").read_text())["config"]
    assert dev["slipway:overrides"] == {"gateway": {"publish": "127.0.0.1:18099"}}


def test_questions_are_asked_at_a_terminal(slipway: Slipway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five of them; what an option answers is not asked."""
    asked: list[str] = []
    answers = iter(["shop", "starter", "8081", "app.example.org", "me@example.org"])

    def prompt(question: str, **_: object) -> str:
        asked.append(question)
        return next(answers)

    monkeypatch.setattr("click.prompt", prompt)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert slipway("init", str(tmp_path / "somewhere")).code == 0
    assert len(asked) == 5
    assert (tmp_path / "somewhere/blueprints/shop.yaml").exists()


@pytest.mark.parametrize("template", templates())
def test_every_template_renders(slipway: Slipway, tmp_path: Path, template: str) -> None:
    """Under another name, with Slipway's images."""
    folder = tmp_path / "mine"
    assert slipway("init", str(folder), "--template", template).code == 0
    graph = render_stack("dev", root=folder, config={"overrides": {"images": {"family": "official"}}})
    assert graph.exports["platform"] == "mine"
    assert graph.leaks() == ()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--name", "My Shop"], "'My Shop' can't name a platform"),
        (["--template", "strater"], "there is no template 'strater'\n  allowed: starter, oberaconnect"),
        (["--port", "70000"], "70000 is no port"),
        (["--domain", "localhost", "--email", "a@b"], "'localhost' is no host name"),
        (["--domain", "app.example.org"], "Let's Encrypt needs an e-mail address"),
        (["--template", "orient", "--port", "9000"], "template orient has its own addresses"),
    ],
)
def test_what_can_not_be_is_refused(slipway: Slipway, tmp_path: Path, options: list[str], text: str) -> None:
    """Nothing is written."""
    said = slipway("init", str(tmp_path / "shop"), *options)
    assert said.code == 2
    assert text in said.err
    assert not (tmp_path / "shop").exists()


def test_a_folder_that_holds_something_is_left_alone(slipway: Slipway, tmp_path: Path) -> None:
    """But for a repository that was just made."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes").write_text("mine")
    assert slipway("init", str(tmp_path / "full")).code == 2
    (tmp_path / "fresh/.git").mkdir(parents=True)
    assert slipway("init", str(tmp_path / "fresh")).code == 0


def test_slipway_is_a_link(slipway: Slipway, tmp_path: Path) -> None:
    """To this checkout; git takes neither it nor the images."""
    slipway("init", str(tmp_path / "shop"))
    assert (tmp_path / "shop/.slipway").resolve() == SLIPWAY
    assert (tmp_path / "shop/images/lock.yaml").exists()
    ignored = (tmp_path / "shop/.gitignore").read_text().splitlines()
    assert {".slipway", "images", ".state/"} <= set(ignored)
