"""The graph of a rendered program: find resources, ask what waits for what, and look for secrets in the open."""

from __future__ import annotations

import base64
import difflib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from engine.urn import STACK_TYPE
from testing.plan import plan_text
from testing.resource import Resource, covered, leaves

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SHORTEST_SECRET: Final = 6
"""Shorter values stand in many texts by chance."""
_GENERATED: Final = {"random:index/randomPassword:RandomPassword": ("result",)}
"""Outputs that are secrets of their own, rather than texts in which one stands."""


@dataclass(frozen=True)
class Log:
    """A message that the program logged."""

    severity: str
    """``debug``, ``info``, ``warning`` or ``error``."""
    message: str
    urn: str = ""


@dataclass(frozen=True, repr=False)
class Graph:
    """What a program registered. Iterating gives its resources in the order of registration, the stack left out."""

    project: str
    stack: str
    preview: bool
    resources: tuple[Resource, ...]
    exports: Mapping[str, Any] = field(default_factory=dict)
    """The stack's outputs, secrets opened."""
    secret_exports: frozenset[str] = frozenset()
    """Paths of exports that are secret."""
    logs: tuple[Log, ...] = ()
    config_secrets: frozenset[str] = frozenset()
    """Values of the secret configuration keys."""

    def __repr__(self) -> str:
        return f"<Graph of {self.project}/{self.stack}, {len(self)} resources>"

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def __len__(self) -> int:
        return len(self.resources)

    def __contains__(self, name: object) -> bool:
        return any(name in {resource.name, resource.urn} for resource in self.resources)

    def __getitem__(self, name: str) -> Resource:
        """Return the one resource of a logical name or URN.

        Raises:
            LookupError: There is none, or there are several: then use :meth:`find` with a type.
        """
        return self.find(name)

    def find(self, name: str, type_: str = "") -> Resource:
        """Return the resource of a logical name (or URN) and a type, or the end of one such as ``Container``.

        Raises:
            LookupError: There is none, or there are several.
        """
        named = [resource for resource in self.resources if name in {resource.name, resource.urn}]
        found = [resource for resource in named if _is(resource, type_)] if type_ else named
        if len(found) == 1:
            return found[0]
        if found:
            raise LookupError(f"{name!r} names several, say which type: {', '.join(str(item) for item in found)}")
        if named:
            raise LookupError(f"{name!r} is not of type {type_!r}: {', '.join(str(item) for item in named)}")
        near = difflib.get_close_matches(name, [resource.name for resource in self.resources], n=3)
        raise LookupError(f"no resource is called {name!r}" + (f"; near: {', '.join(near)}" if near else ""))

    def of_type(self, type_: str) -> tuple[Resource, ...]:
        """Return all resources of a type, given as its token or the end of it: ``Container``."""
        return tuple(resource for resource in self.resources if _is(resource, type_))

    def children(self, parent: Resource | str | None = None) -> tuple[Resource, ...]:
        """Return the direct children of a resource; without one, those of the stack."""
        if parent is None:
            urns = {resource.urn for resource in self.resources}
            return tuple(resource for resource in self.resources if resource.parent not in urns)
        urn = self._resource(parent).urn
        return tuple(resource for resource in self.resources if resource.parent == urn)

    def descendants(self, parent: Resource | str) -> tuple[Resource, ...]:
        """Return the children of a resource and theirs."""
        own = self.children(parent)
        return own + tuple(below for child in own for below in self.descendants(child))

    def dependencies(self, resource: Resource | str) -> tuple[Resource, ...]:
        """Return what a resource waits for directly."""
        urns = self._resource(resource).dependencies
        return tuple(other for other in self.resources if other.urn in urns)

    def dependents(self, resource: Resource | str) -> tuple[Resource, ...]:
        """Return all that waits for a resource, directly or through others."""
        urn = self._resource(resource).urn
        return tuple(other for other in self.resources if urn in other.waits_for)

    @property
    def secrets(self) -> frozenset[str]:
        """Every secret value of the program: secret configuration and generated passwords."""
        generated = {
            str(resource.outputs[name])
            for resource in self.resources
            for name in _GENERATED.get(resource.type, ())
            if isinstance(resource.outputs.get(name), str)
        }
        return self.config_secrets | generated

    def leaks(self, *values: str) -> tuple[str, ...]:
        """Return where secret values stand in the open: names, inputs, outputs, options, exports, logged messages.

        Base64, percent-encoded and JSON-escaped forms count too. The places are named, never the values.

        Args:
            values: What to look for. Default: :attr:`secrets`. Values of less than six characters are not looked for.
        """
        wanted = {form for value in values or self.secrets if len(value) >= _SHORTEST_SECRET for form in _forms(value)}
        return tuple(place for place, text in self._open_texts() if any(form in text for form in wanted))

    def plan(self) -> str:
        """Return the graph as text to review: each resource with its inputs, options and dependencies."""
        return plan_text(self)

    def _open_texts(self) -> Iterator[tuple[str, str]]:
        for resource in self.resources:
            yield f"{resource}: name", resource.urn
            yield f"{resource}: id", resource.id
            yield f"{resource}: options", repr(resource.options)
            yield from _open(f"{resource}: inputs", resource.inputs, resource.secret_paths)
            yield from _open(f"{resource}: outputs", resource.outputs, resource.secret_outputs)
        yield from _open("exports", self.exports, self.secret_exports)
        yield from ((f"log: {log.severity} {number}", log.message) for number, log in enumerate(self.logs))

    def _resource(self, given: Resource | str) -> Resource:
        return given if isinstance(given, Resource) else self[given]


def build_graph(
    recorded: Iterable[Resource],
    *,
    project: str,
    stack: str,
    preview: bool,
    logs: Iterable[Log],
    config_secrets: Iterable[str],
) -> Graph:
    """Put recorded resources together: the stack's outputs are the exports, dependencies are followed to their end."""
    everything = {resource.urn: resource for resource in recorded}
    root = next((resource for resource in everything.values() if resource.type == STACK_TYPE), None)
    direct = {
        urn: resource.dependencies.union(*resource.property_dependencies.values()) - {urn}
        for urn, resource in everything.items()
    }
    closures: dict[str, frozenset[str]] = {}
    return Graph(
        project=project,
        stack=stack,
        preview=preview,
        resources=tuple(
            replace(resource, dependencies=frozenset(direct[urn]), waits_for=_closure(urn, direct, closures))
            for urn, resource in everything.items()
            if resource is not root
        ),
        exports=root.outputs if root else {},
        secret_exports=root.secret_outputs if root else frozenset(),
        logs=tuple(logs),
        config_secrets=frozenset(config_secrets),
    )


def _closure(urn: str, direct: Mapping[str, frozenset[str]], known: dict[str, frozenset[str]]) -> frozenset[str]:
    """Follow dependencies to their end. Recursion is as deep as the graph, and a cycle can't be registered."""
    if urn not in known:
        near = direct.get(urn, frozenset())
        known[urn] = near.union(*(_closure(other, direct, known) for other in near))
    return known[urn]


def _is(resource: Resource, type_: str) -> bool:
    return resource.type == type_ or resource.type.rpartition(":")[2] == type_


def _open(place: str, values: Mapping[str, Any], secrets: frozenset[str]) -> Iterator[tuple[str, str]]:
    for path, value in leaves(values):
        if not covered(path, secrets):
            yield f"{place}.{path}", str(value)


def _forms(value: str) -> tuple[str, ...]:
    encoded = base64.b64encode(value.encode()).decode()
    return value, encoded.rstrip("="), quote(value, safe=""), json.dumps(value)[1:-1]
