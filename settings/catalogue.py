"""The catalogue of images: which image plays a role in a family, and what that image needs.

``images/lock.yaml`` holds the references (``images: {postgres: {official: …, debian: …}}``), and
``images/catalogue.yaml`` what each needs (``images: {postgres: {official: {user: "70:70"}}}``). Neither has to exist: a
platform of third-party images alone needs no catalogue. Not here: building or pulling images.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from settings.problems import Problem, SettingsError
from settings.tree import to_plain
from settings.units import parse_memory_mib
from settings.yaml_source import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path as FilePath

LOCK_FILE: Final = "images/lock.yaml"
CATALOGUE_FILE: Final = "images/catalogue.yaml"
OWN_PREFIX: Final = "slipway/"
"""An image written ``slipway/<role>`` is looked up here."""


@dataclass(frozen=True)
class CatalogueImage:
    """An image of the catalogue and what it needs."""

    role: str
    """Its role, such as ``postgres``."""
    family: str
    """``official`` or ``debian``."""
    reference: str
    """What Docker is asked for."""
    user: str | None = None
    """Numeric ``uid:gid`` that it runs as. ``None``: the default of all workloads."""
    version: str | None = None
    """Version of what is in it, if the catalogue says so."""
    tmpfs: Mapping[str, int] = field(default_factory=dict)
    """Writable memory folders that it needs, in MiB."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Everything else that the catalogue says of it."""


@dataclass(frozen=True)
class Catalogue:
    """All images by role and family."""

    images: Mapping[str, Mapping[str, CatalogueImage]]
    """Role, then family."""

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that can be asked for."""
        return tuple(sorted(self.images))

    def image(self, role: str, family: str) -> CatalogueImage:
        """Return the image for a role; where only one family has it, that one.

        Raises:
            KeyError: There is no such role, or no image of that family for it.
        """
        families = self.images[role]
        if family not in families and len(families) == 1:
            return next(iter(families.values()))
        return families[family]

    def find(self, role: str, family: str) -> CatalogueImage | None:
        """Return the image for a role, or ``None``."""
        try:
            return self.image(role, family)
        except KeyError:
            return None


def load_catalogue(root: FilePath) -> Catalogue:
    """Read both files below the project's root; a missing one counts as empty.

    Raises:
        SettingsError: A file is no YAML or not of the form described above.
    """
    references = _read(root, LOCK_FILE).get("images", {})
    needs = _read(root, CATALOGUE_FILE)
    needs = needs.get("images", needs)
    images: dict[str, dict[str, CatalogueImage]] = {}
    problems: list[Problem] = []
    for role, families in (references if isinstance(references, dict) else {}).items():
        for family, reference in (families if isinstance(families, dict) else {}).items():
            place = f"images.{role}.{family}"
            if not isinstance(reference, str):
                problems.append(Problem(place, LOCK_FILE, None, "must be an image reference"))
                continue
            facts = (needs.get(role) or {}).get(family) or {}
            try:
                images.setdefault(role, {})[family] = _image(role, family, reference, dict(facts))
            except (TypeError, ValueError, AttributeError) as error:
                problems.append(Problem(f"{role}.{family}", CATALOGUE_FILE, None, f"can't be used: {error}"))
    if problems:
        raise SettingsError(problems)
    return Catalogue(images)


def _read(root: FilePath, file: str) -> dict[str, Any]:
    try:
        content = to_plain(read_yaml(root, file, "default"))
    except FileNotFoundError:
        return {}
    return content if isinstance(content, dict) else {}


def _image(role: str, family: str, reference: str, facts: dict[str, Any]) -> CatalogueImage:
    user = facts.pop("user", None)
    version = facts.pop("version", None)
    tmpfs = facts.pop("tmpfs", None) or {}
    return CatalogueImage(
        role=role,
        family=family,
        reference=reference,
        user=None if user is None else str(user),
        version=None if version is None else str(version),
        tmpfs={path: size if isinstance(size, int) else parse_memory_mib(size) for path, size in tmpfs.items()},
        facts=facts,
    )
