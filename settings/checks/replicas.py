"""Replicas and what can exist only once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settings.problems import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description


def fixed_names_have_no_replicas(description: Description) -> Iterator[Finding]:
    """Docker has one container of a name."""
    for path, workload, _ in description.workloads():
        if workload.container_name is not None and workload.replicas > 1:
            yield Finding(
                (*path, "container_name"),
                f"{workload.replicas} replicas can't all be called '{workload.container_name}'",
                fix="remove container_name (others reach it by its name on the network), or set replicas: 1",
            )


def published_ports_have_no_replicas(description: Description) -> Iterator[Finding]:
    """A port of the host leads to one container."""
    for path, workload, _ in description.workloads():
        if workload.publish and workload.replicas > 1:
            yield Finding(
                (*path, "publish"),
                f"a port of the host can't lead to {workload.replicas} replicas",
                fix="let the gateway lead to it (gateway.routes), or set replicas: 1",
            )


CHECKS: Final = (fixed_names_have_no_replicas, published_ports_have_no_replicas)
