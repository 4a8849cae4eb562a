"""Where the stacks' state is kept: the user's own Pulumi backend if there is one, else files below ``.state/``.

Both engines ask here, so that they work on the same files. Not here: reading or writing state.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

STATE_FOLDER: Final = ".state"
"""Folder of the project for everything that is not committed."""
_FILE: Final = "file://"


@dataclass(frozen=True)
class Backend:
    """A place of state."""

    url: str
    """As Pulumi takes it: ``file:///srv/app/.state``, ``https://api.pulumi.com``, ``s3://…``."""
    source: str
    """Why this one, in words for the user."""

    @property
    def folder(self) -> Path | None:
        """The folder that holds ``.pulumi/``, or ``None`` if the state is not in files of this machine."""
        if not self.url.startswith(_FILE):
            return None
        path = self.url.removeprefix(_FILE)
        return Path(path or "~").expanduser().resolve()


def find_backend(root: Path, environ: Mapping[str, str]) -> Backend:
    """Return the backend by Pulumi's own order: environment, project file, login; else the project's ``.state/``."""
    if url := environ.get("PULUMI_BACKEND_URL"):
        return Backend(url, "PULUMI_BACKEND_URL")
    if url := _project_backend(root / "Pulumi.yaml"):
        return Backend(url, "backend in Pulumi.yaml")
    credentials = _credentials_file(environ)
    if url := _logged_in(credentials):
        return Backend(url, f"pulumi login ({credentials})")
    return Backend(f"{_FILE}{(root / STATE_FOLDER).resolve()}", "the project's .state/")


def pulumi_home(environ: Mapping[str, str]) -> Path:
    """Return the folder in which Pulumi keeps plugins and logins."""
    return Path(environ.get("PULUMI_HOME") or Path(environ.get("HOME") or "~").expanduser() / ".pulumi")


def _credentials_file(environ: Mapping[str, str]) -> Path:
    folder = environ.get("PULUMI_CREDENTIALS_PATH")
    return (Path(folder) if folder else pulumi_home(environ)) / "credentials.json"


def _logged_in(file: Path) -> str:
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    current = content.get("current") if isinstance(content, dict) else None
    return current if isinstance(current, str) else ""


def _project_backend(file: Path) -> str:
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return ""  # whoever loads the project says what is wrong with it
    backend = content.get("backend") if isinstance(content, dict) else None
    url = backend.get("url") if isinstance(backend, dict) else None
    return url if isinstance(url, str) else ""
