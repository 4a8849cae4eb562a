"""Asking the pauser to hold what writes a volume, for as long as its archive takes."""

from __future__ import annotations

import json
import select
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from slipway_backup.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_PATIENCE_S: Final = 120.0
"""Pausing is quick; looking for who is to be paused asks Docker, which may be busy."""


@dataclass(frozen=True)
class Ended:
    """How a hold ended."""

    seconds: float
    """For how long services were held."""
    broken: str | None
    """What may have written the volume meanwhile, in words, if anything may."""


class Hold:
    """Services that stand still."""

    def __init__(self, store: str, connection: socket.socket, stream: IO[bytes], held: Sequence[str]) -> None:
        self._store = store
        self._connection = connection
        self._stream = stream
        self.held = held
        """Names of their containers."""

    def check(self) -> None:
        """See that they still do. Raises BackupError."""
        if select.select([self._connection], [], [], 0)[0]:
            self._answer()

    def release(self) -> Ended:
        """Let them go on, and say how it was.

        Raises:
            BackupError: They went on before, since it took too long or the pauser ended.
        """
        with suppress(OSError):  # it ended: what it said last is there to be read
            self._connection.sendall(b"release\n")
        said = self._answer()
        return Ended(float(said["seconds"]), said["broken"])

    def _answer(self) -> Any:
        return _read(self._store, self._stream)


@contextmanager
def hold(place: Path, store: str) -> Iterator[Hold]:
    """Have what writes a volume held; whatever ends this, they go on.

    Args:
        place: The pauser's socket.
        store: The volume's name in the description.

    Raises:
        BackupError: Something that writes it can't be held, or nobody answers.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_PATIENCE_S)
        try:
            connection.connect(str(place))
            connection.sendall(f"hold {store}\n".encode())
        except OSError as error:
            raise BackupError(_gone(store, str(error))) from None
        with connection.makefile("rb") as stream:
            yield Hold(store, connection, stream, _read(store, stream)["held"])


def _read(store: str, stream: IO[bytes]) -> Any:
    try:
        line = stream.readline()
        said = json.loads(line) if line else None
    except (OSError, ValueError) as error:
        raise BackupError(_gone(store, str(error))) from None
    if said is None:
        raise BackupError(_gone(store, "it ended"))
    if "error" in said:
        raise BackupError(f"volume {store} is to be archived with its services paused: {said['error']}")
    return said


def _gone(store: str, why: str) -> str:
    return (
        f"volume {store} is to be archived with its services paused, and the pauser gives no answer ({why}):"
        " slipway status and slipway logs backups say how it is; services that are still paused go on with slipway up"
    )
