"""Names of resources, taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STACK_TYPE: Final = "pulumi:pulumi:Stack"
_PARTS: Final = 4


@dataclass(frozen=True, slots=True)
class Urn:
    """A Pulumi URN, ``urn:pulumi:<stack>::<project>::<types>::<name>``."""

    stack: str
    """Short name of the stack."""
    project: str
    """Name of the project."""
    types: tuple[str, ...]
    """Types from the outermost component down to the resource's own."""
    name: str
    """Logical name."""

    @property
    def type(self) -> str:
        """The resource's own type."""
        return self.types[-1]


def parse_urn(text: str) -> Urn:
    """Take a URN apart.

    What is no URN becomes a name without the rest: a preview with a strange line in it is still worth reading.
    """
    pieces = text.split("::", _PARTS - 1)
    if len(pieces) != _PARTS or not pieces[0].startswith("urn:pulumi:"):
        return Urn(stack="", project="", types=("",), name=text)
    return Urn(
        stack=pieces[0].removeprefix("urn:pulumi:"),
        project=pieces[1],
        types=tuple(pieces[2].split("$")),
        name=pieces[3],
    )


def short_type(token: str) -> str:
    """Return the word for a type, such as ``Container`` for ``docker:index/container:Container``."""
    return token.rpartition(":")[2] or token
