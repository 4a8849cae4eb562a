"""What a prober found, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operate.probe import Summary

_HEADER = ("WHEN", "SECONDS", "KIND", "SENT", "FAILED", "P50", "P99", "SLOWEST")


def summary_text(summary: Summary) -> str:
    """Return a table with a line for each kind in each time, and what there is to say about them."""
    rows: list[Sequence[str]] = [_HEADER]
    for name, phase in summary.phases.items():
        for kind, item in phase.kinds.items():
            times = (item.p50_ms, item.p99_ms, item.slowest_ms)
            seconds = f"{phase.seconds:.1f}"
            rows.append((name, seconds, kind, str(item.sent), str(item.failed), *(_time(value) for value in times)))
    widths = [max(len(row[index]) for row in rows) for index in range(len(_HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, *_remarks(summary)])


def _remarks(summary: Summary) -> list[str]:
    lines = [f"{summary.sent} requests in {summary.seconds:.1f} s: {summary.failed} failed"]
    if "post" in summary.kinds and not summary.unsaid:
        lines[0] += f", {summary.duplicates} arrived twice, {summary.lost} were answered and never arrived"
    if summary.told:
        lines.append(f"websockets told to come back: {summary.told}")
    if retried := sum(item.retried for item in summary.kinds.values()):
        lines.append(f"sent again, since their kept connection was closed: {retried}")
    if summary.gaps:
        lines.append(f"times without a good answer: {', '.join(f'{gap:.1f} s' for gap in summary.gaps)}")
    if summary.unsaid:
        lines.append(summary.unsaid)
    lines += [f"{count} x {text}" for text, count in summary.errors.items()]
    late = max((item.late_p99_ms or 0.0 for item in summary.kinds.values()), default=0.0)
    if late > 1:
        lines.append(f"the prober itself was late by up to {_time(late)} (p99), which is in the times above")
    return lines


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "-"
    return f"{milliseconds:.1f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.2f} s"  # noqa: PLR2004 - a second
