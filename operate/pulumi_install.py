"""Whether the Pulumi CLI and the plugins that the program needs are installed here, without running it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from operate.backend import pulumi_home

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGES: Final = {"docker": "pulumi-docker", "random": "pulumi-random"}
"""Plugins that the program needs, each with the Python package that decides its version."""


@dataclass(frozen=True)
class PulumiInstall:
    """What of Pulumi is on this machine."""

    executable: str | None
    """The CLI's path, or ``None``."""
    on_path: bool
    """Whether ``pulumi`` alone finds it."""
    missing_plugins: tuple[str, ...]
    """Plugins that are not installed, such as ``docker 5.2.0``."""

    @property
    def usable(self) -> bool:
        """Whether the CLI can run the program without downloading anything."""
        return self.executable is not None and not self.missing_plugins

    @property
    def lack(self) -> str:
        """What is missing, in words; empty if nothing is."""
        if self.executable is None:
            return "no pulumi on PATH"
        if self.missing_plugins:
            return f"pulumi has no plugin {', '.join(self.missing_plugins)}"
        return ""


def find_pulumi(environ: Mapping[str, str]) -> PulumiInstall:
    """Look for the CLI on PATH and where its installer puts it, and for the plugins of the program's own versions."""
    path = environ.get("PATH", os.defpath)
    on_path = shutil.which("pulumi", path=path)
    executable = on_path or shutil.which(str(pulumi_home(environ) / "bin" / "pulumi"))
    return PulumiInstall(
        executable=executable,
        on_path=on_path is not None,
        missing_plugins=tuple(
            f"{name} {version}" for name, version in plugin_versions().items() if not _installed(name, version, environ)
        ),
    )


def plugin_versions() -> dict[str, str]:
    """Return the version of each plugin that the installed Python packages ask for."""
    return {name: metadata.version(package) for name, package in PACKAGES.items()}


def _installed(name: str, version: str, environ: Mapping[str, str]) -> bool:
    file = f"pulumi-resource-{name}"
    folder = pulumi_home(environ) / "plugins" / f"resource-{name}-v{version}"
    if (folder / file).is_file() and not folder.with_name(f"{folder.name}.partial").exists():
        return True
    # Pulumi also takes a plugin from PATH, whatever its version.
    return shutil.which(file, path=environ.get("PATH", os.defpath)) is not None


def bin_folder(install: PulumiInstall) -> Path | None:
    """Return the folder to put on PATH so that ``pulumi`` is found; ``None`` if it is, or is not installed."""
    return None if install.executable is None or install.on_path else Path(install.executable).parent
