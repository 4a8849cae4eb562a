"""Errors of the Docker daemon as sentences a reader can act on. Values of inputs never appear in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from engine.provider import ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOT_FOUND = 404
CONFLICT = 409
LOG_LINES = 20
"""How many lines of a failed container's log an error shows."""

_SHORTEST_SECRET = 6


class DaemonError(ProviderError):
    """The daemon answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class UnreachableError(ProviderError):
    """No daemon answered."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(
            f"no Docker daemon answers at {host} ({reason}). Start Docker there, check that this user may use it"
            " (docker version), or point to another one with DOCKER_HOST or the provider's host input"
        )


def gone(error: DaemonError) -> bool:
    """Whether the error says that the object does not exist."""
    return error.status == NOT_FOUND


def says(error: DaemonError, *words: str) -> bool:
    """Whether the error's text contains one of the phrases, in any case."""
    text = str(error).lower()
    return any(word.lower() in text for word in words)


def clashing_port(error: DaemonError) -> int | None:
    """Return the host port that is taken already, if that is what the error says."""
    if not says(error, "port is already allocated", "address already in use"):
        return None
    found = re.search(
        r"[:\s](\d{1,5})(?:/\w+)?(?: failed: port is already allocated|: bind: address already)", str(error)
    )
    return int(found.group(1)) if found else None


def redacted(text: str, hidden: Iterable[str]) -> str:
    """Return a text with every value that might be secret blotted out."""
    for value in sorted(set(hidden), key=len, reverse=True):
        if len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, "[secret]")
    return text


def confidential(inputs: Mapping[str, Any]) -> list[str]:
    """Collect the values of a container's inputs that may be secret: environment and uploaded files."""
    values = [item.partition("=")[2] for item in inputs.get("envs") or [] if isinstance(item, str)]
    for upload in inputs.get("uploads") or []:
        for line in str(upload.get("content") or "").splitlines():
            values += [line.strip(), line.partition("=")[2].strip()]
        values.append(str(upload.get("contentBase64") or ""))
    return [value for value in values if value]
