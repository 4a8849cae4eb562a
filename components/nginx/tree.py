"""The two shapes of a directive, as crossplane writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

_MS: Final = 1000
Directive = dict[str, Any]
"""A directive as crossplane has it: ``directive``, ``args`` and, for a block, ``block``."""


def line(name: str, *args: str) -> Directive:
    """Return a directive that ends with a semicolon."""
    return {"directive": name, "args": list(args)}


def block(name: str, body: Iterable[Directive], *args: str) -> Directive:
    """Return a directive with others inside."""
    return {"directive": name, "args": list(args), "block": list(body)}


def time(seconds: float) -> str:
    """Return a time as nginx reads it: it knows no decimal point."""
    return f"{seconds:.0f}s" if seconds == int(seconds) else f"{max(1, round(seconds * _MS))}ms"
