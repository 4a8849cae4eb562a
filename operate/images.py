"""The images that Slipway ships: which are missing, build them, and which family this machine uses.

References come from `images/lock.yaml` (`operate.image_lock`). Not here: what an image needs at run time, which
`settings.catalogue` reads; pulling a platform's third-party images, which the engine does.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from operate import image_lock
from operate.image_build import Builder, ImageBuildError, Progress
from operate.image_family import Family, FamilyDecision, detect_family, recorded_family
from operate.image_lock import IMAGES_FOLDER, write_lock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import docker

__all__ = [
    "BuiltImage",
    "Family",
    "FamilyDecision",
    "ImageBuildError",
    "MissingImage",
    "Remedy",
    "build_images",
    "detect_family",
    "missing_images",
    "recorded_family",
    "write_lock",
]

_AT_ONCE: Final = 2
"""Builds that run together: each waits for the network half of its time and unpacks for the other."""


class Remedy(StrEnum):
    """How a missing image is had."""

    BUILD = "build"
    PULL = "pull"


@dataclass(frozen=True)
class BuiltImage:
    """An image that is there now."""

    name: str
    """The name of its folder."""
    reference: str
    """What Docker knows it by."""
    built: bool
    """Whether this call built it; otherwise it was there."""
    seconds: float
    """How long that took."""


@dataclass(frozen=True)
class MissingImage:
    """An image of the catalogue that this machine's Docker does not have."""

    name: str
    """Its role, which for those that are built is also what `build_images` takes."""
    reference: str
    """What is missing."""
    remedy: Remedy
    """How to have it."""


def missing_images(
    family: Family | str = Family.DEBIAN,
    roles: Iterable[str] | None = None,
    client: docker.DockerClient | None = None,
    folder: Path = IMAGES_FOLDER,
) -> list[MissingImage]:
    """Return which images of a family are not there. The base, and what is had on request, count only by name.

    Raises:
        KeyError: a role is not in the lock.
        docker.errors.DockerException: Docker does not answer.
    """
    lock = image_lock.read_lock(folder)
    wanted = [role for role in lock if _is_usual(role, folder)] if roles is None else list(roles)
    client = client or _client()
    missing = []
    for role in wanted:
        reference = lock[role].get(str(family)) or lock[role][Family.OFFICIAL]
        if not _exists(client, reference):
            remedy = Remedy.BUILD if reference.startswith(image_lock.OWN) else Remedy.PULL
            missing.append(MissingImage(role, reference, remedy))
    return missing


def build_images(
    names: Sequence[str] | None = None,
    progress: Progress = lambda _line: None,
    client: docker.DockerClient | None = None,
    folder: Path = IMAGES_FOLDER,
) -> list[BuiltImage]:
    """Build what is missing of Slipway's own images; what is there is left alone.

    The base comes first, and only where something that stands on it is missing; the rest two at once. A tag holds the
    hash of what the image is made from, so an image that is there is the right one. Where a folder was changed, the
    lock file follows.

    Args:
        names: Folders below ``images/``. Default: all but those that are built on request, and the base, which comes
            along as needed.
        progress: Takes a line at each step; called from more than one thread, one at a time per image.
        client: Docker. Default: from the environment.
        folder: Where the images' folders are.

    Raises:
        ImageBuildError: an image failed; those that were under way are finished first.
        KeyError: there is no such image; the text names those that are.
        docker.errors.DockerException: Docker does not answer.
    """
    known = image_lock.names(folder)
    wanted = [name for name in known if _is_usual(name, folder)] if names is None else list(dict.fromkeys(names))
    for name in wanted:
        if name not in known:
            raise KeyError(f"no image {name!r}; there are {', '.join(known)}")
    if write_lock(folder):
        # Else the next deployment would go on asking for what the folders were before.
        progress("images: lock.yaml brought up to date with the folders")
    client = client or _client()
    builder = Builder(client, progress, folder)
    references = {name: image_lock.own_reference(name, folder) for name in known}
    absent = [name for name in wanted if not _exists(client, references[name])]
    done = {name: BuiltImage(name, references[name], built=False, seconds=0.0) for name in wanted if name not in absent}

    if image_lock.BASE in absent or any(image_lock.stands_on_base(name, folder) for name in absent):
        base = image_lock.BASE
        if not _exists(client, references[base]):
            started = time.monotonic()
            builder.base(references[base])
            done[base] = _finished(base, references[base], started, progress)

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="image") as pool:
        rest = [name for name in absent if name != image_lock.BASE]
        builds = [pool.submit(_build, builder, name, references) for name in rest]
        try:
            for build in as_completed(builds):
                built = build.result()
                done[built.name] = built
        except BaseException:
            for build in builds:
                build.cancel()
            raise
    return [done[name] for name in known if name in done]


def _is_usual(name: str, folder: Path) -> bool:
    """Whether an image is meant where none is named."""
    return name != image_lock.BASE and not image_lock.on_request(name, folder)


def _build(builder: Builder, name: str, references: dict[str, str]) -> BuiltImage:
    started = time.monotonic()
    stands_on_base = image_lock.stands_on_base(name, builder.folder)
    builder.from_folder(name, references[name], {"BASE": references[image_lock.BASE]} if stands_on_base else {})
    return _finished(name, references[name], started, builder.progress)


def _finished(name: str, reference: str, started: float, progress: Progress) -> BuiltImage:
    seconds = time.monotonic() - started
    progress(f"{name}: built {reference} in {seconds:.1f} s")
    return BuiltImage(name, reference, built=True, seconds=seconds)


def _client() -> docker.DockerClient:
    import docker  # noqa: PLC0415  (slow to load; most commands need no Docker)

    return docker.from_env()


def _exists(client: docker.DockerClient, reference: str) -> bool:
    import docker.errors  # noqa: PLC0415  (as above)

    try:
        client.images.get(reference)
    except docker.errors.ImageNotFound:
        return False
    return True
