"""What the pauser asks of Docker: who writes a volume, stand still, go on. Nothing else is asked, whoever asks."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.parse
from dataclasses import dataclass
from typing import Any, Final

_ANSWERS_S: Final = 30.0
_GONE: Final = 404
_OTHERWISE: Final = 409
_PROJECT: Final = "slipway.project"
_STACK: Final = "slipway.stack"
_PART: Final = "slipway.part"
_OWN_PART: Final = "backups"


class EngineError(Exception):
    """Docker refuses, or does not answer; the text says which."""


@dataclass(frozen=True)
class Writer:
    """A container that has a volume mounted and may write it."""

    id: str
    name: str
    ours: bool
    """Whether it is a service of the stack, which may be paused; else it is somebody else's, or of the backups."""
    state: str
    """Docker's word: ``running``, ``paused``, ``restarting``, ``exited``, …"""
    started: str
    """When it was started last, as Docker says it; another text means that it was started since."""

    @property
    def alive(self) -> bool:
        """Whether it runs, may run at any moment, or is held."""
        return self.state in {"running", "restarting", "paused"}


@dataclass(frozen=True)
class Engine:
    """Docker, by its socket."""

    socket: str
    """Path of the socket."""
    project: str
    """Whose containers are ours, with ``stack``."""
    stack: str
    """See ``project``."""

    def ping(self) -> None:
        """See that Docker answers. Raises EngineError."""
        self._ask("GET", "/_ping")

    def writers(self, volume: str) -> list[Writer]:
        """Return all containers that may write a volume, those that do not run too, by name.

        Raises:
            EngineError: Docker refuses.
        """
        filters = urllib.parse.quote(json.dumps({"volume": [volume]}))
        found = []
        # The filter also takes a volume's path inside a container: what is mounted is looked at.
        for item in self._json(f"/containers/json?all=1&filters={filters}"):
            if not any(_writes(mount, volume) for mount in item["Mounts"]):
                continue
            seen = self._json(f"/containers/{item['Id']}/json")
            if seen is not None:
                found.append(self._writer(seen))
        return sorted(found, key=lambda writer: writer.name)

    def pause(self, container: str) -> bool:
        """Let a container stand still; return whether it does, and not whether it runs no longer.

        Raises:
            EngineError: It runs and Docker refuses.
        """
        code, said = self._ask("POST", f"/containers/{container}/pause", _GONE, _OTHERWISE)
        if code == _OTHERWISE and self._state(container) == "running":
            raise EngineError(said)
        return code not in {_GONE, _OTHERWISE}

    def unpause(self, container: str) -> None:
        """Let a container go on; one that is gone, or does so already, is no trouble.

        Raises:
            EngineError: It stands still and Docker refuses.
        """
        code, said = self._ask("POST", f"/containers/{container}/unpause", _GONE, _OTHERWISE, 500)
        if code in {_OTHERWISE, 500} and self._state(container) == "paused":
            raise EngineError(said)

    def _writer(self, seen: dict[str, Any]) -> Writer:
        own = seen["Config"].get("Labels") or {}
        ours = (own.get(_PROJECT), own.get(_STACK)) == (self.project, self.stack) and own.get(_PART) != _OWN_PART
        state = seen["State"]
        return Writer(seen["Id"], seen["Name"].removeprefix("/"), ours, state["Status"], state["StartedAt"])

    def _state(self, container: str) -> str:
        seen = self._json(f"/containers/{container}/json")
        return "" if seen is None else str(seen["State"]["Status"])

    def _json(self, path: str) -> Any:
        """Return what is answered, and nothing where there is no such thing."""
        code, said = self._ask("GET", path, _GONE)
        return None if code == _GONE else json.loads(said)

    def _ask(self, method: str, path: str, *bearable: int) -> tuple[int, str]:
        connection = _Connection(self.socket)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            code, said = answer.status, answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"Docker does not answer at {self.socket}: {error}") from None
        finally:
            connection.close()
        if code >= http.client.BAD_REQUEST and code not in bearable:
            raise EngineError(_message(said))
        return code, said if code < http.client.BAD_REQUEST else _message(said)


def _writes(mount: dict[str, Any], volume: str) -> bool:
    return bool(mount.get("Type") == "volume" and mount.get("Name") == volume and mount.get("RW"))


def _message(said: str) -> str:
    try:
        return str(json.loads(said)["message"])
    except (ValueError, KeyError, TypeError):
        return said.strip()


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, place: str) -> None:
        super().__init__("docker", timeout=_ANSWERS_S)
        self._place = place

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_ANSWERS_S)
        self.sock.connect(self._place)
