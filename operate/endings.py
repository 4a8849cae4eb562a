"""How containers of a stack end while something is done to it: by themselves, when asked, or killed after their grace.

A container that was replaced is removed, and its exit code with it, so Docker's events are listened to meanwhile.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self, cast

from operate import labels

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    import docker

_KILLED: Final = "9"
_NAMES: Final = {"1": "SIGHUP", "2": "SIGINT", "3": "SIGQUIT", "10": "SIGUSR1", "12": "SIGUSR2", "15": "SIGTERM"}
_NANO: Final = 1e9
_JOIN_S: Final = 2.0


@dataclass(frozen=True)
class Ending:
    """A container that is meant to run all the time, and ended."""

    id: str
    """Docker's id, 12 digits."""
    name: str
    """Its name on the host."""
    part: str
    """The part that it belongs to."""
    kind: str
    """Kind of that part."""
    exit_code: int
    """Its exit code."""
    signal: str | None
    """The signal that asked it to stop; ``None``: nobody asked."""
    seconds: float
    """Time from that signal to its end."""
    killed: bool
    """Whether it was killed, since it had not ended by then."""

    def __str__(self) -> str:
        """Say what happened to one that ignored its stop signal, and what to do about it."""
        return (
            f"{self.name} ({self.kind} {self.part}) did not end within {self.seconds:.0f} s of {self.signal} and was"
            f" killed (exit code {self.exit_code}): what it had in hand was cut short"
            f"\n  fix: let it end at that signal, name another one (stop_signal), or give it longer (stop_grace)"
        )


class Endings:
    """Listens from the beginning to the end of its context.

    Args:
        client: Docker; without it nothing is heard.
        project: The Pulumi project.
        stack: The stack.
    """

    def __init__(self, client: docker.DockerClient | None, project: str, stack: str) -> None:
        self._client = client
        self._filters = {
            "type": "container",
            "event": ["kill", "die", "start"],
            "label": labels.filters(project, stack)["label"],
        }
        self._events: dict[tuple[int, str, str], dict[str, Any]] = {}
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        """Begin to listen."""
        if self._client is not None:
            self._stream = self._client.api.events(decode=True, filters=self._filters)
            self._thread = threading.Thread(target=self._listen, name="endings", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening; the daemon tells again what it told last, in case that was still on its way."""
        if self._client is None:
            return
        self._stream.close()
        self._thread.join(_JOIN_S)
        if not self._events:  # no container was asked to end, which comes well before its end
            return
        told = self._client.info().get("SystemTime")
        if not told:
            return
        now = datetime.fromisoformat(told).timestamp()
        # By the daemon's clock, whose "until" would otherwise be waited for; its stubs know no parts of a second.
        since, until = (cast("int", f"{moment:.6f}") for moment in (now - (time.monotonic() - self._began), now))
        with contextlib.suppress(OSError):
            self._note(self._client.api.events(since, until, self._filters, decode=True))

    @property
    def killed(self) -> list[Ending]:
        """What was killed, since it had not ended within its grace."""
        return [item for item in self._all() if item.killed and item.signal is not None]

    @property
    def by_themselves(self) -> list[Ending]:
        """What ended unasked, each time that it did."""
        return [item for item in self._all() if item.signal is None and not item.killed]

    def _listen(self) -> None:
        # A stream that breaks, or is closed while it is read: what it had told is known.
        with contextlib.suppress(Exception):
            self._note(self._stream)

    def _note(self, events: Iterable[Any]) -> None:
        for event in events:
            self._events[event["timeNano"], event["Actor"]["ID"], event["Action"]] = event

    def _all(self) -> list[Ending]:
        endings: list[Ending] = []
        signals: dict[str, list[tuple[float, str]]] = {}
        for (moment, container, action), event in sorted(self._events.items()):
            about = event["Actor"]["Attributes"]
            if about.get(labels.ROLE) not in labels.SERVING_ROLES:
                continue
            if action == "kill":
                signals.setdefault(container, []).append((moment / _NANO, str(about.get("signal", _KILLED))))
            elif action == "start":
                signals.pop(container, None)  # what it was sent in its last life, such as a SIGHUP
            else:
                endings.append(_ending(container, about, moment / _NANO, signals.pop(container, [])))
        return endings


def _ending(container: str, about: dict[str, str], moment: float, signals: list[tuple[float, str]]) -> Ending:
    asked = next(((sent, number) for sent, number in signals if number != _KILLED), None)
    return Ending(
        id=container[:12],
        name=about.get("name", container[:12]),
        part=about.get(labels.PART, ""),
        kind=about.get(labels.KIND, ""),
        exit_code=int(about.get("exitCode", 0)),
        signal=None if asked is None else _NAMES.get(asked[1], f"signal {asked[1]}"),
        seconds=0.0 if asked is None else moment - asked[0],
        killed=any(number == _KILLED for _, number in signals),
    )
