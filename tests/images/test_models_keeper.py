"""The keeper of models, against a server that speaks Ollama's API: what it asks for, and what it tells."""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from operate.image_lock import IMAGES_FOLDER

sys.path.insert(0, str(IMAGES_FOLDER / "models"))  # a program of its own, not a room of Slipway's

config: Any = importlib.import_module("models.config")
keeper: Any = importlib.import_module("models.keeper")
telling: Any = importlib.import_module("models.telling")
program: Any = importlib.import_module("models.__main__")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FakeOllama:
    """What an Ollama would answer; what it was asked is kept."""

    def __init__(self) -> None:
        self.there: dict[str, int] = {}
        self.loaded: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.blobs: dict[str, bytes] = {}
        self.broken: dict[str, str] = {}
        """By path: what it answers instead of doing it."""
        self.embeds_only: set[str] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.send_response(200 if self.path in outer.blobs else 404)
                self.end_headers()

            def do_GET(self) -> None:
                pages = {
                    "/api/tags": {"models": [{"name": name, "size": size} for name, size in outer.there.items()]},
                    "/api/ps": {"models": outer.loaded},
                }
                self._answer(200, [pages[self.path]])

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.startswith("/api/blobs/"):
                    outer.blobs[self.path] = body
                    self._answer(201, [])
                    return
                said = json.loads(body)
                outer.asked.append((self.path, said))
                self._answer(*outer.answer(self.path, said))

            def _answer(self, status: int, lines: list[Any]) -> None:
                text = "".join(json.dumps(line) + "\n" for line in lines).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str, said: dict[str, Any]) -> tuple[int, list[Any]]:
        name = config.full_name(said.get("model") or said.get("destination", ""))
        if path in self.broken:
            return 200, [{"error": self.broken[path]}]
        if path in {"/api/pull", "/api/create"}:
            self.there[name] = 1000
            halves = [{"status": "pulling", "total": 100, "completed": done} for done in (50, 100)]
            return 200, [*halves, {"status": "success"}]
        if path == "/api/copy":
            self.there[name] = self.there[config.full_name(said["source"])]
            return 200, []
        if path == "/api/generate" and name in self.embeds_only:
            return 400, [{"error": f'"{name}" does not support generate'}]
        self.loaded.append(
            {"name": name, "size": 2000, "size_vram": 1500, "expires_at": "2318-01-01T00:00:00.1234567Z"}
        )
        return 200, [{"done": True}]


@pytest.fixture
def ollama() -> Iterator[FakeOllama]:
    """A server that holds nothing."""
    fake = FakeOllama()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


def made(tmp_path: Path, *servers: FakeOllama, models: list[dict[str, Any]]) -> Any:
    """Return a keeper that reads its file."""
    file = tmp_path / "models.json"
    content = {"servers": [server.url for server in servers], "port": 0, "models": models}
    file.write_text(json.dumps(content), encoding="utf-8")
    return keeper.Keeper(config.read(file))


def test_what_is_missing_is_fetched_in_the_order_of_need(tmp_path: Path, ollama: FakeOllama) -> None:
    """A model that another is made from comes first, wherever it is listed; what is warm is loaded for ever."""
    models: list[dict[str, Any]] = [
        {"name": "brief", "from": "base:1b", "system": "Be brief."},
        {"name": "base:1b", "warm": True},
    ]
    keep = made(tmp_path, ollama, models=models)
    assert not keep.is_ready()
    assert keep.fetch()
    assert ollama.asked == [
        ("/api/pull", {"model": "base:1b"}),
        ("/api/create", {"model": "brief", "from": "base:1b", "system": "Be brief."}),
        ("/api/generate", {"model": "base:1b", "keep_alive": -1, "stream": False}),
    ]
    assert keep.is_ready()


def test_what_is_there_is_not_pulled_again(tmp_path: Path, ollama: FakeOllama) -> None:
    """A restart costs nothing; a name without a tag is the one with ``latest``."""
    ollama.there = {"tiny:latest": 5}
    keep = made(tmp_path, ollama, models=[{"name": "tiny"}])
    assert keep.fetch()
    assert ollama.asked == []


def test_a_model_under_another_name_is_copied(tmp_path: Path, ollama: FakeOllama) -> None:
    """Clients ask for the platform's own name."""
    keep = made(tmp_path, ollama, models=[{"name": "default", "pull": "llama3.2:1b"}])
    assert keep.fetch()
    assert ollama.asked[1:] == [("/api/copy", {"source": "llama3.2:1b", "destination": "default"})]


def test_a_file_is_given_to_the_server_once(tmp_path: Path, ollama: FakeOllama) -> None:
    """By its digest, so that a second keeper finds it there."""
    file = tmp_path / "tiny.gguf"
    file.write_bytes(b"GGUF and more")
    digest = "sha256:" + hashlib.sha256(b"GGUF and more").hexdigest()
    models = [{"name": "tiny", "file": str(file), "parameters": {"temperature": 0}}]
    assert made(tmp_path, ollama, models=models).fetch()
    assert ollama.blobs == {f"/api/blobs/{digest}": b"GGUF and more"}
    assert ollama.asked[-1][1] == {"model": "tiny", "files": {"tiny.gguf": digest}, "parameters": {"temperature": 0}}
    ollama.blobs[f"/api/blobs/{digest}"] = b"left alone"
    assert made(tmp_path, ollama, models=models).fetch()
    assert ollama.blobs[f"/api/blobs/{digest}"] == b"left alone"


def test_a_file_that_can_not_be_read(tmp_path: Path, ollama: FakeOllama) -> None:
    """Is said, and no traceback."""
    keep = made(tmp_path, ollama, models=[{"name": "tiny", "file": str(tmp_path / "gone.gguf")}])
    assert not keep.fetch()
    assert keep.states["tiny"].error == "gone.gguf can't be read: No such file or directory"


def test_a_failure_is_told_and_tried_again_later(tmp_path: Path, ollama: FakeOllama) -> None:
    """Each time later; what is there meanwhile counts."""
    ollama.broken["/api/pull"] = "pull model manifest: file does not exist"
    keep = made(tmp_path, ollama, models=[{"name": "nonesuch"}])
    assert not keep.fetch()
    state = keep.states["nonesuch"]
    assert (state.phase, state.failures, state.error) == ("failed", 1, "pull model manifest: file does not exist")
    told = keep.status()["models"][0]
    assert (told["state"], told["error"]) == ("failed", "pull model manifest: file does not exist")
    assert state.retry_at > 0
    ollama.broken.clear()
    assert keep.fetch()
    assert (state.phase, state.error) == ("present", "")


def test_a_model_for_embeddings_is_loaded_by_what_it_can(tmp_path: Path, ollama: FakeOllama) -> None:
    """It can't generate; an empty embedding loads it."""
    ollama.there, ollama.embeds_only = {"embed:latest": 5}, {"embed:latest"}
    assert made(tmp_path, ollama, models=[{"name": "embed", "warm": True}]).fetch()
    assert [path for path, _ in ollama.asked] == ["/api/generate", "/api/embed"]


def test_what_was_evicted_is_loaded_again(tmp_path: Path, ollama: FakeOllama) -> None:
    """A client may ask for ``keep_alive: 0``."""
    ollama.there = {"tiny:latest": 5}
    keep = made(tmp_path, ollama, models=[{"name": "tiny", "warm": True}])
    assert keep.fetch()
    ollama.loaded.clear()
    keep.look()
    assert not keep.is_ready()
    keep.warm()
    assert keep.is_ready()


def test_what_was_deleted_is_missing(tmp_path: Path, ollama: FakeOllama) -> None:
    """And made anew, though this keeper had made it."""
    keep = made(tmp_path, ollama, models=[{"name": "base:1b"}, {"name": "brief", "from": "base:1b"}])
    assert keep.fetch()
    del ollama.there["brief:latest"]
    keep.look()
    assert not keep.is_ready()
    assert keep.fetch()
    assert [path for path, _ in ollama.asked] == ["/api/pull", "/api/create", "/api/create"]


def test_every_replica_is_warmed_and_counted(tmp_path: Path, ollama: FakeOllama) -> None:
    """They share one folder of models, and each has its own memory."""
    second = FakeOllama()
    ollama.there = {"tiny:latest": 5}
    keep = made(tmp_path, ollama, second, models=[{"name": "tiny", "warm": True}])
    assert keep.fetch()
    assert [item["name"] for item in second.loaded] == ["tiny:latest"]
    second.server.shutdown()
    second.server.server_close()
    keep.look()
    assert not keep.is_ready()
    assert f'slipway_model_server_up{{server="{second.url}"}} 0' in telling.metrics(keep)


def test_figures_for_prometheus(tmp_path: Path, ollama: FakeOllama) -> None:
    """Each family once, with its type; a model that stays for ever has no end."""
    keep = made(tmp_path, ollama, models=[{"name": "tiny", "warm": True}])
    assert keep.fetch()
    text = telling.metrics(keep)
    assert 'slipway_model_present{model="tiny"} 1' in text
    assert f'slipway_model_vram_bytes{{model="tiny:latest",server="{ollama.url}"}} 1500' in text
    assert f'slipway_model_memory_bytes{{model="tiny:latest",server="{ollama.url}"}} 2000' in text
    assert "slipway_model_expires_seconds{" not in text
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(families) == len(set(families))


def test_pages(tmp_path: Path, ollama: FakeOllama) -> None:
    """``/ready`` is what the health check asks: 503 until all is there, and it says what is missing."""
    keep = made(tmp_path, ollama, models=[{"name": "tiny"}])
    pages = telling.serve(keep, 0)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    try:
        reading = config.Config((), pages.server_port, ())
        status, text = program._ask(reading, "/ready")
        assert (status, json.loads(text)["models"][0]["state"]) == (503, "missing")
        assert keep.fetch()
        status, text = program._ask(reading, "/ready")
        assert (status, json.loads(text)["ready"]) == (200, True)
        assert program._ask(reading, "/metrics")[0] == 200
        assert program._ask(reading, "/")[0] == 404
    finally:
        pages.shutdown()
        pages.server_close()
