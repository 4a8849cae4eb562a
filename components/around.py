"""What the makers of components know of the platform around each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pulumi

from components.args import NetworkAttachment
from settings.catalogue import CatalogueImage


@dataclass(frozen=True)
class Around:
    """What a part finds where it is made."""

    images: Mapping[str, pulumi.Output[str]]
    """Ids of images by their reference."""
    carrier: pulumi.Output[str] | None
    """Image of the containers that carry files."""
    files_key: pulumi.Output[str]
    """Secret with which files are hashed for a label."""
    attach: Callable[..., list[NetworkAttachment]]
    """Returns attachments to networks, under some names."""
    labels: Callable[[str, str], dict[str, str]]
    """Returns the labels of a part, by its name and kind."""
    catalogue: Callable[[str], CatalogueImage]
    """Returns what is known of a role's image."""
