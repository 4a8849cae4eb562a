"""Releases: what was deployed, so that it can be deployed again.

A record holds the whole description as it was written, which names secrets and holds none, and which images it came to.
Records stand beside the state's files, or, where the state is elsewhere, in the project's ``.state/``.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import subprocess
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from operate.errors import OperateError
from settings.model import Build
from settings.parts import built_image

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker

    from operate.backend import Backend
    from settings import Loaded

KEPT: Final = 50
"""How many records of a stack are kept."""
_GIT_S: Final = 10


class NoSuchRelease(OperateError):  # noqa: N818 - named as what it reports
    """There is no such record."""

    exit_code = 6


class ImageGone(OperateError):  # noqa: N818 - named as what it reports
    """An image that a release was built from is no longer on the Docker host."""


@dataclass(frozen=True)
class Release:
    """One successful deployment."""

    number: int
    """Its number, from 1."""
    time: str
    """When it was done, in UTC as ISO 8601."""
    who: str
    """User and machine."""
    commit: str
    """Git commit of the project, with ``+`` if it had changes of its own; empty without git."""
    engine: str
    """``pulumi`` or ``embedded``."""
    message: str
    """What it was: ``up``, ``rollback to 3``, …"""
    seconds: float
    """How long it took."""
    changes: Mapping[str, int]
    """How many resources were created, replaced, …"""
    environment: str | None
    """The environment that applied."""
    profiles: tuple[str, ...]
    """Profiles that were switched on."""
    images: Mapping[str, str]
    """Image id by reference."""
    description: Mapping[str, Any]
    """The description."""
    strategy: Mapping[str, str] = field(default_factory=dict)
    """How each part that was replaced took over: ``start-first`` or ``stop-first``."""
    probe: Mapping[str, Any] | None = None
    """What a prober saw of it."""
    versions: Mapping[str, Any] = field(default_factory=dict)
    """Which versions of services with a release strategy ran; see :mod:`settings.versions`."""


@dataclass(frozen=True)
class Done:
    """How a deployment went."""

    engine: str
    message: str
    seconds: float
    changes: Mapping[str, int]
    images: Mapping[str, str] = field(default_factory=dict)
    strategy: Mapping[str, str] = field(default_factory=dict)
    probe: Mapping[str, Any] | None = None


class Releases:
    """The records of one stack.

    Args:
        folder: Where they stand.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> list[Release]:
        """Return every record that can be read, the newest first."""
        numbers = [int(path.stem) for path in self._folder.glob("*.json") if path.stem.isdigit()]
        read = [self._read(number) for number in sorted(numbers, reverse=True)]
        return [release for release in read if release is not None]

    def get(self, number: int) -> Release:
        """Return one record.

        Raises:
            NoSuchRelease: There is none of that number.
        """
        found = self._read(number)
        if found is None:
            there = ", ".join(str(release.number) for release in self.all()) or "none yet"
            raise NoSuchRelease(f"there is no release {number}\n  allowed: {there}\n  fix: slipway releases")
        return found

    def latest(self) -> Release | None:
        """Return the newest record."""
        return next(iter(self.all()), None)

    def before_latest(self) -> Release | None:
        """Return the newest record whose description differs from the latest one's."""
        records = self.all()
        return next((item for item in records[1:] if same(item, records[0]) is False), None)

    def file(self, number: int) -> Path:
        """Return the file of a record."""
        return self._folder / f"{number}.json"

    def record(self, loaded: Loaded, done: Done, root: Path) -> Release:
        """Write down what was deployed: whole or not at all.

        Raises:
            OSError: The folder can't be written.
        """
        newest = self.latest()
        release = Release(
            number=newest.number + 1 if newest else 1,
            time=datetime.now(UTC).isoformat(timespec="seconds"),
            who=_who(),
            commit=_commit(root),
            engine=done.engine,
            message=done.message,
            seconds=round(done.seconds, 1),
            changes=dict(done.changes),
            environment=loaded.environment,
            profiles=tuple(loaded.profiles),
            images=dict(done.images),
            description=pinned(loaded, done.images),
            strategy=dict(done.strategy),
            probe=done.probe,
            versions=notes_of(loaded),
        )
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(self.file(release.number), json.dumps(asdict(release), indent=1, sort_keys=True))
        for old in self.all()[KEPT:]:
            self.file(old.number).unlink(missing_ok=True)
        return release

    def _read(self, number: int) -> Release | None:
        try:
            data = json.loads(self.file(number).read_bytes())
            return Release(**{**data, "profiles": tuple(data["profiles"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None


def releases_of(backend: Backend, state_folder: Path, project: str, stack: str) -> Releases:
    """Return the records of a stack."""
    base = backend.folder if backend.folder is not None else state_folder
    return Releases(base / ".slipway" / "releases" / project / stack)


def same(one: Release, other: Release) -> bool:
    """Whether two releases deployed the same."""
    return (one.description, one.profiles, one.versions) == (other.description, other.profiles, other.versions)


def notes_of(loaded: Loaded) -> dict[str, Any]:
    """Return what is noted of a platform's versions of services once it is deployed."""
    return {name: versions.entry.written(blue_green=versions.blue_green) for name, versions in loaded.versions.items()}


def pinned(loaded: Loaded, images: Mapping[str, str]) -> dict[str, Any]:
    """Return a description with what it left to this machine and moment: the images that it came to.

    Images built in the deployment are named by the tag under which :func:`keep_images` keeps them.
    """
    platform = loaded.platform
    description: dict[str, Any] = json.loads(json.dumps(loaded.description))
    own = {
        role: image.reference
        for role in loaded.catalogue.roles
        if (image := loaded.catalogue.find(role, platform.images.family)) is not None and image.reference
    }
    written = description.setdefault("images", {})
    written["family"] = str(platform.images.family)
    written["references"] = {**own, **platform.images.references}
    for section in ("services", "workers", "jobs"):
        for name, workload in (description.get(section) or {}).items():
            kept = images.get(f"build:{name}")
            if isinstance(workload, dict) and workload.get("build") and kept:
                del workload["build"]
                workload["image"] = kept
    return description


def keep_images(client: docker.DockerClient, loaded: Loaded, number: int) -> dict[str, str]:
    """Name the images of a deployment, by reference; those that were built get a tag of their own, which keeps them."""
    import docker.errors  # noqa: PLC0415 - slow to load

    found: dict[str, str] = {}
    platform = loaded.platform
    for name, workload in (*platform.services.items(), *platform.workers.items(), *platform.jobs.items()):
        named = next((item.service for item in loaded.versions.values() if name in item.slots), name)
        reference = built_image(loaded.project, named, workload.build) if workload.build else workload.image
        try:
            image = client.images.get(str(reference))
        except docker.errors.DockerException:
            continue
        if workload.build:
            tag = f"release-{loaded.stack}-{number}"  # stacks of one project may share a Docker host
            repository = built_image(loaded.project, named, Build())
            image.tag(repository, tag)
            # Of two versions side by side each is known by a tag of its own, which is also noted.
            found[f"build:{named}"] = str(reference) if named in loaded.versions else f"{repository}:{tag}"
        found[str(reference)] = str(image.id)
    return found


def check_images(client: docker.DockerClient, release: Release) -> None:
    """Refuse a release whose own builds are gone.

    Raises:
        ImageGone: Names them.
    """
    import docker.errors  # noqa: PLC0415 - slow to load

    gone = []
    for key, tag in release.images.items():
        if key.startswith("build:"):
            try:
                client.images.get(tag)
            except docker.errors.ImageNotFound:
                gone.append(tag)
    if gone:
        raise ImageGone(
            f"release {release.number} was built from images that are gone: {', '.join(sorted(gone))}\n"
            f"  fix: check out its commit ({release.commit or 'none is recorded'}) and deploy that: slipway up"
        )


def _write(file: Path, text: str) -> None:
    """Write a file so that it is there whole, also after a power failure."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=".", delete=False, encoding="utf-8") as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    Path(new.name).replace(file)


def _who() -> str:
    actor = os.environ.get("GITHUB_ACTOR") or os.environ.get("GITLAB_USER_LOGIN")
    try:
        user = actor or getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _commit(root: Path) -> str:
    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, timeout=_GIT_S, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        commit = git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if commit and git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.TimeoutExpired):
        return ""
