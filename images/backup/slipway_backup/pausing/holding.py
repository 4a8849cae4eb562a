"""Who is held, and that each of them goes on again, whatever is killed in between."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from slipway_backup.pausing.engine import Engine, EngineError, Writer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ROUNDS: Final = 10
"""How often containers that come and go are looked for anew before it is given up."""
_NEVER: Final = "0001-01-01T00:00:00Z"
"""What Docker says of a container that was never started."""


class RefusedError(Exception):
    """What writes the volume can't be held; the text says why."""


@dataclass
class Holder:
    """Holds what writes a volume, one volume at a time.

    Args:
        engine: Docker.
        volumes: Names of volumes on the host, by the names by which they are asked for: nothing else can be.
        note: A file that outlives this process, and says whom it holds.
    """

    engine: Engine
    volumes: Mapping[str, str]
    note: Path
    _held: dict[str, str] = field(default_factory=dict)
    """Names of the containers that stand still by our doing, by id."""
    _busy: threading.Lock = field(default_factory=threading.Lock)
    _change: threading.RLock = field(default_factory=threading.RLock)
    _ended: bool = False

    def tidy(self) -> list[str]:
        """Let those go on that a killed predecessor held, and nobody else; return their ids. Raises EngineError."""
        try:
            left = json.loads(self.note.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except ValueError:  # it is put in place whole, so this is none of ours
            left = []
        for container in left:
            self.engine.unpause(str(container))
        self.note.unlink(missing_ok=True)
        return [str(container) for container in left]

    def hold(self, store: str) -> Hold:
        """Let all that writes a volume stand still.

        Raises:
            RefusedError: Something that writes it can't be held; nothing stands still then.
            EngineError: Docker refuses; nothing stands still then.
        """
        volume = self.volumes.get(store)
        if volume is None:
            raise RefusedError(f"{store} is no volume whose services are paused")
        if not self._busy.acquire(blocking=False):
            raise RefusedError("another one holds services already")
        try:
            known = self._pause_writers(volume)
            return Hold(self, volume, dict(self._held), known)
        except BaseException:
            self.let_go()
            raise

    def let_go(self, *, for_good: bool = False) -> None:
        """Let all go on that are held; with ``for_good`` nobody is held any more.

        Raises:
            EngineError: Docker does not do it; who is held stays noted, for :meth:`tidy`.
        """
        with self._change:
            self._ended = self._ended or for_good
            for container in list(self._held):
                self.engine.unpause(container)
                del self._held[container]
            self.note.unlink(missing_ok=True)
            if self._busy.locked():
                self._busy.release()

    def _pause_writers(self, volume: str) -> dict[str, str]:
        """Let them stand still; return when each that there is was started last, by id."""
        left: list[Writer] = []
        for _ in range(_ROUNDS):
            # Until nobody comes who was not there when it was looked: a deployment may be starting some.
            there = self.engine.writers(volume)
            left = [writer for writer in there if writer.alive and writer.id not in self._held]
            if not left:
                return {writer.id: writer.started for writer in there}
            for writer in left:
                self._refuse(writer)
                self._pause(writer)
        raise RefusedError(f"what writes it does not come to rest: {', '.join(writer.name for writer in left)}")

    def _pause(self, writer: Writer) -> None:
        with self._change:
            if self._ended:
                raise RefusedError("the pauser is ending")
            # Noted first: killed after this, the next one lets go on what may not even have been held.
            self._write_note([*self._held, writer.id])
            try:
                if self.engine.pause(writer.id):
                    self._held[writer.id] = writer.name
            except EngineError as error:
                raise RefusedError(f"{writer.name} can't be paused: {error}") from error

    def _refuse(self, writer: Writer) -> None:
        if not writer.ours:
            raise RefusedError(f"{writer.name} writes it, which is no service of this stack and so is not paused")
        if writer.state == "paused":
            raise RefusedError(f"{writer.name} was paused by somebody else, who may let it go on at any moment")
        if writer.state == "restarting":
            raise RefusedError(f"{writer.name} ends again and again, and may write it at any moment")

    def _write_note(self, containers: list[str]) -> None:
        aside = self.note.with_suffix(".partial")
        with aside.open("w", encoding="utf-8") as stream:
            json.dump(containers, stream)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(self.note)


@dataclass(frozen=True)
class Hold:
    """What writes a volume stands still, until :meth:`end`."""

    holder: Holder
    volume: str
    held: Mapping[str, str]
    """Names of the containers, by id."""
    known: Mapping[str, str]
    """When each container that may write it was started last, by id."""
    since: float = field(default_factory=time.monotonic)

    def broken(self) -> str | None:
        """Return in words what may have written the volume meanwhile, if anything may. Raises EngineError."""
        now = {writer.id: writer for writer in self.holder.engine.writers(self.volume)}
        for container, name in self.held.items():
            if container not in now or now[container].state != "paused":
                return f"{name} did not stand still to the end"
        for container, writer in now.items():
            if writer.started != self.known.get(container, _NEVER):
                return f"{writer.name} was started meanwhile"
        return None

    def end(self) -> float:
        """Let all go on; return for how many seconds they were held. Raises EngineError."""
        self.holder.let_go()
        return round(time.monotonic() - self.since, 3)
