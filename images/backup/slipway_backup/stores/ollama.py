"""Which models an Ollama server has: names and digests. The models themselves are pulled again."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from slipway_backup.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from slipway_backup.config import Part
    from slipway_backup.manifest import StoreRecord
    from slipway_backup.report import Report

LIST: Final = "models.json"
_ANSWERS_S: Final = 30.0
_SMALL: Final = 1 << 16


@dataclass(frozen=True)
class Ollama:
    """A model server of the platform."""

    part: Part

    @contextmanager
    def open(self) -> Iterator[OpenOllama]:
        """Ask for the list."""
        url = self.part.text("url").rstrip("/") + "/api/tags"
        try:
            with urllib.request.urlopen(url, timeout=_ANSWERS_S) as answer:  # noqa: S310 - an address of the platform's own description
                models = json.loads(answer.read())["models"]
        except (OSError, urllib.error.URLError, ValueError, KeyError) as error:
            raise BackupError(f"model server {self.part.name}: {url}: {error}") from None
        yield OpenOllama(
            sorted(
                ({"name": item["name"], "digest": item.get("digest"), "size": item.get("size")} for item in models),
                key=lambda item: item["name"],
            )
        )

    def verify(self, files: Path, record: StoreRecord, scratch: Path, report: Report) -> list[str]:  # noqa: ARG002 - of the interface
        """Compare the list."""
        report.phase("verify", store=self.part.name)
        found = json.loads((files / LIST).read_text(encoding="utf-8"))
        return [] if found == record.content["models"] else ["another list of models"]


@dataclass(frozen=True)
class OpenOllama:
    """The list."""

    models: list[dict[str, Any]]

    def estimate(self) -> int:
        """Return more than it can have."""
        return _SMALL

    def dump(self, folder: Path, report: Report) -> Mapping[str, Any]:  # noqa: ARG002 - of the interface
        """Write the list."""
        (folder / LIST).write_text(json.dumps(self.models, indent=1) + "\n", encoding="utf-8")
        return {"models": self.models}
