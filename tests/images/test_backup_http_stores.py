"""Stores that are asked over HTTP, each against a STAND-IN: a small server that answers as their documents say.

Qdrant's own server can't be had from a package registry, so nothing here proves that it takes a snapshot back.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

config: Any = importlib.import_module("slipway_backup.config")
errors: Any = importlib.import_module("slipway_backup.errors")
manifest: Any = importlib.import_module("slipway_backup.manifest")
ollama: Any = importlib.import_module("slipway_backup.stores.ollama")
qdrant: Any = importlib.import_module("slipway_backup.stores.qdrant")
report: Any = importlib.import_module("slipway_backup.report")

QUIET = report.Report(quiet=True)
KEY = "the-api-key"


def _archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as written:
        for name in ("config.json", "segment"):
            entry = tarfile.TarInfo(name)
            entry.size = 5
            written.addfile(entry, io.BytesIO(b"01234"))
    return buffer.getvalue()


class StandIn(ThreadingHTTPServer):
    """Answers from a table of methods and paths, to whoever has the key."""

    def __init__(self, answers: dict[tuple[str, str], Any], key: str | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.key = key
        self.asked: list[tuple[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = (self.command, self.path)
        self.server.asked.append(asked)
        allowed = self.server.key in {None, self.headers.get("api-key")}
        content = self.server.answers.get(asked)
        status = 403 if not allowed else 404 if content is None else 200
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - names of the base class

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _serve(answers: dict[tuple[str, str], Any], key: str | None = None) -> Iterator[StandIn]:
    server = StandIn(answers, key)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def vectors() -> Iterator[StandIn]:
    """A stand-in for Qdrant with two collections, one of a name that a path can't hold as it is."""
    answers: dict[tuple[str, str], Any] = {
        ("GET", "/"): {"title": "qdrant", "version": "1.11.0"},
        ("GET", "/collections"): {"result": {"collections": [{"name": "docs"}, {"name": "a/b"}]}},
    }
    for name in ("docs", "a%2Fb"):
        place = f"/collections/{name}"
        checksum = hashlib.sha256(_archive()).hexdigest()
        answers["POST", f"{place}/points/count"] = {"result": {"count": 7}}
        answers["POST", f"{place}/snapshots"] = {"result": {"name": "one.snapshot", "checksum": checksum}}
        answers["GET", f"{place}/snapshots/one.snapshot"] = _archive()
        answers["DELETE", f"{place}/snapshots/one.snapshot"] = {"result": True}
    yield from _serve(answers, KEY)


@pytest.fixture
def store(vectors: StandIn, tmp_path: Path) -> Any:
    """Return the store that asks it, with its key in a file."""
    (tmp_path / "key").write_text(KEY, encoding="utf-8")
    options = {"url": f"http://127.0.0.1:{vectors.server_port}", "api_key_file": str(tmp_path / "key")}
    return qdrant.Qdrant(config.Part("vectors", "qdrant", options))


def _record(content: Any, kind: str) -> Any:
    return manifest.StoreRecord(name="x", kind=kind, seconds=0, bytes=0, files=[], content=content)


class TestQdrant:
    def test_each_collection_is_taken_and_its_snapshot_removed_there(
        self, vectors: StandIn, store: Any, tmp_path: Path
    ) -> None:
        with store.open() as opened:
            found = opened.dump(tmp_path, QUIET)
        assert {name: item["points"] for name, item in found["collections"].items()} == {"docs": 7, "a/b": 7}
        assert found["server_version"] == "1.11.0"
        removed = [path for method, path in vectors.asked if method == "DELETE"]
        assert len(removed) == 2
        assert store.verify(tmp_path, _record(found, "qdrant"), tmp_path, QUIET) == []

    def test_a_snapshot_that_is_not_whole_is_found(self, store: Any, tmp_path: Path) -> None:
        with store.open() as opened:
            found = opened.dump(tmp_path, QUIET)
        file = tmp_path / found["collections"]["docs"]["file"]
        file.write_bytes(file.read_bytes()[:700])
        (text,) = store.verify(tmp_path, _record(found, "qdrant"), tmp_path, QUIET)
        assert "the snapshot of docs" in text

    def test_one_that_did_not_arrive_whole_is_refused(self, vectors: StandIn, store: Any, tmp_path: Path) -> None:
        """By Qdrant's own checksum; and it is removed there all the same."""
        vectors.answers["GET", "/collections/docs/snapshots/one.snapshot"] = _archive()[:-512]
        with (
            pytest.raises(errors.BackupError, match="the snapshot of docs did not arrive whole"),
            store.open() as opened,
        ):
            opened.dump(tmp_path, QUIET)
        assert ("DELETE", "/collections/docs/snapshots/one.snapshot") in vectors.asked

    def test_a_wrong_key_is_told(self, vectors: StandIn, store: Any) -> None:
        vectors.key = "another"
        with pytest.raises(errors.BackupError, match=r"vector store vectors: GET /collections.*403"), store.open():
            pytest.fail("it was let in")


def test_ollamas_models_are_listed_by_digest(tmp_path: Path) -> None:
    """Names move; a digest says which one it was."""
    models = [{"name": "b:1", "digest": "22", "size": 2, "details": {}}, {"name": "a:1", "digest": "11", "size": 1}]
    for server in _serve({("GET", "/api/tags"): {"models": models}}):
        url = f"http://127.0.0.1:{server.server_port}/"
        store = ollama.Ollama(config.Part("models", "ollama", {"url": url}))
        with store.open() as opened:
            found = opened.dump(tmp_path, QUIET)
        assert [(item["name"], item["digest"]) for item in found["models"]] == [("a:1", "11"), ("b:1", "22")]
        assert store.verify(tmp_path, _record(found, "ollama"), tmp_path, QUIET) == []
        (tmp_path / "models.json").write_text("[]", encoding="utf-8")
        assert store.verify(tmp_path, _record(found, "ollama"), tmp_path, QUIET) == ["another list of models"]
