"""Whether Docker can give containers the GPUs that a platform asks for, before anything is stopped for them.

Nothing runs on the CPU because there was no GPU: a model that takes minutes for a sentence looks like one that hangs.
Plain ``pulumi up`` has no such check: Docker refuses the container (``could not select device driver``).
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from operate.errors import OperateError
from settings.parts import workloads

if TYPE_CHECKING:
    from operate.docker_host import Machine
    from settings import Platform

_HOOK: Final = "nvidia-container-runtime-hook"
"""What a daemon without a runtime of that name looks for at its start."""
FIX: Final = "install the NVIDIA Container Toolkit and restart Docker"


class NoGpus(OperateError):  # noqa: N818 - named as what it reports
    """A part asks for GPUs, and Docker has none to give."""


def wanted_gpus(platform: Platform) -> dict[str, str]:
    """Return what asks for GPUs, by the path of the setting."""
    found = {
        f"{section}.{name}.gpus": workload.gpus for section, name, workload in workloads(platform) if workload.gpus
    }
    for name, server in platform.model_servers.items():
        asked = [gpus for replica in range(server.replicas) if (gpus := server.gpus_of(replica))]
        if asked:
            found[f"model_servers.{name}.gpus"] = ", ".join(dict.fromkeys(asked))
    return found


def has_gpus(machine: Machine, *, local: bool) -> bool:
    """Whether that daemon can give GPUs: it has NVIDIA's runtime, or its hook lies on this machine."""
    return machine.nvidia or (local and shutil.which(_HOOK) is not None)


def check_gpus(platform: Platform, machine: Machine, *, local: bool) -> None:
    """Refuse a platform that asks for GPUs of a Docker that has none.

    Raises:
        NoGpus: Names each setting.
    """
    wanted = wanted_gpus(platform)
    if not wanted or has_gpus(machine, local=local):
        return
    lines = "\n".join(f"  {path}: {gpus}" for path, gpus in wanted.items())
    raise NoGpus(
        f"GPUs are asked for, and Docker's machine has none to give, so nothing was changed:\n{lines}\n"
        f"  fix: {FIX}; or run on the CPU, which has to be said: gpus: none, for instance under slipway:overrides"
    )
