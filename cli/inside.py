"""A command in a container with this command's input and output, for those that know which one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from operate.shell import run_inside

if TYPE_CHECKING:
    from collections.abc import Sequence

    import docker


def run_in(client: docker.DockerClient, container: str, command: Sequence[str]) -> int:
    """Run a command in a container and return its exit code; with a terminal, where this process has one."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    sys.stdout.flush()
    return run_inside(client, container, command, terminal=terminal)
