"""Programs that are run: what they say when they fail, without what is secret."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slipway_backup.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TAIL: Final = 12


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a small environment: what a tool says must not depend on where it runs."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", "TZ": "UTC", **(more or {})}


def tail(text: str) -> str:
    """Return the last lines of what a tool said."""
    return "\n".join(line for line in text.strip().splitlines()[-_TAIL:])


def run(command: Sequence[str], env: Mapping[str, str] | None = None, *, timeout_s: float | None = None) -> str:
    """Run a tool to its end and return what it wrote.

    Raises:
        BackupError: It failed, or did not end in time.
    """
    try:
        done = subprocess.run(
            list(command), env=environment(env), capture_output=True, text=True, check=False, timeout=timeout_s
        )
    except subprocess.TimeoutExpired:
        raise BackupError(f"{command[0]} did not end within {timeout_s:g} s") from None
    if done.returncode:
        raise BackupError(f"{command[0]} failed ({done.returncode}): {tail(done.stderr or done.stdout)}")
    return done.stdout


@contextmanager
def secret_file(content: str) -> Iterator[Path]:
    """Write something secret to memory, for a tool that reads it from a file."""
    descriptor, name = tempfile.mkstemp(prefix="secret-")
    file = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(content)
        yield file
    finally:
        file.unlink(missing_ok=True)
