"""A stand-in for Qdrant's server, which can't be had where no container registry answers. It is none, and says so.

Like the real one it reads ``config/local.yaml``, listens on 6333 (HTTP) and 6334, answers ``/readyz``, ``/healthz`` and
``/livez`` to anybody and everything else to who has the key, keeps collections and points on its storage, and makes
snapshots, with their checksum, in the folder of snapshots. Search goes through all points. gRPC is a port that accepts.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import shutil
import signal
import socketserver
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CONFIG = json.loads(Path("config/local.yaml").read_text(encoding="utf-8"))
STORAGE = Path(CONFIG["storage"]["storage_path"]) / "collections"
SNAPSHOTS = Path(CONFIG["storage"]["snapshots_path"])
SERVICE = CONFIG["service"]
OPEN = {"/readyz", "/healthz", "/livez"}
LOCK = threading.Lock()
COLLECTION = r"/collections/(?P<name>[\w.-]+)"
SNAPSHOT = COLLECTION + r"/snapshots/(?P<snapshot>[\w.-]+)"


class NotFoundError(Exception):
    """There is no such thing."""


def points_of(name: str) -> dict[str, Any]:
    """Return a collection's points by id."""
    file = STORAGE / name / "points.json"
    if not file.exists():
        raise NotFoundError(f"Collection `{name}` doesn't exist!")
    points: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return points


def keep(name: str, points: dict[str, Any]) -> None:
    """Write a collection, whole or not at all."""
    folder = STORAGE / name
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "points.partial"
    partial.write_text(json.dumps(points), encoding="utf-8")
    partial.rename(folder / "points.json")


def likeness(one: list[float], other: list[float]) -> float:
    """Return the cosine of two vectors."""
    return sum(a * b for a, b in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other) or 1.0)


def collections(_: dict[str, str], __: Any) -> Any:
    """List them."""
    return {"collections": [{"name": path.name} for path in sorted(STORAGE.glob("*"))]}


def make_collection(found: dict[str, str], _: Any) -> Any:
    """Make one."""
    keep(found["name"], {})
    return True


def drop_collection(found: dict[str, str], _: Any) -> Any:
    """Remove one."""
    points_of(found["name"])
    shutil.rmtree(STORAGE / found["name"])
    return True


def collection(found: dict[str, str], _: Any) -> Any:
    """Tell of one."""
    return {"status": "green", "points_count": len(points_of(found["name"]))}


def upsert(found: dict[str, str], body: Any) -> Any:
    """Add points, or replace them."""
    points = points_of(found["name"])
    points |= {str(point["id"]): point for point in body["points"]}
    keep(found["name"], points)
    return {"operation_id": len(points), "status": "completed"}


def count(found: dict[str, str], _: Any) -> Any:
    """Count points."""
    return {"count": len(points_of(found["name"]))}


def search(found: dict[str, str], body: Any) -> Any:
    """Return the nearest points."""
    points = points_of(found["name"]).values()
    scored = [{**point, "score": likeness(body["vector"], point["vector"])} for point in points]
    return sorted(scored, key=lambda point: -point["score"])[: body.get("limit", 10)]


def described(file: Path) -> dict[str, Any]:
    """Return what is told of a snapshot."""
    checksum = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"name": file.name, "size": file.stat().st_size, "checksum": checksum, "creation_time": None}


def snapshots(found: dict[str, str], _: Any) -> Any:
    """List a collection's snapshots."""
    points_of(found["name"])
    return [described(file) for file in sorted((SNAPSHOTS / found["name"]).glob("*.snapshot"))]


def make_snapshot(found: dict[str, str], _: Any) -> Any:
    """Make one: an archive, as Qdrant's are."""
    name = found["name"]
    points_of(name)
    folder = SNAPSHOTS / name
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}-{time.time_ns()}.snapshot"
    with tarfile.open(file, "w") as archive:
        archive.add(STORAGE / name / "points.json", "points.json")
    return described(file)


def snapshot_file(found: dict[str, str]) -> Path:
    """Return a snapshot's file."""
    file = SNAPSHOTS / found["name"] / found["snapshot"]
    if not file.exists():
        raise NotFoundError("Snapshot not found")
    return file


def drop_snapshot(found: dict[str, str], _: Any) -> Any:
    """Remove one."""
    snapshot_file(found).unlink()
    return True


def restore(name: str, archive: bytes) -> Any:
    """Take a collection over from a snapshot."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        content = opened.extractfile("points.json")
        assert content is not None
        keep(name, json.load(content))
    return True


def recover(found: dict[str, str], body: Any) -> Any:
    """Take one over that lies here."""
    return restore(found["name"], Path(body["location"].removeprefix("file://")).read_bytes())


ROUTES = [
    ("GET", r"/collections", collections),
    ("PUT", COLLECTION, make_collection),
    ("GET", COLLECTION, collection),
    ("DELETE", COLLECTION, drop_collection),
    ("PUT", COLLECTION + "/points", upsert),
    ("POST", COLLECTION + "/points/count", count),
    ("POST", COLLECTION + "/points/search", search),
    ("GET", COLLECTION + "/snapshots", snapshots),
    ("POST", COLLECTION + "/snapshots", make_snapshot),
    ("DELETE", SNAPSHOT, drop_snapshot),
    ("PUT", COLLECTION + "/snapshots/recover", recover),
]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def _any(self) -> None:
        path = self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path in OPEN:
            self._say(200, b"all shards are ready\n", "text/plain")
            return
        bearer = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if SERVICE["api_key"] not in {self.headers.get("api-key"), bearer}:
            self._say(401, b"Must provide an API key or an Authorization bearer token", "text/plain")
        elif path == "/":
            self._json(200, {"title": "a stand-in, not qdrant - vector search engine", "version": "0.0.0-stand-in"})
        elif path == "/metrics":
            self._say(200, f"collections_total {len(list(STORAGE.glob('*')))}\n".encode(), "text/plain")
        else:
            self._routed(path, body)

    do_GET = do_PUT = do_POST = do_DELETE = _any  # noqa: N815 - the library's names

    def _routed(self, path: str, body: bytes) -> None:
        with LOCK:
            try:
                if self.command == "GET" and (match := re.fullmatch(SNAPSHOT, path)):
                    self._say(200, snapshot_file(match.groupdict()).read_bytes(), "application/octet-stream")
                    return
                if self.command == "POST" and (match := re.fullmatch(COLLECTION + "/snapshots/upload", path)):
                    part = body.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]  # of multipart/form-data
                    self._json(200, {"result": restore(match["name"], part), "status": "ok"})
                    return
                for method, pattern, act in ROUTES:
                    if method == self.command and (match := re.fullmatch(pattern, path)):
                        result = act(match.groupdict(), json.loads(body or b"{}"))
                        self._json(200, {"result": result, "status": "ok", "time": 0.0})
                        return
                self._json(404, {"status": {"error": "no such page"}})
            except NotFoundError as error:
                self._json(404, {"status": {"error": str(error)}})

    def _json(self, status: int, content: Any) -> None:
        self._say(status, json.dumps(content).encode(), "application/json")

    def _say(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Probes are no news."""


def main() -> None:
    """Serve until somebody says stop."""
    STORAGE.mkdir(parents=True, exist_ok=True)
    SNAPSHOTS.mkdir(parents=True, exist_ok=True)
    Path(os.environ["QDRANT_INIT_FILE_PATH"]).touch()
    address = SERVICE["host"]
    grpc = socketserver.ThreadingTCPServer((address, SERVICE["grpc_port"]), socketserver.BaseRequestHandler)
    http = ThreadingHTTPServer((address, SERVICE["http_port"]), Handler)
    for server in (grpc, http):
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write("this is a stand-in for Qdrant, and not Qdrant\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
main()
