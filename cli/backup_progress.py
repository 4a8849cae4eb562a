"""How a backup's events are told: a line for each phase, and on a terminal how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.console import Console

_WORDS: Final = {
    "dump": "dumping {store}",
    "hold": "{store}: its services stand still while it is archived",
    "store": "storing in {destination}",
    "fetch": "fetching back from {destination}",
    "verify": "restoring {store} to compare it",
    "read-all": "reading all that is stored in {destination}",
}
_STEP: Final = 1024
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


class BackupProgress:
    """Takes events and writes lines."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = console.stream.isatty()
        self._line = ""

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Tell one event; what is not known is left out."""
        kind = event["event"]
        if kind == "phase":
            self._clear()
            words = _WORDS.get(event["phase"])
            if words is not None:
                self._console.step(words.format_map({"store": "", "destination": "", **event}))
        elif kind == "progress" and self._live and event["total"]:
            self._clear()
            share = min(1.0, event["bytes"] / event["total"])
            self._line = f"  {share:4.0%}  {readable(event['bytes'])}"
            click.echo(self._line, nl=False, file=self._console.stream)
        elif kind == "warning":
            self._clear()
            self._console.warn(str(event["message"]))
        elif kind in {"result", "error"}:
            self._clear()

    def _clear(self) -> None:
        if self._line:
            click.echo(f"\r{' ' * len(self._line)}\r", nl=False, file=self._console.stream)
            self._line = ""


def readable(size: int) -> str:
    """Write bytes as people do: ``12.3 MiB``."""
    value = float(size)
    for unit in _UNITS[:-1]:
        if value < _STEP:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= _STEP
    return f"{value:.1f} {_UNITS[-1]}"
