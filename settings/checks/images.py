"""Each container has one image, which means the same tomorrow as today."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from settings.catalogue import LOCK_FILE, OWN_PREFIX
from settings.monitoring import monitoring_images
from settings.parts import stores
from settings.problems import Finding, listing, nearest
from settings.resolve import BACKUP_ROLE, GATEWAY_ROLE, KEEPER_ROLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description
    from settings.paths import Path

_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE: Final = re.compile(
    rf"(?:(?:[A-Za-z0-9.-]+|\[[0-9a-f:]+\])(?::\d+)?/)?{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_FLOATING: Final = frozenset({"latest", "main", "master", "edge", "nightly"})


def image_or_build(description: Description) -> Iterator[Finding]:
    """A workload names an image or builds one."""
    for path, workload, _ in description.workloads():
        if workload.image is None and workload.build is None:
            yield Finding(
                path,
                "has no image",
                fix="add image: name:tag, or build: {context: …}",
                about=((*path, "image"), (*path, "build")),
            )
        elif workload.image is not None and workload.build is not None:
            yield Finding((*path, "build"), "both image and build are given", fix="remove one of them")


def images_are_pinned(description: Description) -> Iterator[Finding]:
    """A reference without a tag or with a moving one brings another program with the next pull."""
    for path, image in _written(description):
        match = _REFERENCE.fullmatch(image)
        if match is None:
            yield Finding(path, "is no image reference", allowed="[registry/]name:tag or name@sha256:…, in lower case")
        elif match["digest"] is None and (match["tag"] is None or match["tag"] in _FLOATING):
            what = f"the tag '{match['tag']}' moves" if match["tag"] else "has no tag, which means latest"
            yield Finding(
                path,
                f"'{image}' is not pinned: {what}",
                allowed="a tag of one version, or a digest",
                fix="pin a tag or a digest: name:1.2.3 or name@sha256:…",
            )


def roles_are_in_the_catalogue(description: Description) -> Iterator[Finding]:
    """``slipway/<role>`` and the platform's own parts are looked up in the catalogue."""
    family = description.platform.images.family.value
    own = description.platform.images.references
    for path, role in _roles(description):
        if role in own or description.catalogue.find(role, family) is not None:
            continue
        families = description.catalogue.images.get(role)
        if families:
            yield Finding(
                path,
                f"the catalogue has no image of family '{family}' for '{role}'",
                allowed=f"families of {role}: {listing(families)}",
                fix=f"set images.family, or images.references.{role}",
                about=(("images",),),
            )
        else:
            likely = nearest(role, description.catalogue.roles)
            yield Finding(
                path,
                f"the catalogue ({LOCK_FILE}) has no image for '{role}'",
                allowed=listing((OWN_PREFIX + name for name in description.catalogue.roles), "the catalogue is empty"),
                nearest=None if likely is None else OWN_PREFIX + likely,
                fix=f"set images.references.{role}, or build the catalogue's images: slipway images build",
                about=(("images",),),
            )


def own_references_have_a_role(description: Description) -> Iterator[Finding]:
    """A misspelt role in ``images.references`` would change nothing."""
    roles = description.catalogue.roles
    asked = {role for _, role in _roles(description)}
    for role in description.declared.images.references:
        if role not in roles and role not in asked:
            yield Finding(
                ("images", "references", role),
                f"there is no role '{role}'",
                allowed=listing({*roles, *asked}),
                nearest=nearest(role, {*roles, *asked}),
            )


def versions_are_those_of_the_images(description: Description) -> Iterator[Finding]:
    """The image that is used is of the version that is asked for."""
    family = description.platform.images.family.value
    for section, name, store in stores(description.declared):
        if (
            store.version is None
            or store.image is not None
            or store.engine.value in description.platform.images.references
        ):
            continue
        entry = description.catalogue.find(store.engine.value, family)
        if entry is None or entry.version is None or _is_of(entry.version, store.version):
            continue
        yield Finding(
            (section, name, "version"),
            f"version {store.version} is asked for, but the catalogue's {store.engine.value} of family '{family}' is "
            f"{entry.version}",
            allowed=entry.version.split(".")[0],
            fix="name an image of that version with image: …",
            about=(("images",), (section, name, "image")),
        )


def _is_of(actual: str, wanted: str) -> bool:
    return actual == wanted or actual.startswith(wanted + ".")


def _written(description: Description) -> Iterator[tuple[Path, str]]:
    """Yield every reference that somebody wrote, except the catalogue's roles."""
    platform = description.declared
    places: list[tuple[Path, str | None]] = [
        ((*path, "image"), workload.image) for path, workload, _ in description.workloads()
    ]
    places += [((section, name, "image"), store.image) for section, name, store in stores(platform)]
    places += [
        (("model_servers", name, "keeper_image"), item.keeper_image) for name, item in platform.model_servers.items()
    ]
    places.append((("gateway", "image"), platform.gateway.image if platform.gateway is not None else None))
    places.append((("backups", "image"), platform.backups.image if platform.backups is not None else None))
    places += [(path, image) for path, image, _ in monitoring_images(platform)]
    places += [(("images", "references", role), image) for role, image in platform.images.references.items()]
    for path, image in places:
        if image is not None and not image.startswith(OWN_PREFIX):
            yield path, image


def _roles(description: Description) -> Iterator[tuple[Path, str]]:
    """Yield every role that is looked up."""
    platform = description.declared
    places: list[tuple[Path, str | None]] = [
        ((*path, "image"), workload.image) for path, workload, _ in description.workloads()
    ]
    places += [
        ((section, name), store.image or OWN_PREFIX + store.engine.value)
        for section, name, store in stores(platform)
        if getattr(store, "external", None) is None  # somebody else has one for it
    ]
    places += [
        (("model_servers", name), server.keeper_image or OWN_PREFIX + KEEPER_ROLE)
        for name, server in platform.model_servers.items()
    ]
    if platform.gateway is not None:
        places.append((("gateway",), platform.gateway.image or OWN_PREFIX + GATEWAY_ROLE))
    if platform.backups is not None:
        places.append((("backups",), platform.backups.image or OWN_PREFIX + BACKUP_ROLE))
    places += [(path[:-1], image or OWN_PREFIX + role) for path, image, role in monitoring_images(platform) if role]
    for path, image in places:
        if image is not None and image.startswith(OWN_PREFIX):
            yield path, image.removeprefix(OWN_PREFIX)


CHECKS: Final = (
    image_or_build,
    images_are_pinned,
    roles_are_in_the_catalogue,
    own_references_have_a_role,
    versions_are_those_of_the_images,
)
