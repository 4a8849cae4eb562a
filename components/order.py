"""The order in which a platform's parts are registered: each after what it needs."""

from __future__ import annotations

from graphlib import TopologicalSorter

from settings.model import Platform
from settings.parts import stores


def in_order_of_need(platform: Platform) -> list[str]:
    """Return the names of stores, jobs, workers and services, each after those in its ``needs``.

    A cycle can't be here: the description was checked.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for _, name, _ in stores(platform):
        sorter.add(name)
    for workloads in (platform.jobs, platform.services, platform.workers):
        for name, workload in workloads.items():
            sorter.add(name, *workload.needs)
    return list(sorter.static_order())
