"""Health probes that work in whatever image they meet: each tries the clients an image may have, best first."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources


def http_probe(port: int, path: str) -> list[str]:
    """Return the test that GETs ``path`` on ``port`` inside the container; 2xx and 3xx are healthy."""
    return _script("probe-http.sh", str(port), path)


def tcp_probe(port: int) -> list[str]:
    """Return the test that opens a connection to ``port`` inside the container."""
    return _script("probe-tcp.sh", str(port))


def command_probe(command: Sequence[str]) -> list[str]:
    """Return the test that runs a command inside the container."""
    return ["CMD", *command]


def script(name: str) -> str:
    """Return the text of one of the shell scripts that run inside containers, without its leading comments."""
    text = (resources.files("components") / "scripts" / name).read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if line and not line.startswith("#"))


def _script(name: str, *arguments: str) -> list[str]:
    return ["CMD", "sh", "-c", script(name), "probe", *arguments]
