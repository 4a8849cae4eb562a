"""Figures side by side: the middle of several runs with their range, and the ratio to the peer."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


@dataclass
class Row:
    """One thing that was measured for each tool."""

    work: str
    unit: str = "s"
    budget: str = ""
    peer: str = "compose"
    figures: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, tool: str, figure: float) -> None:
        """Note one run's figure."""
        self.figures.setdefault(tool, []).append(figure)

    def lines(self) -> list[str]:
        """Return the row's lines of the Markdown table, one a tool."""
        peer = statistics.median(self.figures[self.peer]) if self.peer in self.figures else None
        lines = []
        for tool, figures in self.figures.items():
            middle = statistics.median(figures)
            spread = f" ({min(figures):.2f} to {max(figures):.2f})" if len(figures) > 1 else ""
            ratio = f"{middle / peer:.2f}" if peer and tool != self.peer else ""
            lines.append(f"| {self.work} | {tool} | {middle:.2f} {self.unit}{spread} | {ratio} | {self.budget} |")
        lines += [f"| {self.work} | | {note} | | |" for note in self.notes]
        return lines


def render(rows: list[Row]) -> str:
    """Return the table."""
    head = ["| work | tool | median (range) | ratio to the peer | budget |", "|---|---|---|---|---|"]
    return "\n".join([*head, *(line for row in rows for line in row.lines())])
