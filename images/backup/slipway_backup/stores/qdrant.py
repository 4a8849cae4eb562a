"""A Qdrant server through its snapshot interface, a snapshot a collection.

Its server is not in this image: what is verified is that the snapshots are whole (Qdrant's own checksum and ours) and
complete archives, not that a server takes them.
"""

from __future__ import annotations

import json
import shutil
import tarfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import quote

from slipway_backup import files as whole
from slipway_backup.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from slipway_backup.config import Part
    from slipway_backup.manifest import StoreRecord
    from slipway_backup.report import Report

_ANSWERS_S: Final = 600.0
_OVERHEAD: Final = 1 << 26


@dataclass(frozen=True)
class Qdrant:
    """A vector store of the platform."""

    part: Part

    @contextmanager
    def open(self) -> Iterator[OpenQdrant]:
        """See that it answers."""
        store = OpenQdrant(self.part)
        store.collections()
        yield store

    def verify(self, files: Path, record: StoreRecord, scratch: Path, report: Report) -> list[str]:  # noqa: ARG002 - of the interface
        """Read each snapshot to its end."""
        report.phase("verify", store=self.part.name)
        told = []
        for name, facts in record.content["collections"].items():
            file = files / facts["file"]
            try:
                with tarfile.open(file) as archive:
                    entries = sum(1 for _ in archive)
            except (tarfile.TarError, OSError, EOFError) as error:
                told.append(f"the snapshot of {name} can't be read to its end: {error}")
                continue
            if entries != facts["entries"]:
                told.append(f"the snapshot of {name} has {entries} entries instead of {facts['entries']}")
        return told


@dataclass(frozen=True)
class OpenQdrant:
    """A server that answered."""

    part: Part

    def collections(self) -> list[str]:
        """Return the names of its collections."""
        return sorted(item["name"] for item in self._json("GET", "/collections")["collections"])

    def estimate(self) -> int:
        """Return a guess: it does not tell how large a snapshot will be."""
        return _OVERHEAD * max(1, len(self.collections()))

    def dump(self, folder: Path, report: Report) -> Mapping[str, Any]:
        """Have a snapshot made of each collection, fetch it, and have it removed there."""
        found: dict[str, Any] = {}
        for number, name in enumerate(self.collections()):
            place = f"/collections/{quote(name, safe='')}"
            points = self._json("POST", f"{place}/points/count", {"exact": True})["count"]
            made = self._json("POST", f"{place}/snapshots")
            file = folder / f"{number:04}.snapshot"
            snapshot = f"{place}/snapshots/{quote(made['name'], safe='')}"
            try:
                with self._open("GET", snapshot) as answer, file.open("wb") as out:
                    shutil.copyfileobj(answer, out)
            finally:
                self._json("DELETE", snapshot)
            checksum = made.get("checksum")
            if checksum and checksum != whole.sha256_of(file):
                raise BackupError(f"vector store {self.part.name}: the snapshot of {name} did not arrive whole")
            report.progress("dump", file.stat().st_size, file.stat().st_size, store=self.part.name)
            with tarfile.open(file) as archive:
                entries = sum(1 for _ in archive)
            found[name] = {"file": file.name, "points": points, "entries": entries}
        return {"collections": found, "server_version": self._json("GET", "/", raw=True).get("version")}

    def _json(self, method: str, path: str, body: Any = None, *, raw: bool = False) -> Any:
        with self._open(method, path, body) as answer:
            content = json.loads(answer.read() or b"{}")
        return content if raw else content.get("result")

    def _open(self, method: str, path: str, body: Any = None) -> IO[bytes]:
        headers = {"Content-Type": "application/json"}
        if self.part.options.get("api_key_file"):
            headers["api-key"] = self.part.secret("api_key_file")
        request = urllib.request.Request(  # noqa: S310 - an address of the platform's own description
            self.part.text("url").rstrip("/") + path,
            method=method,
            headers=headers,
            data=json.dumps(body).encode() if body is not None else None,
        )
        try:
            answer: IO[bytes] = urllib.request.urlopen(request, timeout=_ANSWERS_S)  # noqa: S310 - an address of the platform's own description
        except (OSError, urllib.error.URLError) as error:
            raise BackupError(f"vector store {self.part.name}: {method} {path}: {error}") from None
        return answer
