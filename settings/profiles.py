"""Profiles: parts that exist only in stacks which switch them on (``slipway:profiles``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from settings.parts import stores, workloads
from settings.problems import Finding, listing, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from settings.model import Platform


def known_profiles(platform: Platform) -> frozenset[str]:
    """Return every profile that some part names."""
    named: set[str] = set()
    for _, _, store in stores(platform):
        named.update(store.profiles)
    for _, _, workload in workloads(platform):
        named.update(workload.profiles)
    return frozenset(named)


def unknown_profiles(platform: Platform, active: Sequence[str]) -> list[Finding]:
    """Refuse profiles that no part names: most likely they are misspelt."""
    known = known_profiles(platform)
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
        off = {name for name, service in platform.services.items() if not keep(service.profiles)}
        gateway = gateway.model_copy(update={"routes": [route for route in gateway.routes if route.to not in off]})
    return platform.model_copy(
        update={
            section: {name: part for name, part in getattr(platform, section).items() if keep(part.profiles)}
            for section in ("databases", "caches", "services", "workers", "jobs")
        }
        | {"gateway": gateway}
    )
