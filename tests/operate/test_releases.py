"""Records of releases: whole or not there, without a secret, and enough to deploy the same again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from operate.backend import Backend
from operate.releases import (
    KEPT,
    Done,
    ImageGone,
    NoSuchRelease,
    Release,
    Releases,
    check_images,
    keep_images,
    releases_of,
)
from settings import load_platform, read_stack_file
from tests.operate.fake_docker import FakeClient, FakeImage, FakeImages

if TYPE_CHECKING:
    from pathlib import Path

    import docker

    from settings import Loaded

BLUEPRINT = """\
name: shop
images: {family: debian}
protect_data: false
secrets: {token: {}}
services:
  api:
    image: slipway/sample
    secrets: [token]
    replicas: REPLICAS
    env: {COMMIT: 43e255, MODE: 0640, RATIO: 1.50}
    port: 8000
    health: {path: /health}
  web: {build: {context: web}, port: 8000, health: {path: /}}
  extra: {image: "extra:1", port: 1, health: {tcp: 1}, profiles: [more]}
environments: {dev: {services: {api: {memory: 300MiB}}}}
"""
CANARY = "a-secret-value-that-is-nowhere"
DONE = Done("embedded", "up", 1.25, {"create": 3, "same": 1})


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Path:
    """Return a project with a stack that has a secret."""
    (tmp_path / "blueprints").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(
        'config:\n  slipway:blueprint: shop\n  slipway:token: {secure: "v1:x:y"}\n  slipway:profiles: [more]\n'
    )
    (tmp_path / "images").symlink_to(root / "images")
    write(tmp_path, 1)
    return tmp_path


def write(project: Path, replicas: int) -> None:
    """Write the blueprint."""
    (project / "blueprints" / "shop.yaml").write_text(BLUEPRINT.replace("REPLICAS", str(replicas)))


def load(project: Path, release: Path | None = None) -> Loaded:
    """Load the stack, or a release of it."""
    source = replace(read_stack_file(project, "dev", release), secret_lookup=lambda _: CANARY)
    return load_platform(source)


def records(project: Path) -> Releases:
    """Return the stack's records."""
    return releases_of(Backend(f"file://{project / 'state'}", "a test"), project / ".state", "shop", "dev")


def test_a_release_is_deployed_again_as_it_was(project: Path) -> None:
    """Whatever blueprint, profiles and machine say by then."""
    before = load(project)
    release = records(project).record(before, DONE, project)
    write(project, 4)
    config = project / "Pulumi.dev.yaml"
    config.write_text(config.read_text().replace("  slipway:profiles: [more]\n", ""))
    assert load(project).platform.services["api"].replicas == 4
    again = load(project, records(project).file(release.number))
    assert again.platform.model_copy(update={"images": before.platform.images}) == before.platform
    assert (again.environment, tuple(again.profiles)) == ("dev", ("more",))
    written = {"COMMIT": "43e255", "MODE": "0640", "RATIO": "1.50"}
    assert dict(again.platform.services["api"].env) == written, "texts that look like numbers stay as they were written"
    assert str(again.origins["services.api.replicas"]) == "release 1"


def test_no_secret_is_recorded(project: Path) -> None:
    """A description names secrets and holds none."""
    release = records(project).record(load(project), DONE, project)
    assert CANARY not in records(project).file(release.number).read_text()
    assert "token" in records(project).file(release.number).read_text()


def test_records_are_numbered_and_the_oldest_go(project: Path) -> None:
    """The newest first; a file that can't be read is none."""
    loaded, found = load(project), records(project)
    for _ in range(KEPT + 2):
        found.record(loaded, DONE, project)
    numbers = [release.number for release in found.all()]
    assert numbers == list(range(KEPT + 2, 2, -1))
    found.file(KEPT + 2).write_text("{half a rec")
    latest = found.latest()
    assert latest is not None
    assert latest.number == KEPT + 1


def test_the_one_before_is_the_last_that_differs(project: Path) -> None:
    """The same deployed twice is no way back."""
    found = records(project)
    assert found.before_latest() is None
    found.record(load(project), DONE, project)
    write(project, 2)
    found.record(load(project), DONE, project)
    found.record(load(project), DONE, project)
    before = found.before_latest()
    assert before is not None
    assert before.number == 1


def test_an_unknown_release(project: Path) -> None:
    """Says which there are."""
    records(project).record(load(project), DONE, project)
    with pytest.raises(NoSuchRelease, match="no release 7\n  allowed: 1\n"):
        records(project).get(7)


def test_images_built_in_the_deployment_are_kept_by_name(project: Path) -> None:
    """A later build takes the name away, so the release has its own; gone, it is missed by name."""
    client = FakeClient(images=FakeImages({"shop-web": FakeImage("sha256:web"), "extra:1": FakeImage("sha256:extra")}))
    docker_client = cast("docker.DockerClient", client)
    loaded = load(project)
    images = keep_images(docker_client, loaded, 1)
    assert images == {"build:web": "shop-web:release-dev-1", "shop-web": "sha256:web", "extra:1": "sha256:extra"}
    release = records(project).record(loaded, Done("embedded", "up", 1, {}, images), project)
    web = load(project, records(project).file(1)).platform.services["web"]
    assert (web.build, web.image) == (None, "shop-web:release-dev-1")
    check_images(docker_client, release)
    client.images.there.clear()
    with pytest.raises(ImageGone, match="release 1 was built from images that are gone: shop-web:release-dev-1"):
        check_images(docker_client, release)


def test_of_two_versions_each_keeps_its_own_tag(project: Path) -> None:
    """That is how the stack's notes know them; a release leads to the version that it had, not to a canary of it."""
    blueprint = project / "blueprints" / "shop.yaml"
    tagged = "web: {build: {context: web, tag: two}, release: canary, "
    text = blueprint.read_text().replace("web: {build: {context: web}, ", tagged)
    blueprint.write_text(text + "gateway: {routes: [{to: web}]}\n")
    image = FakeImage("sha256:web", ["shop-web:two"])
    client = FakeClient(images=FakeImages({"shop-web:two": image}))
    loaded = load(project)
    images = keep_images(cast("docker.DockerClient", client), loaded, 1)
    assert images["build:web"] == "shop-web:two"
    assert "shop-web:release-dev-1" in image.tags
    release = records(project).record(loaded, Done("embedded", "up", 1, {}, images), project)
    again = load(project, records(project).file(1))
    assert again.platform.services["web"].image == "shop-web:two"
    assert release.versions["web"]["serving"] == again.versions["web"].described
    assert not again.versions["web"].has_other


def test_a_record_that_no_longer_holds_is_refused(project: Path) -> None:
    """What the present program can't deploy is said as for any description, and where it stands."""
    from settings import SettingsError  # noqa: PLC0415 - this test alone

    release = records(project).record(load(project), DONE, project)
    file = records(project).file(release.number)
    data: dict[str, Any] = json.loads(file.read_text())
    data["description"]["services"]["api"]["shape"] = "round"
    file.write_text(json.dumps(data))
    with pytest.raises(SettingsError, match=r"services\.api\.shape  \(release 1"):
        load(project, file)
    file.write_text("{}")
    with pytest.raises(SettingsError, match="is no record of a release"):
        load(project, file)


def test_a_release_knows_who_and_when(project: Path) -> None:
    """For the list."""
    release: Release = records(project).record(load(project), DONE, project)
    assert "@" in release.who
    assert release.time.endswith("+00:00")
    assert (release.seconds, release.engine, release.message, release.commit) == (1.2, "embedded", "up", "")
