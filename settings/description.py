"""What the checks look at: a platform at each stage, and what its stack says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from settings.monitoring import SERVERS
from settings.parts import ROUTE_SECTIONS, workloads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from settings.catalogue import Catalogue
    from settings.model import Network, Platform, Route, Workload
    from settings.paths import Path
    from settings.source import StackSource
    from settings.tree import Node
    from settings.versions import Versions


@dataclass(frozen=True)
class Description:
    """A description on its way to a platform."""

    everything: Platform
    """As written, with the parts of inactive profiles."""
    declared: Platform
    """As written, without them."""
    platform: Platform
    """The same with every default filled in."""
    catalogue: Catalogue
    """The images that Slipway knows."""
    source: StackSource
    """What the stack says."""
    environment: str | None
    """The environment that applies."""
    stack_config: Node | None
    """The stack's file, if there is one."""
    versions: Mapping[str, Versions] = field(default_factory=dict)
    """Versions of services with a strategy that lets two of them run."""
    profile_layers: frozenset[str] = frozenset()
    """Profiles that have a layer of the blueprint."""

    def workloads(self) -> Iterator[tuple[Path, Workload, Workload]]:
        """Yield path, declaration and resolved form of every active workload."""
        for section, name, declared in workloads(self.declared):
            yield (section, name), declared, getattr(self.platform, section)[name]

    def routes(self) -> Iterator[tuple[Path, Route]]:
        """Yield the routes that apply, each with the path at which it was written."""
        if self.everything.gateway is None or self.declared.gateway is None:
            return
        for index, route in enumerate(self.everything.gateway.routes):
            if not route.services or not all(map(self._leads_nowhere_now, route.services)):
                yield ("gateway", "routes", index), route

    def route_targets(self) -> Iterator[tuple[Path, str]]:
        """Yield every part that a route leads to or asks, with the path at which it is named; versions too."""
        for path, route in self.routes():
            for name in route.services:
                if len(route.services) == 1 or not self._leads_nowhere_now(name):
                    place = (*path, "to", *([name] if len(route.services) > 1 else []))
                    yield from ((place, version) for version in self._versions_of(name))
            if route.auth is not None:
                yield from (((*path, "auth", "to"), version) for version in self._versions_of(route.auth.to))

    def _versions_of(self, name: str) -> Iterator[str]:
        yield name
        versions = self.versions.get(name)
        if versions is not None and versions.has_other:
            yield versions.other

    def open_networks(self) -> frozenset[str]:
        """Return the networks with a way out to the internet."""
        return frozenset(name for name, network in self.platform.networks.items() if not network.internal)

    def network(self, name: str) -> Network | None:
        """Return a network, or ``None`` if none of that name is declared."""
        return self.platform.networks.get(name)

    def _leads_nowhere_now(self, name: str) -> bool:
        if name in SERVERS and name not in self.everything.services:
            return self.everything.monitoring is not None and self.declared.monitoring is None
        return any(self.is_switched_off(section, name) for section in ROUTE_SECTIONS)

    def is_switched_off(self, section: str, name: str) -> bool:
        """Whether a part exists, but in no profile that is switched on."""
        return name in getattr(self.everything, section) and name not in getattr(self.declared, section)
