"""How a scenario asks an engine for an operation: the ``slipway`` command with ``--engine``, or plain ``pulumi``."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.e2e.harness.run import Run, Running
    from tests.e2e.harness.workspace import Workspace

EMBEDDED: Final = "embedded"
PULUMI: Final = "pulumi"
ENGINES: Final = (EMBEDDED, PULUMI)
ONE: Final = os.environ.get("SLIPWAY_ONE_ENGINE", EMBEDDED)
"""The engine of scenarios in which all that matters happens after a deployment."""


def lack_of(engine: str) -> str | None:
    """Return why an engine can't be tested here; ``None`` if it can."""
    if engine == PULUMI and shutil.which("pulumi") is None:
        return "pulumi is not on PATH: `make pulumi` installs it where the internet is reachable"
    return None


class Driver(Protocol):
    """One engine, asked in one way."""

    def up(self, *options: str, env: Mapping[str, str] | None = None) -> Run:
        """Deploy."""

    def start_up(self, *options: str) -> Running:
        """Begin to deploy."""

    def preview(self, *options: str) -> Run:
        """Say what a deployment would do."""

    def destroy(self, *options: str) -> Run:
        """Remove the stack."""


class Slipway:
    """The ``slipway`` command on one of its engines."""

    def __init__(self, workspace: Workspace, engine: str) -> None:
        self._workspace = workspace
        self.engine = engine

    def command(self, name: str, *options: str) -> list[str]:
        """Return a command line for the stack."""
        return ["./slipway", name, "--stack", self._workspace.stack, *options]

    def ask(self, name: str, *options: str) -> Run:
        """Run a command that needs no engine, such as ``status``."""
        return self._workspace.run(*self.command(name, *options))

    def up(self, *options: str, env: Mapping[str, str] | None = None) -> Run:
        """Deploy."""
        return self._workspace.run(*self._up(*options), env=env)

    def start_up(self, *options: str) -> Running:
        """Begin to deploy."""
        return self._workspace.start(*self._up(*options))

    def preview(self, *options: str) -> Run:
        """Say what a deployment would do."""
        return self._workspace.run(*self.command("preview", "--engine", self.engine, *options))

    def destroy(self, *options: str) -> Run:
        """Remove the stack; data stay unless ``--volumes`` is given."""
        return self._workspace.run(*self.command("destroy", "--engine", self.engine, "--yes", *options))

    def _up(self, *options: str) -> list[str]:
        return self.command("up", "--engine", self.engine, "--yes", *options)


class PlainPulumi:
    """The Pulumi CLI without Slipway's command, on the project's own state."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._environment = {
            "PULUMI_BACKEND_URL": f"file://{workspace.state}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(workspace.passphrase_file),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def ask(self, *arguments: str) -> Run:
        """Run any command of the CLI for the stack."""
        return self._workspace.run(*self._command(*arguments), env=self._environment)

    def init(self) -> Run:
        """Make the stack."""
        command = ("pulumi", "stack", "init", self._workspace.stack, "--non-interactive")
        return self._workspace.run(*command, env=self._environment)

    def up(self, *options: str, env: Mapping[str, str] | None = None) -> Run:
        """Deploy."""
        command = self._command("up", "--yes", "--skip-preview", *options)
        return self._workspace.run(*command, env={**self._environment, **(env or {})})

    def start_up(self, *options: str) -> Running:
        """Begin to deploy."""
        command = self._command("up", "--yes", "--skip-preview", *options)
        return self._workspace.start(*command, env=self._environment)

    def preview(self, *options: str) -> Run:
        """Say what a deployment would do."""
        return self.ask("preview", *options)

    def destroy(self, *options: str) -> Run:
        """Remove the stack; data stay."""
        return self.ask("destroy", "--yes", "--skip-preview", *options)

    def _command(self, *arguments: str) -> tuple[str, ...]:
        return ("pulumi", *arguments, "--stack", self._workspace.stack, "--non-interactive", "--color", "never")
