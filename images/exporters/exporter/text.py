"""Prometheus' text format."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Page:
    """A page of metrics, one family after the other."""

    def __init__(self) -> None:
        """Start with an empty page."""
        self._families: dict[str, list[str]] = {}
        self._heads: dict[str, str] = {}

    def add(self, name: str, kind: str, meaning: str, value: float, labels: Mapping[str, str] | None = None) -> None:
        """Add a sample to its family."""
        self.family(name, kind, meaning)
        self.sample(name, name, value, labels)

    def family(self, name: str, kind: str, meaning: str) -> None:
        """Say what a family is; it stands on the page even while it has no sample."""
        self._heads.setdefault(name, f"# HELP {name} {meaning}\n# TYPE {name} {kind}")
        self._families.setdefault(name, [])

    def sample(self, family: str, name: str, value: float, labels: Mapping[str, str] | None = None) -> None:
        """Add a sample whose name is not its family's, such as a bucket."""
        inner = ",".join(f'{key}="{_escape(text)}"' for key, text in (labels or {}).items())
        self._families[family].append(f"{name}{{{inner}}} {value:.17g}" if inner else f"{name} {value:.17g}")

    def text(self) -> str:
        """Return the page."""
        return "".join("\n".join([self._heads[name], *lines]) + "\n" for name, lines in self._families.items())


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
