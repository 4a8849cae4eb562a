"""One system in one environment, as it is rendered, and where its parts stand in the graph."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from testing import Graph, Resource, render_stack

ROOT: Final = Path(__file__).resolve().parents[3]
ENVIRONMENTS: Final = ("dev", "prod")
_SUFFIXES: Final = ("-0", "-server", "-run", "-blue-0")


@functools.cache
def graph_of(system: str, environment: str, profiles: tuple[str, ...] = ()) -> Graph:
    """Return the graph of a system, rendered once."""
    config: dict[str, Any] = {
        "blueprint": system,
        "environment": environment,
        "profiles": list(profiles),
        "overrides": {"images": {"family": "official"}},  # or it would be what this machine found out
    }
    return render_stack(environment, root=ROOT, config=config)


@dataclass(frozen=True)
class View:
    """One system in one environment."""

    system: str
    environment: str
    graph: Graph
    profiles: tuple[str, ...] = ()

    def having(self, *profiles: str) -> View:
        """Return the same with profiles switched on."""
        return View(self.system, self.environment, graph_of(self.system, self.environment, profiles), profiles)

    def container(self, part: str) -> Resource:
        """Return the first container of a part."""
        for suffix in _SUFFIXES:
            if f"{part}{suffix}" in self.graph:
                return self.graph.find(f"{part}{suffix}", "Container")
        raise LookupError(f"{self.system} has no part '{part}' in {self.environment}")

    def carriers(self, part: str, what: str) -> list[Resource]:
        """Return the containers that carry a part's ``files`` or ``secrets``; of a service with two sets, the first's."""
        component = self.container(part).name.rpartition("-")[0]
        return [item for item in self.graph.of_type("Container") if item.name.startswith(f"{component}-{what}")]

    def parts(self) -> set[str]:
        """Return the names of everything that runs all the time."""
        serving = ("replica", "server")
        found = [item.labels() for item in self.graph.of_type("Container")]
        return {labels["slipway.part"] for labels in found if labels.get("slipway.role") in serving}

    def replicas(self, part: str) -> list[Resource]:
        """Return every container of a part that serves."""
        found = [
            item
            for item in self.graph.of_type("Container")
            if item.labels().get("slipway.part") == part and item.labels().get("slipway.role") in {"replica", "server"}
        ]
        if not found:
            raise LookupError(f"{self.system} has no part '{part}' in {self.environment}")
        return found

    def image(self, part: str) -> Resource:
        """Return the image that a part's container is made of."""
        urns = self.container(part).property_dependencies["image"]
        return next(item for item in self.graph if item.urn in urns)

    def networks(self, part: str) -> set[str]:
        """Return the networks of a part by the names that the description gives them."""
        joined = {item["name"] for item in self.container(part).inputs.get("networksAdvanced") or ()}
        known = {item.id: item.name.removesuffix("-network") for item in self.graph.of_type("Network") if item.custom}
        return {known[item] for item in joined}

    @property
    def nginx(self) -> str:
        """Text of the gateway's nginx.conf."""
        return str(self.graph.find("gateway", "Gateway").outputs["config"])

    def location(self, path: str, host: str | None = None) -> str:
        """Return the block of a path in nginx.conf."""
        for block in self.nginx.split("\n  server {"):
            if host is not None and f"server_name {host};" not in block:
                continue
            for start in (f"location {path} {{", f"location = {path} {{"):
                found = block.partition(start)[2].partition("\n    }")[0]
                if "proxy_pass" in found or "default_type" in found:
                    return found
        raise LookupError(f"nginx.conf has no location {path}")


Check = Callable[[View], None]
"""Fails where what it is about is not so."""
