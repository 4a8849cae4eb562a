"""What a failed scenario leaves behind for whoever looks into it: ``artifacts/e2e/<test>/``."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import docker.errors

from tests.e2e.harness.workspace import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.harness.docker_view import Daemon
    from tests.e2e.harness.workspace import Workspace

FOLDER = REPOSITORY / "artifacts" / "e2e"


def keep(test: str, daemon: Daemon, workspace: Workspace) -> Path:
    """Write down a scenario's commands, containers with their logs, state and blueprint; return the folder."""
    folder = FOLDER / re.sub(r"[^\w.-]+", "-", test).strip("-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "commands.txt").write_text("\n\n".join(map(str, workspace.runs)) + "\n", encoding="utf-8")
    world = daemon.world(workspace.stack)
    (folder / "world.txt").write_text(f"{world}\n", encoding="utf-8")
    (folder / "inspect.json").write_text(json.dumps(daemon.inspect(workspace.stack), indent=1), encoding="utf-8")
    for seen in world.containers:
        try:
            log = daemon.api.logs(seen.id, timestamps=True, tail=200)
        except docker.errors.APIError as error:
            log = str(error).encode()
        (folder / f"{seen.name}.log").write_bytes(log)
    for file in (workspace.state_file, workspace.settings_file, workspace.root / "blueprints" / "e2e.yaml"):
        if file.exists():
            shutil.copy(file, folder)
    return folder
