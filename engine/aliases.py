"""Aliases: by which other URNs a resource may be found in the old state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.urn import STACK_TYPE, is_urn, make_urn, name_of, qualified_type, stack_and_project, type_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pulumi.runtime.proto import resource_pb2

    from engine.state import Entry


@dataclass(frozen=True)
class Alias:
    """A former identity: a whole URN, or the parts in which it differed (empty: as now)."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str = ""
    no_parent: bool = False


def read_aliases(request: resource_pb2.RegisterResourceRequest) -> list[Alias]:
    """The aliases of a request, in order."""
    found = [Alias(urn=urn) for urn in request.aliasURNs]
    for alias in request.aliases:
        if alias.WhichOneof("alias") == "urn":
            found.append(Alias(urn=alias.urn))
            continue
        spec = alias.spec
        no_parent = spec.WhichOneof("parent") == "noParent" and spec.noParent
        found.append(Alias("", spec.name, spec.type, spec.stack, spec.project, spec.parentUrn, no_parent))
    if wrong := next((alias.urn for alias in found if alias.urn and not is_urn(alias.urn)), None):
        raise EngineError(f"{request.type} {request.name!r}: the alias {wrong!r} is not a URN")
    return found


def alias_urns(urn: str, parent: str, aliases: Sequence[Alias], renamed: Mapping[str, str]) -> list[str]:
    """All URNs that the resource may have had; ``renamed`` says under which old URN a parent was found."""
    own = [_collapse(urn, parent, alias, renamed) for alias in aliases]
    found = list(own)
    if parent in renamed:
        old_parent = renamed[parent]
        found.append(_inherited(urn, parent, old_parent))
        found += [_inherited(alias, parent, old_parent) for alias in own]
    return list(dict.fromkeys(found))


def _collapse(urn: str, parent: str, alias: Alias, renamed: Mapping[str, str]) -> str:
    if alias.urn:
        return alias.urn
    under = renamed.get(alias.parent, alias.parent) if alias.parent else parent
    if alias.no_parent or (under and qualified_type(under) == STACK_TYPE):
        under = ""
    stack, project = stack_and_project(urn)
    return make_urn(
        alias.stack or stack, alias.project or project, under, alias.type or type_of(urn), alias.name or name_of(urn)
    )


def _inherited(child: str, parent: str, old_parent: str) -> str:
    # Children are often called "<parent>-<role>": the convention under which a renamed parent renames them too.
    name, parent_name = name_of(child), name_of(parent)
    if name.startswith(parent_name):
        name = name_of(old_parent) + name.removeprefix(parent_name)
    stack, project = stack_and_project(parent)
    return make_urn(stack, project, old_parent, type_of(child), name)


def normalized(entries: Sequence[Entry]) -> Sequence[Entry]:
    """The entries with every reference to an old URN rewritten to the new one, and the aliases dropped."""
    renamed: dict[str, str] = {}
    for entry in entries:
        for alias in entry.aliases:
            if renamed.get(alias, entry.urn) != entry.urn:
                raise EngineError(f"both {renamed[alias]} and {entry.urn} claim to have been {alias}")
            renamed[alias] = entry.urn
        new_parent = renamed.get(entry.parent)
        if new_parent and qualified_type(new_parent) != STACK_TYPE:
            stack, project = stack_and_project(entry.urn)
            new_urn = make_urn(stack, project, new_parent, type_of(entry.urn), name_of(entry.urn))
            renamed.setdefault(entry.urn, new_urn)
    return [_rewritten(entry, renamed) for entry in entries] if renamed else entries


def _rewritten(entry: Entry, renamed: Mapping[str, str]) -> Entry:
    def new(urn: str) -> str:
        return renamed.get(urn, urn)

    provider, separator, resource_id = entry.provider.rpartition("::")
    return entry.copy(
        urn=new(entry.urn),
        parent=new(entry.parent),
        provider=f"{new(provider)}{separator}{resource_id}",
        dependencies=[new(urn) for urn in entry.dependencies],
        property_dependencies={key: [new(urn) for urn in urns] for key, urns in entry.property_dependencies.items()},
        deleted_with=new(entry.deleted_with),
        replace_with=[new(urn) for urn in entry.replace_with],
        aliases=[],
    )
