"""Ollama's API, as far as it is needed, with nothing but Python's library."""
# ruff: noqa: S310 - the addresses are those of the platform's own servers

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.config import Model

_QUICK_S: Final = 10.0
_SILENCE_S: Final = 300.0
"""The longest that nothing may come of a download or of loading a model."""
_FOR_EVER: Final = -1
"""A ``keep_alive`` that no clock ends."""


class OllamaError(Exception):
    """The server could not, or would not; the text says why."""


class Ollama:
    """One server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def version(self) -> str:
        """Return its version."""
        return str(self._json("/api/version")["version"])

    def models(self) -> dict[str, int]:
        """Return the models that are there, with their bytes on disk."""
        return {item["name"]: int(item["size"]) for item in self._json("/api/tags")["models"] or ()}

    def loaded(self) -> list[dict[str, Any]]:
        """Return the models that are in memory, as the server tells of them."""
        return list(self._json("/api/ps")["models"] or ())

    def pull(self, name: str) -> Iterator[dict[str, Any]]:
        """Pull a model; yield what the server says of its progress."""
        yield from self._stream("/api/pull", {"model": name})

    def copy(self, source: str, name: str) -> None:
        """Give a model a second name."""
        self._request("/api/copy", {"source": source, "destination": name})

    def create(self, model: Model) -> Iterator[dict[str, Any]]:
        """Make a model; what of it is there already is not made again. Yield progress."""
        said = {"model": model.name, "from": model.base, "system": model.system, "template": model.template}
        body: dict[str, Any] = {key: value for key, value in said.items() if value is not None}
        if model.parameters:
            body["parameters"] = model.parameters
        if model.file is not None:
            body["files"] = {model.file.name: self._upload(model.file)}
        yield from self._stream("/api/create", body)

    def load(self, name: str) -> None:
        """Load a model into memory, to stay there."""
        body = {"model": name, "keep_alive": _FOR_EVER}
        try:
            self._request("/api/generate", {**body, "stream": False}, timeout_s=_SILENCE_S)
        except OllamaError as error:
            if "does not support generate" not in str(error):
                raise
            self._request("/api/embed", {**body, "input": ""}, timeout_s=_SILENCE_S)

    def _upload(self, file: Path) -> str:
        """Give the server a file, unless it has it; return its digest."""
        try:
            with file.open("rb") as content:
                digest = "sha256:" + hashlib.file_digest(content, "sha256").hexdigest()
        except OSError as error:
            raise OllamaError(f"{file.name} can't be read: {error.strerror}") from error
        path = f"/api/blobs/{digest}"
        try:
            self._open(urllib.request.Request(self.url + path, method="HEAD"), _QUICK_S).close()
        except OllamaError:
            with file.open("rb") as content:
                request = urllib.request.Request(self.url + path, data=content, method="POST")
                request.add_header("Content-Length", str(file.stat().st_size))
                request.add_header("Content-Type", "application/octet-stream")
                self._open(request, _SILENCE_S).close()
        return digest

    def _json(self, path: str) -> dict[str, Any]:
        return dict(json.loads(self._request(path)))

    def _request(self, path: str, body: dict[str, Any] | None = None, timeout_s: float = _QUICK_S) -> bytes:
        with self._open(self._prepared(path, body), timeout_s) as answer:
            return bytes(answer.read())

    def _stream(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        with self._open(self._prepared(path, body), _SILENCE_S) as answer:
            try:
                for line in answer:
                    event = json.loads(line)
                    if "error" in event:
                        raise OllamaError(str(event["error"]))
                    yield event
            except (OSError, ValueError) as error:
                raise OllamaError(f"the answer broke off: {error}") from error

    def _prepared(self, path: str, body: dict[str, Any] | None) -> urllib.request.Request:
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.Request(self.url + path, data=data, headers={"Content-Type": "application/json"})

    def _open(self, request: urllib.request.Request, timeout_s: float) -> Any:
        try:
            return urllib.request.urlopen(request, timeout=timeout_s)
        except urllib.error.HTTPError as error:
            raise OllamaError(_message(error)) from error
        except OSError as error:
            raise OllamaError(f"{self.url} does not answer: {getattr(error, 'reason', error)}") from error


def _message(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace").strip()
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return text or f"status {error.code}"
