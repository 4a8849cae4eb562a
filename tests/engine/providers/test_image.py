"""docker.Image: the digest of a context, the judgement on a change, the order for the daemon."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.provider import UNKNOWN, Properties, ProviderError
from engine.providers.docker import DockerProvider, image_build
from engine.providers.docker.build_context import OUTSIDE_NAME, BuildContext, mode_text
from engine.providers.docker.build_ignore import ignored, parse_rules
from tests.engine.providers.fake_daemon import IMAGE as IMAGE_ID
from tests.engine.providers.fake_daemon import FakeDaemon

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

IMAGE = "docker:index/image:Image"


class Builder(FakeDaemon):
    """A daemon that takes builds, and gives the lines that it was told to give."""

    def __init__(self, *lines: dict[str, Any]) -> None:
        super().__init__()
        self.lines = lines
        self.builds: list[tuple[Mapping[str, Any], bytes]] = []

    def stream(self, method: str, path: str, **options: Any) -> Iterator[dict[str, Any]]:
        assert (method, path) == ("POST", "/build")
        self.builds.append((options["query"], options["data"]))
        self.objects["images"][options["query"]["t"]] = {"Id": IMAGE_ID}
        yield from self.lines

    def registry_config(self) -> dict[str, str]:
        return {}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program's folder with an app to build."""
    app = tmp_path / "app"
    (app / "sub").mkdir(parents=True)
    (app / "Dockerfile").write_text("FROM recording:1\nCOPY . /\n")
    (app / "sub" / "one.txt").write_text("1\n")
    (app / "drop.log").write_text("noise\n")
    (app / ".dockerignore").write_text("# noise\n*.log\n")
    for path in (app / "Dockerfile", app / "sub" / "one.txt", app / ".dockerignore"):
        path.chmod(0o644)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(image_build, "_has_buildx", lambda: False)
    return tmp_path


def checked(**build: Any) -> Properties:
    """Check an image that is not pushed."""
    result = DockerProvider(FakeDaemon()).check(
        IMAGE, "app", None, {"imageName": "app:1", "skipPush": True, "build": build}
    )
    assert result.failures == ()
    return result.inputs


def test_check_fills_in_what_the_real_provider_does(project: Path) -> None:
    assert project
    inputs = checked(context="app", platform="linux/arm64")

    assert inputs == {
        "imageName": "app:1",
        "skipPush": True,
        "buildOnPreview": False,
        "build": {
            "context": "app",
            "dockerfile": "app/Dockerfile",
            "platform": "linux/arm64",
            # computed by the real provider's hashContext for these files
            "contextDigest": "3b9c6ab4138a024ee963195f3d40385830fb0a845c5e557b78e56ab8fa6bce80",
        },
    }


def test_the_digest_sees_content_names_and_modes_but_nothing_ignored(project: Path) -> None:
    digest = BuildContext("app", "app/Dockerfile").digest
    first = digest()

    (project / "app" / "drop.log").write_text("more noise\n")
    assert digest() == first
    (project / "app" / "sub" / "one.txt").chmod(0o755)
    second = digest()
    assert second != first
    (project / "app" / "sub" / "one.txt").rename(project / "app" / "sub" / "two.txt")
    third = digest()
    assert third not in {first, second}
    (project / "app" / "link").symlink_to("sub/two.txt")
    assert digest() not in {first, second, third}


def test_a_dockerfile_outside_of_the_context_counts_by_its_content_alone(project: Path) -> None:
    text = (project / "app" / "Dockerfile").read_text()
    for name in ("one.Dockerfile", "two.Dockerfile"):
        (project / name).write_text(text)

    assert BuildContext("app", "one.Dockerfile").digest() == BuildContext("app", "two.Dockerfile").digest()


def test_the_archive_holds_what_counts_and_belongs_to_root(project: Path) -> None:
    (project / "outside.Dockerfile").write_text("FROM scratch\n")
    (project / "app" / ".dockerignore").write_text("*\n!sub\n")

    inside, name = BuildContext("app", "app/Dockerfile").archive()
    outside, other = BuildContext("app", "outside.Dockerfile").archive()

    with tarfile.open(fileobj=io.BytesIO(inside)) as archive:
        assert sorted(archive.getnames()) == [".dockerignore", "Dockerfile", "sub/one.txt"]
        assert {(entry.uid, entry.gid, entry.uname) for entry in archive.getmembers()} == {(0, 0, "")}
    with tarfile.open(fileobj=io.BytesIO(outside)) as archive:
        assert sorted(archive.getnames()) == [".dockerfile.embedded", ".dockerignore", "sub/one.txt"]
    assert (name, other) == ("Dockerfile", OUTSIDE_NAME)


@pytest.mark.parametrize(
    ("rules", "out", "kept"),
    [
        ("*.log", ["a.log"], ["sub/a.log", "a.txt"]),
        ("**/*.log", ["a.log", "sub/a.log", "a/b/c.log"], ["a.txt"]),
        ("node_modules", ["node_modules/x/y"], ["sub/node_modules/x"]),
        ("**/node_modules", ["sub/node_modules/x", "node_modules/x"], []),
        ("sub\n!sub/keep\n", ["sub/a", "sub/b/c"], ["sub/keep", "sub/keep/all"]),
        ("*\n!foo/*/bar\n", ["foo/a/baz", "x"], ["foo/a/bar", "foo/b/bar/c"]),
        ("/a.txt\n  b.txt  \n# c.txt\n", ["a.txt", "b.txt"], ["c.txt"]),
        ("a?.txt\n[bc].txt", ["ab.txt", "b.txt"], ["a.txt", "d.txt"]),
        ("a/**", ["a/b", "a/b/c"], ["b/a"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/c"]),
        (r"a\*", ["a*"], ["ab"]),
        ("./a/../b", ["b"], ["a"]),
    ],
)
def test_ignore_rules(rules: str, out: list[str], kept: list[str]) -> None:
    parsed = parse_rules(rules)

    assert [path for path in out if not ignored(path, parsed)] == []
    assert [path for path in kept if ignored(path, parsed)] == []


def test_an_ignore_file_of_the_dockerfiles_own_wins(project: Path) -> None:
    (project / "app" / "Dockerfile.dockerignore").write_text("sub\n")

    with tarfile.open(fileobj=io.BytesIO(BuildContext("app", "app/Dockerfile").archive()[0])) as archive:
        assert "drop.log" in archive.getnames()
        assert "sub/one.txt" not in archive.getnames()


def test_modes_are_written_as_go_does() -> None:
    assert mode_text(0o100644) == "-rw-r--r--"
    assert mode_text(0o104755) == "urwxr-xr-x"
    assert mode_text(0o120777) == "Lrwxrwxrwx"
    assert mode_text(0o010600) == "prw-------"


def test_an_image_is_built_and_its_inputs_are_kept(project: Path) -> None:
    assert project
    daemon = Builder({"stream": "ok\n"})
    inputs = checked(context="app", args={"A": "1"}, target="t", platform="linux/amd64", addHosts=["a:1.2.3.4"])

    made = DockerProvider(daemon).create(IMAGE, "app", inputs, preview=False)

    assert made.id == "app:1"
    assert made.outputs == {
        "baseImageName": "app:1",
        "context": "app",
        "dockerfile": "Dockerfile",
        "imageName": "app:1",
        "platform": "linux/amd64",
        "registryServer": "",
        "repoDigest": IMAGE_ID,
        "__inputs": inputs,
    }
    query = daemon.builds[0][0]
    assert (query["buildargs"], query["target"], query["extrahosts"]) == ({"A": "1"}, "t", "a:1.2.3.4")
    assert DockerProvider(daemon).secret_outputs(IMAGE) == {"__inputs"}


def test_a_failed_build_shows_its_end_and_no_build_argument(project: Path) -> None:
    assert project
    daemon = Builder({"stream": "fetching with hunter2hunter2\n"}, {"error": "the --mount option requires BuildKit"})
    inputs = checked(context="app", args={"TOKEN": "hunter2hunter2"})

    with pytest.raises(ProviderError, match=r"(?s)fetching with \[secret\].*install docker's buildx") as caught:
        DockerProvider(daemon).create(IMAGE, "app", inputs, preview=False)

    assert "hunter2" not in str(caught.value)


def test_buildx_is_used_where_it_is_and_learns_arguments_by_the_environment(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project
    runs: list[tuple[list[str], dict[str, str]]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        runs.append((command, options["env"]))
        return subprocess.CompletedProcess(command, len(runs) - 1, "", "#5 ERROR: nothing\n")

    monkeypatch.setattr(image_build, "_has_buildx", lambda: True)
    monkeypatch.setattr(subprocess, "run", run)
    daemon = FakeDaemon()
    daemon.objects["images"]["app:1"] = {"Id": IMAGE_ID}
    inputs = checked(context="app", args={"TOKEN": "hunter2hunter2"}, target="t")

    DockerProvider(daemon).create(IMAGE, "app", inputs, preview=False)

    command, environment = runs[0]
    assert command[:5] == ["docker", "--host", daemon.host, "buildx", "build"]
    assert command[-3:] == ["--build-arg", "TOKEN", "app"]
    assert environment["TOKEN"] == "hunter2hunter2"
    assert "hunter2hunter2" not in command
    assert environment.keys() > os.environ.keys() - {"TOKEN"}
    with pytest.raises(ProviderError, match="#5 ERROR: nothing"):
        DockerProvider(daemon).create(IMAGE, "app", inputs, preview=False)


def diff(old: Properties, new: Properties) -> dict[str, str]:
    """Return the detailed judgement on a change of inputs."""
    result = DockerProvider(FakeDaemon()).diff(IMAGE, "app:1", old, {"__inputs": old}, new)
    assert result.replace_keys == ()
    assert result.changed_keys == tuple(result.detailed)
    return {path: item.kind for path, item in result.detailed.items()}


def test_changes_are_judged_key_by_key() -> None:
    old: Properties = {"imageName": "a", "build": {"contextDigest": "1"}, "registry": {"server": "s", "password": "p"}}

    assert diff(old, old) == {}
    assert diff(old, old | {"build": {"contextDigest": "2"}}) == {"build": "update"}
    assert diff(old, old | {"skipPush": True}) == {"skipPush": "add"}
    assert diff(old, {key: value for key, value in old.items() if key != "registry"}) == {"registry": "delete"}
    assert diff(old, old | {"registry": {"server": "s", "password": "q"}}) == {}
    assert diff(old, old | {"registry": {"server": "t", "password": "p"}}) == {"registry": "update"}


def test_a_preview_builds_only_if_it_is_told_to(project: Path) -> None:
    assert project
    daemon = Builder()
    provider = DockerProvider(daemon)
    inputs = checked(context="app")

    assert provider.create(IMAGE, "app", inputs, preview=True).outputs == inputs
    assert provider.create(IMAGE, "app", inputs | {"buildOnPreview": True, "imageName": UNKNOWN}, preview=True).id == ""
    assert daemon.builds == []
    assert provider.create(IMAGE, "app", inputs | {"buildOnPreview": True}, preview=True).id == "app:1"
    assert len(daemon.builds) == 1


@pytest.mark.parametrize(
    ("inputs", "property_", "reason"),
    [
        ({"imageName": "a", "build": {"context": "app"}}, "skipPush", "does not push"),
        ({"skipPush": True, "build": {"context": "app"}}, "imageName", "is required"),
        (
            {"imageName": "a", "skipPush": True, "build": {"context": "app", "dockerfile": "sub/one.txt"}},
            "build.dockerfile",
            "did you mean 'app/sub/one.txt'",
        ),
        ({"imageName": "a", "skipPush": True, "build": {"context": "none"}}, "build.dockerfile", "no file"),
        (
            {"imageName": "a", "skipPush": True, "build": {"context": "none", "dockerfile": "app/Dockerfile"}},
            "build.context",
            "no folder",
        ),
        (
            {"imageName": "a", "skipPush": True, "build": {"context": "app", "builderVersion": "3"}},
            "build.builderVersion",
            "BuilderV1",
        ),
        ({"imageName": "a", "skipPush": True, "build": {"context": "app", "secrets": []}}, "build.secrets", "no input"),
        ({"imageName": "a", "skipPush": True, "tags": []}, "tags", "no input"),
        ({"imageName": "a", "skipPush": True, "build": "app"}, "build", "must be an object"),
    ],
)
def test_what_can_not_be_built_is_refused_by_path(
    project: Path, inputs: Properties, property_: str, reason: str
) -> None:
    (project / "Dockerfile").write_text("FROM scratch\n")
    failures = {
        item.property: item.reason for item in DockerProvider(FakeDaemon()).check(IMAGE, "a", None, inputs).failures
    }

    assert reason in failures[property_]


def test_reading_and_deleting_do_nothing(project: Path) -> None:
    assert project
    daemon = FakeDaemon()
    provider = DockerProvider(daemon)

    read = provider.read(IMAGE, "app:1", {"a": 1}, {"b": 2})
    provider.delete(IMAGE, "app:1", {}, {})

    assert (read.id, read.inputs, read.outputs) == ("app:1", {"a": 1}, {"b": 2})
    assert not provider.recover(IMAGE, "app", {"imageName": "app:1"})
    assert daemon.calls == []
