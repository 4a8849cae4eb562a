"""Images as resources, each distinct one once: one that is missing stops a deployment before anything changes."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pulumi
import pulumi_docker as docker

_DIGITS: Final = 7


@dataclass(frozen=True, kw_only=True)
class ImageBuild:
    """An image built from a folder as part of the deployment."""

    context: str
    """Folder with the sources, relative to the project."""
    dockerfile: str = "Dockerfile"
    """Dockerfile, relative to the context."""
    target: str | None = None
    """Stage of a multi-stage Dockerfile."""
    args: Mapping[str, str] = field(default_factory=dict)
    """Build arguments; never secret."""


@dataclass(frozen=True, kw_only=True)
class ImagesArgs:
    """Arguments of :class:`Images`."""

    references: Sequence[str] = ()
    """Images by reference; each stays on the host when it is no longer used."""
    kept: Collection[str] = frozenset()
    """Those that keep their resource when another version of the image comes beside them."""
    apart: Collection[str] = frozenset()
    """Those that have a resource of their version in any case, so that they can change places with another one."""
    builds: Mapping[str, ImageBuild] = field(default_factory=dict)
    """Images to build, by the name that they get."""


class Images(pulumi.ComponentResource):
    """The images of a platform."""

    ids: Mapping[str, pulumi.Output[str]]
    """Image id by reference or build name; give it to a container, so that a new image replaces it."""

    def __init__(self, name: str, args: ImagesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:Images", name, {}, opts)
        ids: dict[str, pulumi.Output[str]] = {}
        for reference, slug in _names(args.references, args.kept, args.apart).items():
            image = docker.RemoteImage(
                f"{name}-{slug}",
                docker.RemoteImageArgs(name=reference, keep_locally=True),
                opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False),
            )
            ids[reference] = image.image_id
        for built, build in sorted(args.builds.items()):
            ids[built] = docker.Image(
                f"{name}-{_slug(built)}",
                docker.ImageArgs(
                    image_name=built,
                    skip_push=True,
                    build=docker.DockerBuildArgs(
                        context=build.context,
                        dockerfile=f"{build.context.rstrip('/')}/{build.dockerfile}",
                        target=build.target,
                        args=dict(build.args) or None,
                    ),
                ),
                opts=pulumi.ResourceOptions(parent=self),
            ).repo_digest
        self.ids = ids
        self.register_outputs({"ids": ids})


def _names(references: Iterable[str], kept: Collection[str], apart: Collection[str]) -> dict[str, str]:
    """Name images without tag and digest, so that a new version is a change of one resource and not another one.

    Only where a platform uses several versions of an image do their names tell the versions apart. An image that gets
    another name is not known before the deployment, and a preview would show a release of what uses it: hence ``kept``
    and ``apart``.
    """
    versions: dict[str, list[str]] = defaultdict(list)
    for reference in sorted(set(references)):
        versions[_slug(reference)].append(reference)
    names: dict[str, str] = {}
    for slug, same in versions.items():
        plain = [reference for reference in same if reference not in apart]
        if len(plain) > 1:
            plain = [reference for reference in plain if reference in kept]
        for reference in same:
            by_version = f"{slug}-{hashlib.sha256(reference.encode()).hexdigest()[:_DIGITS]}"
            names[reference] = slug if plain == [reference] else by_version
    return names


def _slug(reference: str) -> str:
    repository = reference.partition("@")[0]
    head, _, last = repository.rpartition("/")
    last = last.partition(":")[0]
    return re.sub(r"[^a-z0-9]+", "-", f"{head}/{last}" if head else last)
