"""Which process of pytest made which stack, on disk: what one left that was killed is removed by the next."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from tests.e2e.harness.run import alive

FOLDER: Final = Path(tempfile.gettempdir()) / f"slipway-e2e-{os.getuid()}"


def note(stack: str) -> None:
    """Write down that this process makes a stack."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / stack).write_text(str(os.getpid()), encoding="ascii")


def forget(stack: str) -> None:
    """Nothing is left of a stack."""
    (FOLDER / stack).unlink(missing_ok=True)


def abandoned() -> list[str]:
    """Return the stacks whose makers are gone."""
    if not FOLDER.is_dir():
        return []
    makers = {file.name: file.read_text(encoding="ascii") for file in FOLDER.iterdir()}
    return [stack for stack, maker in makers.items() if maker.isdigit() and not alive(int(maker))]
