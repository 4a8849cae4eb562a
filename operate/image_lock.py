"""The lock of images: which reference stands for each role, per family.

Slipway's own images carry the hash of what they are made from in their tag, so a tag either exists with exactly this
content or does not exist. Everything here is pure: files in, text out. Not here: Docker (`operate.image_build`).
"""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

IMAGES_FOLDER: Final = Path(__file__).resolve().parent.parent / "images"
"""The folders of Slipway's images, one each."""

BASE: Final = "base"
"""The image that the others stand on, except those that stand on nothing."""

OWN: Final = "slipway/"
"""Repository prefix of what is built here and pulled from nowhere."""

_HASH_LENGTH: Final = 12
_IGNORED_SUFFIXES: Final = frozenset({".md", ".pyc"})
_HEADER: Final = """\
# Image references by role and family. What starts with "slipway/" is written by `operate.images.write_lock` from the
# folders beside this file: the hash in a tag is that of the folder and of the base it stands on. The others are pinned.
"""


def names(folder: Path = IMAGES_FOLDER) -> list[str]:
    """Return the images that can be built, the base first."""
    found = sorted(path.parent.name for path in folder.glob("*/Dockerfile"))
    return [BASE, *(name for name in found if name != BASE)] if BASE in found else found


def stands_on_base(name: str, folder: Path = IMAGES_FOLDER) -> bool:
    """Return whether an image starts from the base; the others start from nothing."""
    lines = (folder / name / "Dockerfile").read_text(encoding="utf-8").splitlines()
    return name != BASE and "FROM ${BASE}" in (line.strip() for line in lines)


def context_files(name: str, folder: Path = IMAGES_FOLDER) -> Iterator[tuple[str, Path, bool]]:
    """Yield what an image is made from: path in its folder, file, whether it is executable.

    Notes and compiled Python are left out: neither changes the image.
    """
    root = folder / name
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.is_file() and path.suffix not in _IGNORED_SUFFIXES and "__pycache__" not in relative.parts:
            yield relative.as_posix(), path, bool(path.stat().st_mode & stat.S_IXUSR)


def content_hash(name: str, folder: Path = IMAGES_FOLDER) -> str:
    """Return twelve hexadecimal digits for an image's folder and the base it stands on.

    Only what git keeps counts (paths, contents, the executable bit), so that every checkout gives the same hash.
    """
    digest = hashlib.sha256()
    if stands_on_base(name, folder):
        digest.update(f"base {content_hash(BASE, folder)}\0".encode())
    for relative, path, executable in context_files(name, folder):
        content = path.read_bytes()
        digest.update(f"{relative}\0{'x' if executable else '-'}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_HASH_LENGTH]


def own_reference(name: str, folder: Path = IMAGES_FOLDER) -> str:
    """Return the reference of an image as its folder is now, such as ``slipway/postgres:15-0123456789ab``.

    Raises:
        KeyError: the catalogue says no version for it.
    """
    version = read_catalogue(folder)[name]["debian"]["version"]
    return f"{OWN}{name}:{version}-{content_hash(name, folder)}"


def read_catalogue(folder: Path = IMAGES_FOLDER) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the contracts: role, family, facts."""
    content: dict[str, dict[str, dict[str, dict[str, Any]]]] = yaml.safe_load(
        (folder / "catalogue.yaml").read_text(encoding="utf-8")
    )
    return content["images"]


def read_lock(folder: Path = IMAGES_FOLDER) -> dict[str, dict[str, str]]:
    """Return the locked references: role, family, reference. Empty where there is no lock yet."""
    file = folder / "lock.yaml"
    if not file.exists():
        return {}
    content: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content["images"]


def fresh_lock(folder: Path = IMAGES_FOLDER) -> dict[str, dict[str, str]]:
    """Return what the lock should say: own references from the folders, the pinned ones as they are.

    A role with no public image has its own build in both families; one with no folder has only a public image.
    """
    old = read_lock(folder)
    fresh: dict[str, dict[str, str]] = {}
    for name in names(folder):
        own = own_reference(name, folder)
        official = old.get(name, {}).get("official", own)
        fresh[name] = {"official": own if official.startswith(OWN) else official, "debian": own}
    public = {
        name: pinned for name, by in old.items() if name not in fresh and not (pinned := by["official"]).startswith(OWN)
    }
    fresh |= {name: {"official": pinned} for name, pinned in public.items()}
    return {name: fresh[name] for name in sorted(fresh, key=lambda name: (name != BASE, name))}


def on_request(name: str, folder: Path = IMAGES_FOLDER) -> bool:
    """Return whether an image is built only where it is asked for."""
    return any(bool(facts.get("on_request")) for facts in read_catalogue(folder).get(name, {}).values())


def lock_text(references: Mapping[str, Mapping[str, str]]) -> str:
    """Return the lock file's text."""
    body: str = yaml.safe_dump(
        {"images": {role: dict(by) for role, by in references.items()}}, sort_keys=False, width=200
    )
    return _HEADER + body


def write_lock(folder: Path = IMAGES_FOLDER) -> bool:
    """Bring the lock file up to date; return whether that changed it."""
    file, text = folder / "lock.yaml", lock_text(fresh_lock(folder))
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return False
    file.write_text(text, encoding="utf-8")
    return True
