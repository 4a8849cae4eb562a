"""Memory and CPUs: the platform fits its host, and each part fits itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from settings.model import Job
from settings.parts import parts
from settings.paths import dotted
from settings.problems import Finding
from settings.units import format_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description
    from settings.paths import Path

_BIGGEST_SHOWN: Final = 8


@dataclass(frozen=True)
class _Demand:
    path: Path
    replicas: int
    memory_mib: int
    is_job: bool

    @property
    def total_mib(self) -> int:
        return self.replicas * self.memory_mib


def memory_fits_the_host(description: Description) -> Iterator[Finding]:
    """The limits of all that runs at the same time, and of the biggest job, fit into ``host.memory``."""
    host = description.platform.host.memory_mib
    if host is None:
        return
    demands = [
        _Demand(part.path, getattr(part.spec, "replicas", 1), part.spec.memory_mib, isinstance(part.spec, Job))
        for part in parts(description.platform)
    ]
    lasting = [demand for demand in demands if not demand.is_job]
    jobs = sorted((demand for demand in demands if demand.is_job), key=lambda demand: -demand.total_mib)
    counted = sorted([*lasting, *jobs[:1]], key=lambda demand: -demand.total_mib)
    total = sum(demand.total_mib for demand in counted)
    if total > host:
        yield Finding(
            ("host", "memory"),
            f"the memory limits add up to {format_memory(total)}, {format_memory(total - host)} more than the host's "
            f"{format_memory(host)}:\n{_table(counted)}",
            fix="lower a limit or a number of replicas, or state a bigger host.memory",
            about=tuple((*demand.path, key) for demand in counted for key in ("memory", "replicas")),
        )


def cpus_fit_the_host(description: Description) -> Iterator[Finding]:
    """Docker refuses a container with more CPUs than the host has."""
    host = description.platform.host.cpus
    for part in parts(description.platform):
        if host is not None and part.spec.cpus > host:
            yield Finding(
                (*part.path, "cpus"),
                f"{part.spec.cpus:g} CPUs are more than the host's {host:g}",
                allowed=f"0.1 to {host:g}",
            )


def reservations_are_below_limits(description: Description) -> Iterator[Finding]:
    """Docker refuses a reservation above the limit."""
    for path, workload, _ in description.workloads():
        reserved = workload.memory_reservation_mib
        if reserved is not None and reserved > workload.memory_mib:
            yield Finding(
                (*path, "memory_reservation"),
                f"{format_memory(reserved)} is more than the limit of {format_memory(workload.memory_mib)}",
                allowed=f"at most {format_memory(workload.memory_mib)}",
                about=((*path, "memory"),),
            )


def memory_folders_fit(description: Description) -> Iterator[Finding]:
    """What stands in a tmpfs counts as the container's memory: a full one must not be able to kill it by itself."""
    for path, _, workload in description.workloads():
        for folder, size in workload.tmpfs.items():
            if size > workload.memory_mib:
                yield Finding(
                    (*path, "tmpfs", folder),
                    f"{format_memory(size)} is more than the container's memory, {format_memory(workload.memory_mib)}",
                    fix="lower it, or raise memory",
                    about=((*path, "memory"),),
                )


def cache_data_fits(description: Description) -> Iterator[Finding]:
    """Redis must reach its own limit before the kernel's kills it."""
    for name, cache in description.platform.caches.items():
        if cache.max_memory_mib is not None and cache.max_memory_mib >= cache.memory_mib:
            yield Finding(
                ("caches", name, "max_memory"),
                f"{format_memory(cache.max_memory_mib)} for data leaves nothing of {format_memory(cache.memory_mib)} "
                "for Redis itself, which the kernel would kill",
                allowed=f"less than {format_memory(cache.memory_mib)}; three quarters of it is the default",
                about=(("caches", name, "memory"),),
            )


def _table(demands: list[_Demand]) -> str:
    shown = demands[:_BIGGEST_SHOWN]
    width = max(len(dotted(demand.path)) for demand in shown)
    rows = [
        f"  {dotted(demand.path):<{width}}  {demand.replicas:>3} x {format_memory(demand.memory_mib):>8}"
        f" = {format_memory(demand.total_mib):>8}"
        for demand in shown
    ]
    if rest := demands[_BIGGEST_SHOWN:]:
        total = format_memory(sum(demand.total_mib for demand in rest))
        rows.append(f"  {f'{len(rest)} more':<{width}}  {'':>14} = {total:>8}")
    return "\n".join(rows)


CHECKS: Final = (
    memory_fits_the_host,
    cpus_fit_the_host,
    reservations_are_below_limits,
    memory_folders_fit,
    cache_data_fits,
)
