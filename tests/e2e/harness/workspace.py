"""A copy of the project in a temporary folder, with one stack: what a user would have after ``git clone``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from tests.e2e.harness.checkpoint import Checkpoint
from tests.e2e.harness.run import Run, Running

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.e2e.harness.blueprints import Blueprint

REPOSITORY: Final = Path(__file__).resolve().parents[3]
PROJECT: Final = "slipway"
PASSPHRASE: Final = "e2e-passphrase-of-no-worth"
_LEFT_OUT: Final = (".*", "__pycache__", "artifacts", "tests", "docs", "node_modules", "benchmarks")
_FOREIGN: Final = ("PULUMI_", "SLIPWAY_")
"""Variables that would make the outcome depend on who runs the tests."""


class Workspace:
    """A project's folder and one stack in it.

    Args:
        root: A folder that does not exist yet.
        stack: The stack's name.
        blueprint: Its platform, or the name of one of the project's own.
        environment: The blueprint's environment, if it has any.
        family: The family of images; ``debian`` is built on this machine and needs no registry.
    """

    def __init__(
        self,
        root: Path,
        stack: str,
        blueprint: Blueprint | str,
        *,
        environment: str | None = None,
        family: str = "debian",
    ) -> None:
        self.root = root
        self.stack = stack
        self.runs: list[Run] = []
        shutil.copytree(REPOSITORY, root, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        (root / ".venv").symlink_to(REPOSITORY / ".venv")
        self.state.mkdir()
        self._dump(self.state / "machine.yaml", {"images": {"family": family}})
        self.passphrase_file.write_text(PASSPHRASE + "\n", encoding="utf-8")
        self.passphrase_file.chmod(0o600)
        config = {"slipway:blueprint": blueprint if isinstance(blueprint, str) else "e2e"}
        if environment:
            config["slipway:environment"] = environment
        self._dump(self.settings_file, {"config": config})
        if not isinstance(blueprint, str):
            self.write(blueprint)

    @property
    def state(self) -> Path:
        """The folder of the file backend."""
        return self.root / ".state"

    @property
    def passphrase_file(self) -> Path:
        """The file that holds the stack's passphrase."""
        return self.state / "passphrase"

    @property
    def settings_file(self) -> Path:
        """The stack's ``Pulumi.<stack>.yaml``."""
        return self.root / f"Pulumi.{self.stack}.yaml"

    @property
    def state_file(self) -> Path:
        """The stack's checkpoint."""
        return self.state / ".pulumi" / "stacks" / PROJECT / f"{self.stack}.json"

    @property
    def locks(self) -> list[Path]:
        """The locks that somebody holds."""
        folder = self.state / ".pulumi" / "locks" / "organization" / PROJECT / self.stack
        return sorted(path for path in folder.glob("*.json")) if folder.is_dir() else []

    def write(self, blueprint: Blueprint) -> None:
        """Write the stack's blueprint."""
        self._dump(self.root / "blueprints" / "e2e.yaml", blueprint)

    def read(self, blueprint: str) -> Blueprint:
        """Return one of the project's blueprints."""
        content: Blueprint = yaml.safe_load(
            (self.root / "blueprints" / f"{blueprint}.yaml").read_text(encoding="utf-8")
        )
        return content

    def checkpoint(self) -> Checkpoint:
        """Return what the engine believes."""
        return Checkpoint.read(self.state, PROJECT, self.stack)

    def environ(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of the stack's commands: this process's, without what is the tester's own."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
        # No login of the tester's may lead to another backend.
        return {**kept, "PULUMI_CREDENTIALS_PATH": str(self.state), "NO_COLOR": "1", **(extra or {})}

    def start(self, *command: str, env: Mapping[str, str] | None = None) -> Running:
        """Start a command in the project's folder."""
        return Running(command, self.root, self.environ(env), self.runs.append)

    def run(self, *command: str, env: Mapping[str, str] | None = None) -> Run:
        """Run a command in the project's folder to its end."""
        return self.start(*command, env=env).wait()

    @staticmethod
    def _dump(file: Path, content: Any) -> None:
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
