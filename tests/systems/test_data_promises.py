"""docs/data-promises.md names a scenario for each promise, and each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "data-promises.md").read_text(encoding="utf-8")
ROWS = [
    line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| promise |", "| fault |"))
]


def test_every_promise_has_a_scenario_that_exists() -> None:
    """One that is renamed must be renamed there too."""
    assert len(ROWS) >= 30
    for row in ROWS:
        named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", row)
        assert named, row
        for file, name in named:
            assert f"def {name}(" in (ROOT / "tests" / "e2e" / file).read_text(encoding="utf-8"), (file, name)
