"""What monitoring costs on a platform that runs: memory and CPU of each of its containers, by Docker's own figures.

``python -m benchmarks.monitoring STACK [SECONDS]`` reads them twice, SECONDS apart, and prints a table. The stack must
be up, with monitoring; the figures mean something on a machine that does nothing else.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final

import docker

if TYPE_CHECKING:
    from docker.models.containers import Container

SECONDS: Final = 60.0
_NANO: Final = 1_000_000_000
_MIB: Final = 1 << 20
_SERVERS: Final = ("prometheus", "alertmanager", "grafana")


def memory_mib(stats: dict[str, Any]) -> float:
    """Return what a container holds, without pages of files that the kernel may drop: what ``docker stats`` shows."""
    memory = stats["memory_stats"]
    details = memory["stats"]
    return float(memory["usage"] - details.get("inactive_file", details.get("total_inactive_file", 0))) / _MIB


def cpu_s(stats: dict[str, Any]) -> float:
    """Return the seconds of a core that a container has used so far."""
    return float(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / _NANO


def watching(client: docker.DockerClient, stack: str) -> dict[str, Container]:
    """Return the running containers that watch a stack, by their part."""
    found = client.containers.list(filters={"label": f"slipway.stack={stack}"})
    parts = {str(item.labels.get("slipway.part")): item for item in found}
    return {part: item for part, item in parts.items() if part in _SERVERS or part.endswith("-exporter")}


def read(client: docker.DockerClient, container: Container) -> tuple[float, float, float]:
    """Return when a container was asked (in seconds), and its memory and seconds of CPU."""
    stats: Any = client.api.stats(str(container.id), stream=False, one_shot=True)
    return time.monotonic(), memory_mib(stats), cpu_s(stats)


def measure(stack: str, seconds: float) -> str:
    """Return the table of a stack's monitoring over some seconds."""
    client = docker.from_env()
    containers = watching(client, stack)
    if not containers:
        raise SystemExit(f"nothing watches the stack {stack}: add monitoring: {{enabled: true}}, and slipway up")
    before = {part: read(client, item) for part, item in containers.items()}
    time.sleep(seconds)
    rows = []
    for part, item in containers.items():
        (then, _, used), (now, memory, more) = before[part], read(client, item)
        rows.append((memory, (more - used) / (now - then), part))
    rows.sort(reverse=True)
    rows.append((sum(row[0] for row in rows), sum(row[1] for row in rows), "**together**"))
    head = ["| | memory | CPU of one core |", "|---|---|---|"]
    return "\n".join([*head, *(f"| {part} | {memory:.0f} MiB | {cpu:.1%} |" for memory, cpu, part in rows)])


if __name__ == "__main__":
    print(measure(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS))  # noqa: PLR2004
