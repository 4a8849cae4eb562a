"""Checks of the machine: Python, Docker, disk, memory, Pulumi, images."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from operate.capacity import TooSmall, check_capacity
from operate.checks import Check, fail, ok, warn
from operate.docker_host import Machine, is_local
from operate.gpu_check import FIX, has_gpus, wanted_gpus
from operate.platform_view import catalogue_roles, limits_mib
from settings.units import format_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operate.images import MissingImage
    from operate.pulumi_install import PulumiInstall
    from settings import Loaded

INSTALLATION: Final = Path(__file__).resolve().parent.parent
"""The folder that this program runs from, with its .venv; a project may lie elsewhere."""
_OLDEST_DOCKER: Final = (20, 10)
_GIB: Final = 1024**3
_DISK_NEEDED: Final = 2 * _GIB
_DISK_WANTED: Final = 10 * _GIB
_STAMP: Final = Path(".venv/.slipway-stamp")


def check_python(installation: Path = INSTALLATION) -> Check:
    """Whether .venv has the pinned packages."""
    version = ".".join(str(number) for number in sys.version_info[:3])
    fix = "scripts/bootstrap"
    try:
        stamp = (installation / _STAMP).read_text(encoding="utf-8").split()
    except OSError:
        return warn("python", f"{version}; .venv was not made by scripts/bootstrap, so its packages are unknown", fix)
    digest = hashlib.sha256((installation / "requirements.txt").read_bytes()).hexdigest()
    if stamp[:1] != [digest]:
        return fail("python", f"{version}; .venv is older than requirements.txt", fix)
    return ok("python", f"{version}, .venv is fresh")


def check_docker(machine: Machine, host: str) -> Check:
    """Whether the daemon is new enough."""
    parts = machine.version.split(".")
    known = tuple(int(part) for part in parts[:2] if part.isdigit())
    text = f"{machine.version} at {host}, {machine.cpus} CPUs, {format_memory(machine.memory_mib)}"
    if known < _OLDEST_DOCKER:
        return fail("docker", f"{text}: older than 20.10", "install a newer Docker Engine")
    return ok("docker", text)


def check_disk(machine: Machine, host: str) -> Check | None:
    """Whether there is room where Docker keeps images and volumes; ``None`` if that can't be seen from here."""
    folder = Path(machine.root or "/")
    if not is_local(host) or not folder.exists():
        return None
    free = shutil.disk_usage(folder).free
    text = f"{free / _GIB:.1f} GiB free at {folder}"
    fix = "docker system df shows what takes room; docker image prune frees some"
    if free < _DISK_NEEDED:
        return fail("disk", text, fix)
    return warn("disk", text, fix) if free < _DISK_WANTED else ok("disk", text)


def check_memory(loaded: Loaded, machine: Machine) -> Check:
    """Whether the platform's limits fit the machine."""
    total = limits_mib(loaded.platform)
    fix = "lower memory or replicas under slipway:overrides of this stack"
    try:
        warnings = check_capacity(loaded.platform, machine)
    except TooSmall as error:
        head, _, its_fix = str(error).partition("\n  fix: ")
        return fail("capacity", head, its_fix)
    if warnings:
        return warn("capacity", warnings[0], fix)
    return ok("capacity", f"limits of {format_memory(total)} fit into {format_memory(machine.memory_mib)}")


def check_gpus(loaded: Loaded, machine: Machine, host: str) -> Check | None:
    """Whether Docker has the GPUs that are asked for; ``None`` where none are."""
    wanted = wanted_gpus(loaded.platform)
    if not wanted:
        return None
    text = "; ".join(f"{path}: {gpus}" for path, gpus in wanted.items())
    if has_gpus(machine, local=is_local(host)):
        return ok("gpus", f"{text}; Docker has NVIDIA's runtime")
    return fail("gpus", f"{text}; Docker's machine has none to give", f"{FIX}, or write gpus: none")


def check_pulumi(install: PulumiInstall) -> Check:
    """Whether the Pulumi CLI can be the engine."""
    if install.usable:
        return ok("pulumi", f"{install.executable}, with the plugins that the program needs")
    return warn("pulumi", f"{install.lack}: the embedded engine does the work", "make pulumi")


def check_images(loaded: Loaded, missing: Sequence[MissingImage]) -> Check:
    """Whether the platform's images are here or can be made."""
    family = loaded.platform.images.family
    roles = catalogue_roles(loaded)
    if not missing:
        return ok("images", f"family {family}: all {len(roles)} are here")
    names = ", ".join(image.name for image in missing)
    to_build = [image for image in missing if image.remedy == "build"]
    if to_build and shutil.which("mmdebstrap") is None:
        return warn(
            "images",
            f"family {family}: not here: {names}; mmdebstrap is not installed, so a registry is needed",
            "scripts/bootstrap, or apt-get install mmdebstrap",
        )
    fix = "slipway up does it; or slipway images build" if to_build else "slipway up pulls them"
    return warn("images", f"family {family}: not here yet: {names}", fix)
