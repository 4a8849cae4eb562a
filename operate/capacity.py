"""Whether the machine is big enough for the platform, before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operate.errors import OperateError
from operate.platform_view import biggest_cpus, limits_mib
from settings.units import format_memory

if TYPE_CHECKING:
    from operate.docker_host import Machine
    from settings import Platform


class TooSmall(OperateError):  # noqa: N818 - named as what it reports
    """Docker would refuse a container on this machine."""


def check_capacity(platform: Platform, machine: Machine) -> list[str]:
    """Return warnings on what the machine may not bear.

    Raises:
        TooSmall: A part may use more CPUs than there are, which Docker refuses.
    """
    part, cpus = biggest_cpus(platform)
    if machine.cpus and cpus > machine.cpus:
        raise TooSmall(
            f"{part}: cpus is {cpus:g}, and Docker's machine has {machine.cpus}\n"
            f"  fix: lower {part}'s cpus, for instance under slipway:overrides of this stack"
        )
    total = limits_mib(platform)
    if machine.memory_mib and total > machine.memory_mib:
        there = format_memory(machine.memory_mib)
        return [f"the memory limits add up to {format_memory(total)}, Docker's machine has {there}: it may run out"]
    return []
