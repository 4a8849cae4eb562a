"""What the ids in a preview are called: images, networks and volumes appear in a container's inputs only as ids."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from review.urns import parse_urn
from review.values import Hidden, items, mapping, scrub, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REMOTE_IMAGE: Final = "docker:index/remoteImage:RemoteImage"
BUILT_IMAGE: Final = "docker:index/image:Image"
_GENERATED: Final = re.compile(r"-[0-9a-f]{7}$")
_LONG_ID: Final = re.compile(r"^(?:sha256:)?[0-9a-f]{24,}$")
_SHORT_ID_LENGTH: Final = 12
_NAMED_BY_ID: Final = ("docker:",)
"""Only ids of these are looked at: the id of a random resource can be its secret."""


@dataclass(frozen=True, slots=True)
class References:
    """Names by what a preview says instead of them."""

    images: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Image reference before and after, by the URN of the image resource."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Logical name by Docker's id or name."""

    def side(self, state: Mapping[str, Any], inputs: Mapping[str, Any], *, after: bool) -> Side:
        """Return one side of a change, before or after, which can name what its inputs refer to."""
        uses = {
            str(key): tuple(str(urn) for urn in items(urns))
            for key, urns in mapping(state.get("propertyDependencies")).items()
        }
        return Side(inputs=inputs, uses=uses, references=self, after=after)


@dataclass(frozen=True, slots=True)
class Side:
    """A resource's inputs, before or after."""

    inputs: Mapping[str, Any]
    uses: Mapping[str, tuple[str, ...]]
    """URNs that each top-level input was made from."""
    references: References
    after: bool

    def named(self, key: str, value: Any) -> str:
        """Return what a reader calls the resource that ``value``, somewhere in the input ``key``, points at."""
        used = [parse_urn(urn) for urn in self.uses.get(key, ())]
        if isinstance(value, Hidden):
            return used[0].name if len(used) == 1 and value is Hidden.UNKNOWN else str(value)
        text = self.known(key, text_of(value))
        return used[0].name if len(used) == 1 and _LONG_ID.match(text) else short_id(text)

    def known(self, key: str, text: str) -> str:
        """Return the logical name of the resource that Docker calls ``text``, if there is one, else the text itself."""
        base = _GENERATED.sub("", text)
        if base != text and any(parse_urn(urn).name == base for urn in self.uses.get(key, ())):
            return base
        return self.references.names.get(text, text)

    def image(self, value: Any) -> str:
        """Return the reference of the image behind ``value``, else the name of its resource or its short id."""
        used = [urn for urn in self.uses.get("image", ()) if parse_urn(urn).type in {REMOTE_IMAGE, BUILT_IMAGE}]
        if len(used) == 1:
            known = self.references.images.get(used[0])
            if known is not None and known[self.after]:
                return known[self.after]
            suffix = "" if isinstance(value, Hidden) else f" ({short_id(text_of(value))})"
            return parse_urn(used[0]).name + suffix
        return short_id(text_of(value))


def short_id(text: str) -> str:
    """Cut a Docker id to the length that Docker prints; other text stays."""
    return text.removeprefix("sha256:")[:_SHORT_ID_LENGTH] if _LONG_ID.match(text) else text


def read_references(steps: Iterable[Mapping[str, Any]]) -> References:
    """Collect what can be named from the steps of a preview."""
    images: dict[str, tuple[str, str]] = {}
    names: dict[str, str] = {}
    for step in steps:
        urn = str(step.get("urn", ""))
        parsed = parse_urn(urn)
        if not parsed.type.startswith(_NAMED_BY_ID):
            continue
        states = [mapping(step.get(key)) for key in ("oldState", "newState")]
        if parsed.type in {REMOTE_IMAGE, BUILT_IMAGE}:
            old, new = (_image_name(state) for state in states)
            images[urn] = (old or new, new or old)
            continue
        for state in states:
            for value in (state.get("id"), mapping(state.get("inputs")).get("name")):
                known = scrub(value)
                if isinstance(known, str) and known and not isinstance(known, Hidden):
                    names[known] = parsed.name
    return References(images=images, names=names)


def _image_name(state: Mapping[str, Any]) -> str:
    inputs = mapping(state.get("inputs"))
    name = scrub(inputs.get("name") or inputs.get("imageName") or "")
    return name if isinstance(name, str) and not isinstance(name, Hidden) else ""
