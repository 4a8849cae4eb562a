"""Which versions of a service run side by side, and who of them gets the requests: what the stack's notes say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from settings.versions import digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from settings import Loaded


@dataclass(frozen=True)
class RunningVersion:
    """One of a service's two versions."""

    service: str
    """The service."""
    strategy: str
    """``canary`` or ``blue_green``."""
    name: str
    """How it is called on the networks, and in logs: ``api-canary``."""
    version: str
    """A short name of what the description said of it: two that are equal say the same."""
    image: str
    """The image that it names."""
    percent: int
    """Its share of the service's requests."""
    described: bool
    """Whether it is what the description says now."""


def running_versions(loaded: Loaded) -> tuple[RunningVersion, ...]:
    """Return the versions of each service of which two run, the one that serves first."""
    found: list[RunningVersion] = []
    for versions in loaded.versions.values():
        if versions.other_version is None:
            continue
        sides: tuple[tuple[str, Mapping[str, Any], int], ...] = (
            (versions.service, versions.entry.serving, 100 - versions.weight),
            (versions.other, versions.other_version, versions.weight),
        )
        found += [
            RunningVersion(
                service=versions.service,
                strategy=versions.release.strategy.value,
                name=versions.hosts[key],
                version=digest(version),
                image=str(version.get("image", "")),
                percent=percent,
                described=version == versions.described,
            )
            for key, version, percent in sides
        ]
    return tuple(found)
