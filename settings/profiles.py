"""Profiles: parts that exist only in stacks which switch them on (``slipway:profiles``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from settings.parts import ROUTE_SECTIONS, STORE_SECTIONS, WORKLOAD_SECTIONS, stores, workloads
from settings.problems import Finding, listing, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from settings.model import Platform, Route


def known_profiles(platform: Platform) -> frozenset[str]:
    """Return every profile that some part names."""
    named: set[str] = set()
    for _, _, store in stores(platform):
        named.update(store.profiles)
    for _, _, workload in workloads(platform):
        named.update(workload.profiles)
    return frozenset(named)


def unknown_profiles(platform: Platform, active: Sequence[str], layers: Collection[str] = ()) -> list[Finding]:
    """Refuse profiles that no part names and that have no layer: most likely they are misspelt."""
    known = known_profiles(platform) | set(layers)
    return [
        Finding(
            ("slipway:profiles", index),
            f"no part belongs to profile '{name}'",
            allowed=listing(known, "no part names a profile"),
            nearest=nearest(name, known),
        )
        for index, name in enumerate(active)
        if name not in known
    ]


def apply_profiles(platform: Platform, active: Sequence[str]) -> Platform:
    """Return the platform without the parts that are switched off, and without the routes that lead to them."""
    on = set(active)

    def keep(profiles: Sequence[str]) -> bool:
        return not profiles or not on.isdisjoint(profiles)

    gateway = platform.gateway
    if gateway is not None:
        targets = [item for section in ROUTE_SECTIONS for item in getattr(platform, section).items()]
        off = {name for name, target in targets if not keep(target.profiles)}
        routes = [_without(route, off) for route in gateway.routes if not route.services or set(route.services) - off]
        tcp = {name: port for name, port in gateway.tcp.items() if _is_on(platform, name, keep)}
        gateway = gateway.model_copy(update={"routes": routes, "tcp": tcp})
    return platform.model_copy(
        update={
            section: {name: part for name, part in getattr(platform, section).items() if keep(part.profiles)}
            for section in (*STORE_SECTIONS, *WORKLOAD_SECTIONS)
        }
        | {"gateway": gateway}
    )


def _without(route: Route, off: Collection[str]) -> Route:
    targets = {name: weight for name, weight in route.targets.items() if name not in off}
    return route if targets == route.targets else route.model_copy(update={"targets": targets})


def _is_on(platform: Platform, name: str, keep: Callable[[Sequence[str]], bool]) -> bool:
    return all(keep(store.profiles) for _, key, store in stores(platform) if key == name)
