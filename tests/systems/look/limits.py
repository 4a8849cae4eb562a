"""Limits of memory, CPU, logs and folders in memory."""

from __future__ import annotations

from typing import Final

from tests.systems.look.view import Check, View

_NANO: Final = 1_000_000_000


def memory(part: str, mib: int) -> Check:
    """Its memory limit, swap included."""

    def look(view: View) -> None:
        inputs = view.container(part).inputs
        assert (inputs["memory"], inputs["memorySwap"]) == (mib, mib)

    return look


def limit(part: str, cpus: float, mib: int, replicas: int) -> Check:
    """CPU limit, memory limit and number of containers."""

    def look(view: View) -> None:
        found = view.replicas(part)
        assert len(found) == replicas
        for container in found:
            assert int(float(container.inputs["cpus"]) * _NANO) == int(cpus * _NANO)
            assert container.inputs["memory"] == mib

    return look


def all_limited() -> Check:
    """Everything that runs has a memory and a CPU limit."""

    def look(view: View) -> None:
        assert view.parts(), "nothing is there"
        for part in view.parts():
            for container in view.replicas(part):
                assert container.inputs["memory"] > 0
                assert float(container.inputs["cpus"]) > 0

    return look


def total_memory(least: int, most: int) -> Check:
    """What the memory limits of all that runs add up to, in MiB."""

    def look(view: View) -> None:
        total = sum(item.inputs["memory"] for part in view.parts() for item in view.replicas(part))
        assert least <= total <= most, total

    return look


def rotated(part: str, size: str, files: int) -> Check:
    """Its log is Docker's json-file, rotated at a size."""

    def look(view: View) -> None:
        inputs = view.container(part).inputs
        assert inputs["logDriver"] == "json-file"
        assert inputs["logOpts"] == {"max-size": size, "max-file": str(files)}

    return look


def tmpfs(part: str, path: str, mib: int) -> Check:
    """A memory folder of a size, on a read-only root."""

    def look(view: View) -> None:
        inputs = view.container(part).inputs
        assert f"size={mib}m" in inputs["tmpfs"][path]

    return look
