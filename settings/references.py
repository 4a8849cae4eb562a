"""References such as ``${databases.main.url}`` inside the texts of a description.

``$${`` writes a literal ``${``; a ``$`` that no ``{`` follows is itself. Which texts may hold references at all is said
in :mod:`settings.texts`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REFERENCE_ATTRIBUTES: Final[Mapping[str, Mapping[str, bool]]] = MappingProxyType(
    {
        "databases": MappingProxyType(
            {
                "host": False,
                "port": False,
                "database": False,
                "user": False,
                "password": True,
                "url": True,
                "url_without_password": False,
                "ca_file": False,
            }
        ),
        "caches": MappingProxyType({"host": False, "port": False, "password": True, "url": True}),
        "vector_stores": MappingProxyType(
            {"host": False, "port": False, "grpc_port": False, "url": False, "api_key": True}
        ),
        "model_servers": MappingProxyType({"host": False, "port": False, "url": False, "openai_url": False}),
        "services": MappingProxyType({"host": False, "port": False, "url": False}),
        "secrets": MappingProxyType({"value": True}),
        "platform": MappingProxyType({"name": False}),
        "stack": MappingProxyType({"name": False}),
        "environment": MappingProxyType({"name": False}),
    }
)
"""For each section its attributes, and whether what they stand for is secret."""

_TOKEN: Final = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_NAMELESS: Final = frozenset({"platform", "stack", "environment"})
_LOOKS_LIKE_ONE: Final = re.compile(r"(?<!\$)\$\{(" + "|".join(REFERENCE_ATTRIBUTES) + r")\.[^{}]*\}")


@dataclass(frozen=True)
class Reference:
    """A reference to something of the platform."""

    section: str
    """A key of :data:`REFERENCE_ATTRIBUTES`."""
    name: str
    """The part's or secret's name; empty for ``platform``, ``stack`` and ``environment``."""
    attribute: str
    """What of it: a key of ``REFERENCE_ATTRIBUTES[section]``; ``value`` for a secret."""

    @property
    def is_secret(self) -> bool:
        """Whether what it stands for is secret."""
        return REFERENCE_ATTRIBUTES[self.section][self.attribute]

    def __str__(self) -> str:
        """Write it as it stands in a description."""
        if self.section == "secrets":
            return f"${{secrets.{self.name}}}"
        return "${" + ".".join(part for part in (self.section, self.name, self.attribute) if part) + "}"


class ReferenceSyntaxError(ValueError):
    """A ``${…}`` that is no reference.

    Attributes:
        token: The text between the braces, as written.
        allowed: What could stand there.
    """

    def __init__(self, message: str, token: str, allowed: str) -> None:
        super().__init__(message)
        self.token = token
        self.allowed = allowed


def parse_template(text: str) -> tuple[str | Reference, ...]:
    """Split a text into literal pieces (unescaped, never empty, never two in a row) and references.

    Raises:
        ReferenceSyntaxError: A ``${`` is not closed, or what it holds is no reference.
    """
    pieces: list[str | Reference] = []
    literal = ""
    end = 0
    for match in _TOKEN.finditer(text):
        literal += text[end : match.start()]
        end = match.end()
        if match[0] == "$${":
            literal += "${"
            continue
        if match[1] is None:
            raise ReferenceSyntaxError("'${' is not closed by '}'; write '$${' for a literal '${'", "", _forms())
        if literal:
            pieces.append(literal)
            literal = ""
        pieces.append(_reference(match[1]))
    literal += text[end:]
    if literal:
        pieces.append(literal)
    return tuple(pieces)


def escape(text: str) -> str:
    """Write a text so that :func:`parse_template` gives it back as one literal piece."""
    return text.replace("${", "$${")


def references_of(texts: Iterable[str]) -> tuple[Reference, ...]:
    """Return the references in some texts, each once, in the order of their first appearance.

    Texts that do not parse are skipped: the check that owns them says so.
    """
    found: dict[Reference, None] = {}
    for text in texts:
        try:
            pieces = parse_template(text)
        except ReferenceSyntaxError:
            continue
        found |= {piece: None for piece in pieces if isinstance(piece, Reference)}
    return tuple(found)


def looks_like_reference(text: str) -> str | None:
    """Return the first thing in a text that was surely meant as a reference, for texts in which none is resolved."""
    match = _LOOKS_LIKE_ONE.search(text)
    return match[0] if match else None


def _reference(token: str) -> Reference:
    section, *rest = token.split(".")
    attributes = REFERENCE_ATTRIBUTES.get(section)
    if attributes is None:
        raise ReferenceSyntaxError(
            f"'${{{token}}}' is no reference; write '$${{{token}}}' if it is meant literally", token, _forms()
        )
    if section == "secrets":
        name, attribute, complete = ".".join(rest), "value", len(rest) == 1
    elif section in _NAMELESS:
        name, attribute, complete = "", ".".join(rest), len(rest) == 1
    else:
        name, attribute, complete = rest[0] if rest else "", ".".join(rest[1:]), len(rest) == 2  # noqa: PLR2004 - name.attribute
    if not complete or (section not in _NAMELESS and not name) or attribute not in attributes:
        raise ReferenceSyntaxError(f"'${{{token}}}' is no complete reference", token, _form(section))
    return Reference(section, name, attribute)


def _form(section: str) -> str:
    if section == "secrets":
        return "${secrets.NAME}"
    attributes = "|".join(REFERENCE_ATTRIBUTES[section])
    return f"${{{section}.{attributes}}}" if section in _NAMELESS else f"${{{section}.NAME.{attributes}}}"


def _forms() -> str:
    return ", ".join(_form(section) for section in REFERENCE_ATTRIBUTES)
