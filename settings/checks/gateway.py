"""Routes lead to something that can answer, each rule once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settings.model import Service
from settings.monitoring import SERVERS
from settings.parts import ROUTE_SECTIONS, route_target
from settings.paths import dotted
from settings.problems import Finding, listing, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description
    from settings.model import Route
    from settings.paths import Path

_ACTIONS: Final = ("to", "redirect", "answer", "files")
_TARGET: Final = ("gateway", "routes", 0, "to")
"""The form of the path of a route's target."""


def routes_do_one_thing(description: Description) -> Iterator[Finding]:
    """A route leads to services, or answers by itself."""
    for path, route in description.routes():
        given = _actions(route)
        if len(given) != 1:
            yield Finding(
                path,
                f"says {' and '.join(given)}: which one is meant is not clear" if given else "leads to nothing",
                allowed=f"exactly one of {', '.join(_ACTIONS)}",
                fix=f"remove all but one of {', '.join(given)}" if given else "add to: …",
            )


def routes_lead_to_services(description: Description) -> Iterator[Finding]:
    """Each route names a service, model server or vector store that listens and runs."""
    known = [name for section in ROUTE_SECTIONS for name in getattr(description.declared, section)]
    ports = {(*path, "to") for path, route in description.routes() if route.port is not None}
    for path, name in description.route_targets():
        target = route_target(description.declared, name)
        if name in SERVERS and not isinstance(target, Service):
            continue  # settings.checks.monitoring says whether it runs
        if name in description.declared.services:
            yield from _can_answer(path, name, description.declared.services[name], port=path[: len(_TARGET)] in ports)
        if target is not None:
            continue
        other = next((s for s in ("workers", "jobs") if name in getattr(description.declared, s)), None)
        yield Finding(
            path,
            f"there is no service '{name}'" + (f" ({other}.{name} takes no requests)" if other else ""),
            allowed=listing(known),
            nearest=nearest(name, known),
            about=(("services", name),),
        )


def some_weight_is_left(description: Description) -> Iterator[Finding]:
    """A route whose services all have weight 0 leads nowhere."""
    for path, route in description.routes():
        if route.targets and not any(route.targets.values()):
            yield Finding(
                (*path, "to"), "every weight is 0: nobody would answer", fix="give one service a weight above 0"
            )


def routes_are_unique(description: Description) -> Iterator[Finding]:
    """Two equal rules: nginx would take one of them and say nothing."""
    seen: dict[tuple[str | None, str, bool], Path] = {}
    for path, route in description.routes():
        key = (route.host, route.path, route.exact)
        if key in seen:
            what = f"{'exactly ' if route.exact else ''}{route.path}" + (f" of {route.host}" if route.host else "")
            yield Finding(path, f"{what} is already routed by {dotted(seen[key])}", fix="remove one of them")
        seen.setdefault(key, path)


def some_route_is_left(description: Description) -> Iterator[Finding]:
    """A gateway whose every service is switched off has nothing to do."""
    if description.declared.gateway is not None and not description.declared.gateway.routes:
        yield Finding(
            ("gateway", "routes"),
            "each route leads to a service that this stack's profiles switch off",
            fix="switch on a profile in slipway:profiles, or remove the gateway with gateway: null",
            about=(("gateway", "routes"),),
        )


def _actions(route: Route) -> list[str]:
    given = {"to": route.targets, "redirect": route.redirect, "answer": route.answer, "files": route.files}
    return [name for name in _ACTIONS if given[name]]


def _can_answer(path: Path, name: str, service: Service, *, port: bool) -> Iterator[Finding]:
    if service.port is None and not port:
        yield Finding(
            path,
            f"services.{name} says no port",
            fix=f"add to services.{name}: port: …",
            about=(("services", name, "port"),),
        )
    if service.replicas == 0:
        yield Finding(
            path,
            f"services.{name} has replicas: 0: nobody would answer",
            fix=f"remove the route, or set services.{name}.replicas",
        )
    if service.host_network:
        yield Finding(
            path,
            f"services.{name} is on the host's own network, where the gateway does not find it by name",
            fix=f"remove services.{name}.host_network",
        )


CHECKS: Final = (
    routes_do_one_thing,
    routes_lead_to_services,
    some_weight_is_left,
    routes_are_unique,
    some_route_is_left,
)
