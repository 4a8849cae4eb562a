"""What every Dockerfile must say, read as text: no Docker needed."""

from __future__ import annotations

import re

import pytest

from operate.image_lock import IMAGES_FOLDER, names, read_catalogue

LABELS = ("title", "description", "version", "licenses")
SECRET = re.compile(r"^(ENV|ARG)\s.*(PASSWORD|SECRET|TOKEN|_KEY)", re.IGNORECASE)


def instructions(name: str) -> list[str]:
    """Return the instructions with their continuation lines joined."""
    text = (IMAGES_FOLDER / name / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [" ".join(line.split()) for line in "\n".join(lines).replace("\\\n", " ").splitlines()]


@pytest.mark.parametrize("name", names())
def test_the_last_user_is_the_catalogues(name: str) -> None:
    """Numeric, so that nothing has to look it up; not root, from the first instruction of a container."""
    users = [line.removeprefix("USER ") for line in instructions(name) if line.startswith("USER ")]
    assert users[-1] == read_catalogue()[name]["debian"]["user"]


@pytest.mark.parametrize("name", names())
def test_health_is_said(name: str) -> None:
    """A check, or that there is none: never the base's by accident."""
    assert sum(line.startswith("HEALTHCHECK ") for line in instructions(name)) == 1


@pytest.mark.parametrize("name", names())
def test_the_labels_say_what_it_is(name: str) -> None:
    """The version agrees with the catalogue, from which the tag takes it."""
    text = "\n".join(instructions(name))
    for label in LABELS:
        assert f"org.opencontainers.image.{label}=" in text
    assert f'org.opencontainers.image.version="{read_catalogue()[name]["debian"]["version"]}"' in text


@pytest.mark.parametrize("name", names())
def test_no_secret_and_no_moving_reference(name: str) -> None:
    """Layers are public; `latest` is whatever it is today."""
    for line in instructions(name):
        assert not SECRET.match(line), line
        assert ":latest" not in line
        assert not line.startswith("ADD "), "ADD fetches and unpacks; COPY copies"
        assert "apt-get" not in line, "install-packages cleans up after itself"


@pytest.mark.parametrize("name", names())
def test_each_image_has_a_note(name: str) -> None:
    """A reader learns in three lines what an image is for."""
    assert (IMAGES_FOLDER / name / "README.md").read_text(encoding="utf-8").startswith(f"# {name}\n")
