"""A release strategy can be carried out: a gateway shares out requests, and two versions can stand together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settings.model import RouteVersion, Strategy
from settings.problems import Finding, listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description
    from settings.model import Service
    from settings.paths import Path

_ROLLING: Final = "release: rolling"


def strategies_have_a_route(description: Description) -> Iterator[Finding]:
    """Requests are shared out, and switched over, by the gateway."""
    routed = {
        name for _, route in description.routes() for name in route.services if route.version is RouteVersion.SERVING
    }
    for path, service in _with_two_versions(description):
        if path[1] not in routed:
            yield Finding(
                (*path, "release"),
                f"{service.release.strategy} needs a route: it is the gateway that leads requests to one version or the"
                " other",
                allowed=f"{_ROLLING} for a service that the gateway does not lead to",
                fix=f"add to gateway.routes: {{path: /, to: {path[1]}}}",
                about=(("gateway",),),
            )


def strategies_say_what_is_theirs(description: Description) -> Iterator[Finding]:
    """What another strategy would need has no effect."""
    own = {
        Strategy.ROLLING: frozenset[str](),
        Strategy.CANARY: frozenset({"weight", "weights", "replicas"}),
        Strategy.BLUE_GREEN: frozenset({"switch"}),
    }
    for path, service in _services(description):
        release = service.release
        for key in sorted(release.model_fields_set - {"strategy"} - own[release.strategy]):
            of = next(strategy for strategy, keys in own.items() if key in keys)
            yield Finding(
                (*path, "release", key),
                f"has no effect: it belongs to strategy: {of}",
                allowed=listing(own[release.strategy], "strategy alone"),
                fix=f"remove {key}, or say strategy: {of}",
            )


def weights_go_up(description: Description) -> Iterator[Finding]:
    """A canary's shares grow."""
    for path, service in _services(description):
        release = service.release
        if release.weights and release.weight is not None:
            yield Finding((*path, "release", "weight"), "both weight and weights are given", fix="remove one of them")
        if any(later <= earlier for earlier, later in zip(release.weights, release.weights[1:], strict=False)):
            yield Finding(
                (*path, "release", "weights"),
                "each share must be larger than the one before it",
                fix="put them in order",
            )


def two_versions_can_stand_together(description: Description) -> Iterator[Finding]:
    """What can exist only once, or is one and the same for both versions, leaves no place for a second one."""
    for path, service in _with_two_versions(description):
        strategy = service.release.strategy
        for key, why in _in_the_way(service):
            yield Finding(
                (*path, key),
                f"can't be together with strategy: {strategy}: {why}",
                allowed=f"{_ROLLING} for a service with {key}",
                fix=f"remove {key}, or say {_ROLLING}",
            )
        if service.build is not None and service.build.tag is None:
            yield Finding(
                (*path, "build"),
                f"needs a tag with strategy: {strategy}: the version before can't be built again from sources that have"
                " changed, so its image is kept by its tag",
                allowed="another tag for each version",
                fix='add to build: tag: "1"',
            )


def other_routes_lead_to_two_versions(description: Description) -> Iterator[Finding]:
    """``version: other`` means something only where a service has another version."""
    known = [str(path[1]) for path, _ in _with_two_versions(description)]
    for path, route in description.routes():
        if route.version is RouteVersion.SERVING:
            continue
        for name in route.services:
            if name in description.declared.services and name not in known:
                yield Finding(
                    (*path, "version"),
                    f"services.{name} has one version at a time",
                    allowed=f"services with release: canary or blue_green: {listing(known)}",
                    fix=f"remove version, or add to services.{name}: release: canary",
                    about=(("services", name),),
                )
        if len(route.services) > 1:
            yield Finding(
                (*path, "version"),
                "leads to the other version of one service",
                fix="name one service in to, or remove version",
            )


def _in_the_way(service: Service) -> Iterator[tuple[str, str]]:
    if service.container_name is not None:
        yield "container_name", "two versions can't have one name"
    if service.publish:
        yield "publish", "a port of the host leads to one version"
    if service.host_network:
        yield "host_network", "two versions can't listen on one port of the host"
    if any(not mount.read_only for mount in service.volumes):
        yield "volumes", "both versions would write one volume"
    if service.aliases and service.release.strategy is Strategy.BLUE_GREEN:
        yield "aliases", "they would lead to both sets; ${services.NAME.url} leads to the one that serves"


def _services(description: Description) -> Iterator[tuple[Path, Service]]:
    others = {versions.other for versions in description.versions.values()}
    for name, service in description.declared.services.items():
        if name not in others:
            yield ("services", name), service


def _with_two_versions(description: Description) -> Iterator[tuple[Path, Service]]:
    for path, service in _services(description):
        if service.release.strategy is not Strategy.ROLLING:
            yield path, service


CHECKS: Final = (
    strategies_have_a_route,
    strategies_say_what_is_theirs,
    weights_go_up,
    two_versions_can_stand_together,
    other_routes_lead_to_two_versions,
)
