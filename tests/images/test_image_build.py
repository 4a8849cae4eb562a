"""Building: what is missing, the base first, with progress, and failures that say what failed."""

from __future__ import annotations

import io
import shutil
import tarfile
from typing import TYPE_CHECKING, Any

import docker.errors
import pytest

from operate import image_build, image_lock
from operate.images import ImageBuildError, Remedy, build_images, missing_images

if TYPE_CHECKING:
    from pathlib import Path

FAILURE = [
    {"stream": "Step 1/2 : FROM ${BASE}\n"},
    {"stream": " ---> 0123\n"},
    {"stream": "Step 2/2 : RUN install-packages   nginx\n"},
    {"stream": "E: Unable to locate package nginx\n"},
    {"errorDetail": {"code": 100}, "error": "The command returned a non-zero code: 100"},
]


@pytest.fixture
def references() -> dict[str, str]:
    """What the images are called now."""
    return {name: image_lock.own_reference(name) for name in image_lock.names()}


@pytest.fixture
def bootstrapped(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A machine with mmdebstrap and apt sources; the commands that would have run."""
    commands: list[list[str]] = []

    def run(_name: str, command: list[str]) -> Any:
        commands.append(command)
        yield b"a tree"

    monkeypatch.setattr("shutil.which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(image_build, "host_sources", lambda _environment: "Types: deb\n")
    monkeypatch.setattr(image_build, "_bootstrap", run)
    return commands


def usual(references: dict[str, str]) -> list[str]:
    """Return the images that are built where none is named."""
    return [name for name in references if name not in {"base", "ollama", "models", "pgadmin", "mailhog", "n8n"}]


def test_what_is_there_is_left_alone(fake_docker: Any, references: dict[str, str]) -> None:
    """A tag holds the hash of its content: if it exists, it is right."""
    client = fake_docker(present=references.values())
    built = build_images(client=client)
    assert client.built == []
    assert [(image.name, image.built) for image in built] == [(name, False) for name in usual(references)]


def test_a_missing_base_is_no_reason_to_build_it(fake_docker: Any, references: dict[str, str]) -> None:
    """Nobody runs the base; it is needed where something is built on it."""
    client = fake_docker(present=set(references.values()) - {references["base"]})
    assert build_images(client=client)
    assert client.built == []


def test_the_base_is_built_first_and_given_to_the_others(
    fake_docker: Any, references: dict[str, str], bootstrapped: list[list[str]]
) -> None:
    """From nothing: everything but what is built on request, once; what stands on nothing gets no base."""
    client = fake_docker()
    lines: list[str] = []
    built = build_images(progress=lines.append, client=client)
    assert client.built[0] == references["base"]
    made = ["base", *usual(references)]
    assert sorted(client.built) == sorted(references[name] for name in made)
    assert [image.name for image in built] == made
    assert client.arguments[references["redis"]]["BASE"] == references["base"]
    assert "BASE" not in client.arguments[references["carrier"]]
    assert len(bootstrapped) == 1
    assert bootstrapped[0][0].endswith("images/base/bootstrap")
    assert any(line.startswith(f"redis: built {references['redis']} in ") for line in lines)


def test_one_image_alone_brings_the_base_it_needs(
    fake_docker: Any, references: dict[str, str], bootstrapped: list[list[str]]
) -> None:
    """`images build redis` builds two; `images build carrier` one."""
    client = fake_docker()
    build_images(["redis"], client=client)
    assert client.built == [references["base"], references["redis"]]
    client = fake_docker()
    build_images(["carrier"], client=client)
    assert client.built == [references["carrier"]]
    assert len(bootstrapped) == 1


def test_an_image_that_takes_minutes_is_built_when_it_is_named(
    fake_docker: Any, references: dict[str, str], bootstrapped: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what this machine trusts, and where it takes Go modules from: the download is over HTTPS."""
    monkeypatch.setenv("GOPROXY", "https://mirror.example.org")
    client = fake_docker()
    build_images(["ollama"], client=client)
    assert client.built == [references["base"], references["ollama"]]
    assert client.arguments[references["ollama"]]["GOPROXY"] == "https://mirror.example.org"
    with tarfile.open(fileobj=io.BytesIO(client.contexts[references["ollama"]])) as context:
        assert {"go.mod", "go.sum", "host-ca.crt"} < set(context.getnames())
    assert len(bootstrapped) == 1


def test_what_is_installed_with_pip_and_npm_comes_from_the_mirror_too(
    fake_docker: Any, references: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each Dockerfile is given what it asks for, and nothing else."""
    monkeypatch.setenv("GOPROXY", "https://modules.example.org")
    monkeypatch.setenv("PIP_INDEX_URL", "https://packages.example.org")
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://npm.example.org")
    client = fake_docker(present={references["base"]})
    asked = {
        "pgadmin": {"PIP_INDEX_URL"},
        "mailhog": {"GOPROXY"},
        "n8n": {"PIP_INDEX_URL", "NPM_CONFIG_REGISTRY"},
    }
    build_images(list(asked), client=client)
    mirrors = {"GOPROXY", "PIP_INDEX_URL", "NPM_CONFIG_REGISTRY"}
    given = {name: mirrors & set(client.arguments[references[name]]) for name in asked}
    assert given == asked
    assert client.arguments[references["pgadmin"]]["PIP_INDEX_URL"] == "https://packages.example.org"


def test_no_other_image_gets_what_the_machine_trusts(fake_docker: Any, references: dict[str, str]) -> None:
    """It is no part of their folders, so that it must not be part of them."""
    client = fake_docker(present={references["base"]})
    build_images(["redis"], client=client)
    with tarfile.open(fileobj=io.BytesIO(client.contexts[references["redis"]])) as context:
        assert "host-ca.crt" not in context.getnames()
    assert "GOPROXY" not in client.arguments[references["redis"]]


def test_an_unknown_image_is_refused_with_those_that_are_known(fake_docker: Any) -> None:
    """Before anything is built."""
    with pytest.raises(
        KeyError,
        match=r"no image 'postgre'; there are base, alertmanager, backup, carrier, certbot, exporters, mailhog, models",
    ):
        build_images(["postgre"], client=fake_docker())


def test_a_changed_folder_is_built_under_its_new_name_and_locked(fake_docker: Any, tmp_path: Path) -> None:
    """Else a deployment would go on with the old image, which is still there under its old name."""
    folder = tmp_path / "images"
    shutil.copytree(image_lock.IMAGES_FOLDER, folder)
    old = image_lock.read_lock(folder)["carrier"]["debian"]
    (folder / "carrier" / "carrier").write_text("changed", encoding="utf-8")
    client = fake_docker(present=[old])
    lines: list[str] = []
    built = build_images(["carrier"], lines.append, client, folder)
    assert [image.reference for image in built] == client.built != [old]
    assert image_lock.read_lock(folder)["carrier"]["debian"] == client.built[0]
    assert lines[0] == "images: lock.yaml brought up to date with the folders"


def test_a_failing_step_is_named_with_its_last_lines(fake_docker: Any, references: dict[str, str]) -> None:
    """What a user needs is in the error's text; the image is not there afterwards."""
    client = fake_docker(present=[references["base"]], events={references["nginx"]: FAILURE})
    with pytest.raises(ImageBuildError) as error:
        build_images(["nginx"], client=client)
    assert str(error.value) == (
        "image nginx could not be built: step 2/2: RUN install-packages nginx failed: "
        "The command returned a non-zero code: 100\n    E: Unable to locate package nginx"
    )
    assert references["nginx"] not in client.present


def test_the_context_does_not_depend_on_the_checkout(fake_docker: Any, references: dict[str, str]) -> None:
    """Modes as git keeps them, no owner, no time, no notes."""
    client = fake_docker(present=[references["base"]])
    build_images(["postgres"], client=client)
    with tarfile.open(fileobj=io.BytesIO(client.contexts[references["postgres"]])) as archive:
        entries = {entry.name: (entry.mode, entry.uid, entry.mtime) for entry in archive}
    assert entries == {"Dockerfile": (0o644, 0, 0), "docker-entrypoint.sh": (0o755, 0, 0)}


def test_without_mmdebstrap_the_base_comes_from_the_registry(
    fake_docker: Any, references: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pinned public image is pulled and prepared in the same way."""
    monkeypatch.setattr("shutil.which", lambda _program: None)
    client = fake_docker()
    build_images(["base"], client=client)
    public = image_lock.read_lock()["base"]["official"]
    assert client.pulled == [public]
    assert client.arguments[references["base"]]["FROM"] == public


def test_with_neither_way_to_a_base_the_text_names_both(fake_docker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing, the command that mends it, and why the other way failed."""
    monkeypatch.setattr("shutil.which", lambda _program: None)
    client = fake_docker()
    client.pull_error = docker.errors.APIError("500", explanation="no such host")
    with pytest.raises(ImageBuildError, match=r"apt-get install mmdebstrap\), and debian:bookworm-slim .*no such host"):
        build_images(["redis"], client=client)
    assert client.built == []


def test_a_bootstrap_that_fails_half_way_ends_without_an_image(tmp_path: Path) -> None:
    """The error comes before the archive's end, with what the command said."""
    script = tmp_path / "bootstrap"
    script.write_text("#!/bin/sh\nprintf half\necho 'E: no mirror' >&2\nexit 3\n", encoding="utf-8")
    script.chmod(0o755)
    tree = image_build._bootstrap("base", [str(script)])
    assert next(tree) == b"half"
    with pytest.raises(ImageBuildError, match=r"mmdebstrap ended with status 3\n    E: no mirror"):
        next(tree)


def test_missing_images_say_how_to_have_them(fake_docker: Any) -> None:
    """Public ones are pulled, our own are built, in either family."""
    missing = {image.name: image.remedy for image in missing_images("official", client=fake_docker())}
    assert missing == {
        "alertmanager": Remedy.PULL,
        "backup": Remedy.BUILD,
        "carrier": Remedy.PULL,
        "certbot": Remedy.PULL,
        "exporters": Remedy.BUILD,
        "nginx": Remedy.PULL,
        "postgres": Remedy.PULL,
        "prometheus": Remedy.PULL,
        "redis": Remedy.PULL,
        "sample": Remedy.BUILD,
    }
    lock = image_lock.read_lock()
    client = fake_docker(present=[lock["redis"]["debian"]])
    assert missing_images("debian", ["redis"], client=client) == []
    assert [image.reference for image in missing_images("debian", ["nginx"], client=client)] == [
        lock["nginx"]["debian"]
    ]
