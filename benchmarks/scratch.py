"""A copy of the project to deploy from, so that a measurement touches neither the checkout nor its state."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".state", "__pycache__", "artifacts", ".*_cache", ".hypothesis", "tests"
)
_LIMIT_S = 600


@dataclass(frozen=True)
class Timed:
    """A command that ran to its end."""

    seconds: float
    output: str


def timed(*command: str, cwd: Path, env: dict[str, str] | None = None) -> Timed:
    """Run a command as a whole process and take its time.

    Raises:
        SystemExit: It failed: a measurement of a failure is none. Its output is printed.
    """
    started = time.perf_counter()
    run = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    seconds = time.perf_counter() - started
    if run.returncode:
        raise SystemExit(
            f"{' '.join(command)} failed with {run.returncode}:\n{run.stdout[-3000:]}\n{run.stderr[-3000:]}"
        )
    return Timed(seconds, run.stdout + run.stderr)


class Scratch:
    """The project in a folder of its own, with one stack."""

    stack = "bench"
    project = "slipway"

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        shutil.copytree(ROOT, self.root, ignore=_LEFT_OUT, symlinks=True)
        (self.root / ".venv").symlink_to(ROOT / ".venv")
        if (ROOT / ".state" / "machine.yaml").exists():
            (self.root / ".state").mkdir()
            shutil.copy(ROOT / ".state" / "machine.yaml", self.root / ".state")
        self.env = {
            "PULUMI_BACKEND_URL": (self.root / ".state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "bench",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
        }
        (self.root / ".state").mkdir(exist_ok=True)

    def configure(self, blueprint: str, overrides: dict[str, Any], environment: str | None = None) -> None:
        """Write the stack's file; the encryption salt that a deployment put there stays."""
        path = self.root / f"Pulumi.{self.stack}.yaml"
        content = yaml.safe_load(path.read_text()) if path.exists() else {}
        config: dict[str, Any] = {"slipway:blueprint": blueprint, "slipway:overrides": overrides}
        if environment:
            config["slipway:environment"] = environment
        path.write_text(yaml.safe_dump({**content, "config": config}))

    def slipway(self, command: str, *options: str, engine: str = "embedded") -> Timed:
        """Run ``slipway COMMAND`` on the stack."""
        options = (*options, "--engine", engine) if command in {"up", "preview", "destroy"} else options
        return timed(str(self.root / "slipway"), command, "--stack", self.stack, *options, cwd=self.root, env=self.env)

    def destroy(self, engine: str = "embedded") -> None:
        """Remove the stack and its data, so that the next deployment starts from nothing."""
        self.slipway("destroy", "--yes", "--volumes", engine=engine)
        shutil.rmtree(self.root / ".state" / ".pulumi", ignore_errors=True)
        (self.root / f"Pulumi.{self.stack}.yaml").unlink(missing_ok=True)
