"""Images: each once, by content, and never removed under another's feet."""

from __future__ import annotations

import pytest

from components import ImageBuild, Images, ImagesArgs, Service, ServiceArgs
from components.images import _slug
from testing import render

PINNED = "nginxinc/nginx-unprivileged:1.27-alpine@sha256:" + "6" * 64


def test_each_reference_is_one_resource() -> None:
    """However many workloads use it."""
    graph = render(lambda: Images("images", ImagesArgs(references=[PINNED, "redis:7", PINNED])))
    assert {(item.name, item.inputs["name"]) for item in graph.of_type("RemoteImage")} == {
        ("images-nginxinc-nginx-unprivileged", PINNED),
        ("images-redis", "redis:7"),
    }
    for image in graph.of_type("RemoteImage"):
        assert image.inputs["keepLocally"] is True  # another project, or a running container, may still use it


def test_containers_use_the_id() -> None:
    """A reference alone would not notice a new image under it."""

    def program() -> None:
        images = Images("images", ImagesArgs(references=["redis:7"]))
        Service("api", ServiceArgs(image=images.ids["redis:7"]))

    graph = render(program)
    assert graph["api-0"].inputs["image"] == graph["images-redis"].outputs["imageId"]


def test_a_build_is_local_and_known_by_its_content() -> None:
    """It is not pushed, and its id is what containers use."""
    build = ImageBuild(context="app", dockerfile="docker/Dockerfile", target="run", args={"VERSION": "1"})
    seen: list[str] = []

    def program() -> None:
        Images("images", ImagesArgs(builds={"shop-api": build})).ids["shop-api"].apply(seen.append)

    (image,) = render(program).of_type("docker:index/image:Image")
    assert image.name == "images-shop-api"
    assert image.inputs["skipPush"] is True
    assert image.inputs["build"] == {
        "context": "app",
        "dockerfile": "app/docker/Dockerfile",
        "target": "run",
        "args": {"VERSION": "1"},
    }
    assert seen == [image.outputs["repoDigest"]]


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("redis", "redis"),
        ("redis:7.2-alpine", "redis"),
        (PINNED, "nginxinc-nginx-unprivileged"),
        ("registry.example.org:5000/team/app:1", "registry-example-org-5000-team-app"),
        ("slipway/sample:0.1.0-abc", "slipway-sample"),
    ],
)
def test_names_leave_out_versions(reference: str, name: str) -> None:
    """A new version is a change of one resource, not another resource."""
    assert _slug(reference) == name


def test_two_versions_of_one_image_can_stand_together() -> None:
    """Two services may use two versions."""
    graph = render(lambda: Images("images", ImagesArgs(references=["redis:6", "redis:7"])))
    assert len(graph.of_type("RemoteImage")) == 2


def test_an_image_keeps_its_resource_when_another_version_comes_beside_it() -> None:
    """Else a preview could not know its id, and would show a release of what runs on it."""

    def names(*references: str, kept: str = "", apart: str = "") -> dict[str, str]:
        graph = render(lambda: Images("images", ImagesArgs(references=references, kept={kept}, apart={apart})))
        return {item.inputs["name"]: item.name for item in graph.of_type("RemoteImage")}

    both = names("redis:6", "redis:7", kept="redis:6")
    assert both["redis:6"] == "images-redis"
    assert both["redis:7"] not in {"images-redis", both["redis:6"]}
    assert names("redis:6", "redis:7", kept="redis:6", apart="redis:7") == both
    alone = names("redis:7", apart="redis:7")
    assert alone["redis:7"] == both["redis:7"]
