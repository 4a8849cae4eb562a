"""URNs and provider references: how they are built and taken apart.

``urn:pulumi:<stack>::<project>::<qualified type>::<name>``; the qualified type holds the types of all ancestors but
the stack, joined with ``$``. A provider reference is ``<provider URN>::<id>``.
"""

from __future__ import annotations

from typing import Final

STACK_TYPE: Final = "pulumi:pulumi:Stack"
PROVIDER_TYPE_PREFIX: Final = "pulumi:providers:"
_PREFIX: Final = "urn:pulumi:"


def make_urn(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """The URN of a resource under ``parent`` (a URN, or empty)."""
    prefix = ""
    if parent:
        parent_type = qualified_type(parent)
        if parent_type != STACK_TYPE:
            prefix = f"{parent_type}$"
    return f"{_PREFIX}{stack}::{project}::{prefix}{type_}::{name}"


def _parts(urn: str) -> list[str]:
    return urn.split("::", 3)


def is_urn(text: str) -> bool:
    """Whether the text has a URN's form."""
    return text.startswith(_PREFIX) and len(_parts(text)) == len(("stack", "project", "type", "name"))


def qualified_type(urn: str) -> str:
    """The type with the types of its ancestors."""
    return _parts(urn)[2]


def type_of(urn: str) -> str:
    """The resource's own type."""
    return qualified_type(urn).rsplit("$", 1)[-1]


def stack_and_project(urn: str) -> tuple[str, str]:
    """The stack's and the project's name."""
    stack, project, *_ = _parts(urn.removeprefix(_PREFIX))
    return stack, project


def name_of(urn: str) -> str:
    """The logical name: all text after the third ``::``."""
    return _parts(urn)[3]


def stack_urn(stack: str, project: str) -> str:
    """The URN of the root stack resource."""
    return make_urn(stack, project, "", STACK_TYPE, f"{project}-{stack}")


def is_provider_type(type_: str) -> bool:
    """Whether the type is that of a provider resource."""
    return type_.startswith(PROVIDER_TYPE_PREFIX)


def package_of(type_: str) -> str:
    """The package that manages a type; for a provider type the package that it is the provider of."""
    if is_provider_type(type_):
        return type_.removeprefix(PROVIDER_TYPE_PREFIX)
    return type_.split(":", 1)[0]


def is_internal(urn: str) -> bool:
    """Whether this is a default provider, which is neither displayed nor counted."""
    return is_provider_type(type_of(urn)) and name_of(urn).startswith("default")


def make_reference(urn: str, resource_id: str) -> str:
    """The reference to a provider resource."""
    return f"{urn}::{resource_id}"


def split_reference(reference: str) -> tuple[str, str]:
    """The URN and the id of a provider reference."""
    urn, _, resource_id = reference.rpartition("::")
    return urn, resource_id
