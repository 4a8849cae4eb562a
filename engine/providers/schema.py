"""What a provider knows about a resource type, as plain data.

The tables in :mod:`engine.providers.docker` describe each input and output with the words of Terraform's SDK
(force-new, computed, default, block), because the real providers plan with that SDK and Slipway must plan the same.
Names are Pulumi's (camelCase). Behaviour is in :mod:`~engine.providers.planning` and its neighbours, never here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

Validator = Callable[[Any], str | None]
"""Takes a known value; gives the reason for which it is refused, or None."""


class Kind(StrEnum):
    """The type of a field's value."""

    STRING = "string"
    BOOL = "bool"
    INT = "int"
    LIST = "list"
    SET = "set"
    MAP = "map"


@dataclass(frozen=True)
class Field:
    """One property of a resource or of a nested block."""

    kind: Kind
    required: bool = False
    optional: bool = True
    """Whether a program may set it; a field that is neither required nor optional is an output."""
    computed: bool = False
    """Whether the provider gives it a value where the program gave none."""
    force_new: bool = False
    """Whether a change replaces the resource."""
    default: Any = None
    element: Field | Block | None = None
    """What a list or set consists of; None for scalars and for maps, whose values are strings."""
    single: bool = False
    """A list or set of blocks that holds at most one: Pulumi shows the block itself, or null."""
    sensitive: bool = False
    suppress: Callable[[Any, Any], bool] | None = None
    """Given old and new, whether the difference counts as none (text for scalars, items for lists)."""
    on_state: Callable[[Any], Any] | None = None
    """What is stored for a configured value, where it is not the value itself."""
    validate: Validator | None = None
    conflicts: tuple[str, ...] = ()
    """Names that must not be set together with this one."""
    exactly_one_of: tuple[str, ...] = ()
    sort_name: str = ""
    """Terraform's name where it is not the snake-cased Pulumi name; it decides the order inside sets."""

    @property
    def configurable(self) -> bool:
        """Whether it is an input."""
        return self.required or self.optional

    @property
    def is_block(self) -> bool:
        """Whether unset means empty instead of null."""
        return isinstance(self.element, Block) and self.configurable

    @property
    def block(self) -> Block:
        """The nested block; only for fields that have one."""
        if not isinstance(self.element, Block):
            raise TypeError("this field has no nested block")
        return self.element

    @property
    def item(self) -> Field:
        """The scalar element, which inherits force-new from its collection."""
        inner = self.element if isinstance(self.element, Field) else Field(Kind.STRING)
        return replace(inner, force_new=self.force_new)


@dataclass(frozen=True)
class Block:
    """A group of fields: a resource or a nested object."""

    fields: Mapping[str, Field]


@dataclass(frozen=True)
class ResourceSchema:
    """A resource type as a whole."""

    token: str
    fields: Mapping[str, Field]
    version: int = 0
    """Schema version, written to ``__meta``."""
    timeouts: tuple[str, ...] = ()
    """Operations whose default time limit (20 minutes) is written to ``__meta``."""
    autoname: bool = True
    delete_before_replace: bool = False
    block: Block = field(init=False)

    def __post_init__(self) -> None:
        """Keep the fields as a block too: planning walks blocks."""
        object.__setattr__(self, "block", Block(self.fields))


def terraform_name(name: str, spec: Field) -> str:
    """Terraform's name of a property, which orders the attributes of an object."""
    return spec.sort_name or re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found.group(1).lower(), name)


def text(**options: Any) -> Field:
    """Make a string field."""
    return Field(Kind.STRING, **options)


def integer(**options: Any) -> Field:
    """Make a whole-number field."""
    return Field(Kind.INT, **options)


def flag(**options: Any) -> Field:
    """Make a boolean field."""
    return Field(Kind.BOOL, **options)


def texts(**options: Any) -> Field:
    """Make an ordered list of strings."""
    return Field(Kind.LIST, element=Field(Kind.STRING), **options)


def text_set(**options: Any) -> Field:
    """Make a set of strings."""
    return Field(Kind.SET, element=Field(Kind.STRING), **options)


def text_map(**options: Any) -> Field:
    """Make a map from string to string."""
    return Field(Kind.MAP, **options)


def blocks(fields: Mapping[str, Field], **options: Any) -> Field:
    """Make an ordered list of nested objects."""
    return Field(Kind.LIST, element=Block(fields), **options)


def block_set(fields: Mapping[str, Field], **options: Any) -> Field:
    """Make a set of nested objects."""
    return Field(Kind.SET, element=Block(fields), **options)


def one_block(fields: Mapping[str, Field], *, kind: Kind = Kind.LIST, **options: Any) -> Field:
    """Make a nested object that may be absent."""
    return Field(kind, element=Block(fields), single=True, **options)


def output(spec: Field) -> Field:
    """Turn a field into one that only the provider writes."""
    return replace(spec, required=False, optional=False, computed=True)
