"""Write the dashboards anew."""

from __future__ import annotations

from pathlib import Path

from dashboards.generate import generate
from dashboards.panels import BOARDS

FOLDER = Path(__file__).resolve().parent.parent / "components" / "dashboards"


def main() -> None:
    """Write a file for each."""
    for board in BOARDS:
        (FOLDER / f"{board.name}.json").write_text(generate(board), encoding="utf-8")


if __name__ == "__main__":
    main()
