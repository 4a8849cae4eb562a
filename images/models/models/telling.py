"""What the keeper tells others: whether the models are there, and figures for Prometheus, which Ollama has none of."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from models.keeper import Keeper, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

_HELP = {
    "slipway_model_server_up": "Whether the server answers.",
    "slipway_model_present": "Whether a model that shall be there is there.",
    "slipway_model_fetch_progress": "Share of a model's bytes that are fetched.",
    "slipway_model_fetch_failures": "Attempts in a row that failed.",
    "slipway_model_size_bytes": "Bytes of a model on disk.",
    "slipway_model_loaded": "Whether a model is in memory.",
    "slipway_model_memory_bytes": "Bytes of a loaded model in all memory.",
    "slipway_model_vram_bytes": "Bytes of a loaded model in the memory of GPUs.",
    "slipway_model_expires_seconds": "Seconds until an idle model leaves memory.",
}
_FAR_S = 10 * 365 * 86400.0
"""What is further away than this was meant for ever."""


def metrics(keeper: Keeper) -> str:
    """Return the figures as Prometheus reads them."""
    with keeper.lock:
        samples = list(_samples(keeper))
    lines = []
    for name, text in _HELP.items():
        lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
        lines += [f"{name}{{{_labels(labels)}}} {value:g}" for own, labels, value in samples if own == name]
    return "\n".join(lines) + "\n"


def _samples(keeper: Keeper) -> Iterator[tuple[str, dict[str, str], float]]:
    for state in keeper.states.values():
        of = {"model": state.model.name}
        yield "slipway_model_present", of, float(state.phase is Phase.PRESENT)
        yield "slipway_model_fetch_progress", of, 1.0 if state.phase is Phase.PRESENT else state.progress
        yield "slipway_model_fetch_failures", of, float(state.failures)
        yield "slipway_model_size_bytes", of, float(state.size)
    for server in keeper.servers:
        yield "slipway_model_server_up", {"server": server.url}, float(server.url in keeper.loaded)
        for item in keeper.loaded.get(server.url, ()):
            of = {"server": server.url, "model": str(item.get("name"))}
            yield "slipway_model_loaded", of, 1.0
            yield "slipway_model_memory_bytes", of, float(item.get("size") or 0)
            yield "slipway_model_vram_bytes", of, float(item.get("size_vram") or 0)
            seconds = _seconds_until(str(item.get("expires_at") or ""))
            if seconds is not None:
                yield "slipway_model_expires_seconds", of, seconds


def _seconds_until(moment: str) -> float | None:
    """Return the seconds until a time in ISO 8601; None for what is no time, or as good as never."""
    try:
        # Ollama writes nanoseconds, of which Python reads six digits.
        whole, dot, rest = moment.partition(".")
        zone = rest.lstrip("0123456789")
        at = datetime.fromisoformat(f"{whole}{dot}{rest[: len(rest) - len(zone)][:6]}{zone}")
        seconds = (at - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if 0 <= seconds < _FAR_S else None


def _labels(labels: dict[str, str]) -> str:
    return ",".join(f'{key}="{_escaped(value)}"' for key, value in sorted(labels.items()))


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def serve(keeper: Keeper, port: int) -> ThreadingHTTPServer:
    """Return a server of these pages that listens already."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, text = 404, "text/plain", "not found\n"
            if self.path == "/metrics":
                status, kind, text = 200, "text/plain; version=0.0.4", metrics(keeper)
            elif self.path in {"/ready", "/status"}:
                content = keeper.status()
                status = 503 if self.path == "/ready" and not content["ready"] else 200
                kind, text = "application/json", json.dumps(content, indent=2) + "\n"
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Probes and scrapes are no news."""

    server = ThreadingHTTPServer(("0.0.0.0", port), Pages)  # noqa: S104 - inside the container
    server.daemon_threads = True
    return server
