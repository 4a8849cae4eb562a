"""Which part of the platform a resource belongs to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from review.urns import STACK_TYPE, parse_urn, short_type
from review.values import Hidden, items, mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

LABEL_PART: Final = "slipway.part"
LABEL_KIND: Final = "slipway.kind"
LABEL_ROLE: Final = "slipway.role"
LABEL_SPEC: Final = "slipway.spec"
LABEL_CONTENT: Final = "slipway.content"
LABEL_TRAFFIC: Final = "slipway.traffic"
# These stand in components/labels.py as well, which this room may not import; a test holds them together.

_FILES: Final = "slipway:index:SecretFiles"
_FILES_SUFFIX: Final = re.compile(r"-(?:secrets|files|config)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the platform, as the description calls it."""

    name: str
    """Its key in the description, such as ``api``; empty for a resource that stands alone."""
    kind: str
    """What it is: ``service``, ``database``, ``gateway``; for other programs the word of the component's type."""
    role: str
    """What the resource is to its part, such as ``replica`` or ``carrier``; empty if it does not say."""
    components: tuple[str, ...]
    """Types of the components around it, outermost first."""

    def within(self, component: str) -> bool:
        """Whether a Slipway component of this name is around the resource."""
        return f"slipway:index:{component}" in self.components


def part_of(urn: str, parent: str, inputs: Mapping[str, Any]) -> Part:
    """Find a resource's part: by its labels, else by the components around it.

    A URN holds the types of all components around a resource but the name of none, and a state names only the parent;
    so the files of a part are traced back by their name.
    """
    found = labels(inputs)
    components = parse_urn(urn).types[:-1]
    around = parse_urn(parent) if parent else None
    name, kind = found.get(LABEL_PART, ""), found.get(LABEL_KIND, "")
    if not name and around is not None and around.type not in {STACK_TYPE, ""}:
        name = _FILES_SUFFIX.sub("", around.name) if around.type == _FILES else around.name
    if not kind and components:
        outermost = [component for component in components if component != _FILES] or list(components)
        kind = short_type(outermost[0]).lower()
    return Part(name=name, kind=kind, role=found.get(LABEL_ROLE, ""), components=components)


def labels(inputs: Mapping[str, Any]) -> dict[str, str]:
    """The labels of a container, volume, network or Swarm resource, those with a readable value."""
    pairs = (mapping(entry) for entry in items(inputs.get("labels")))
    return {
        str(pair["label"]): str(pair["value"])
        for pair in pairs
        if "label" in pair and isinstance(pair.get("value"), str) and not isinstance(pair["value"], Hidden)
    }
