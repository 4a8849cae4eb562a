"""Several containers' logs as one stream of lines, in the order of their time."""

from __future__ import annotations

import heapq
import queue
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from operate import labels
from operate.find_containers import Found, find_containers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import docker

_END: Final = None


@dataclass(frozen=True, order=True)
class LogLine:
    """A line that a container has written."""

    moment: str
    """When, in UTC as Docker writes it; sorts by time."""
    title: str
    """The container, in the stack's own words."""
    text: str
    """The line."""


def read_logs(
    client: docker.DockerClient, containers: Iterable[Found], tail: int | None, since: float | None = None
) -> list[LogLine]:
    """Return what the containers have written so far, oldest first.

    Args:
        client: Docker.
        containers: Whose logs.
        tail: How many of the last lines of each; ``None`` for all.
        since: From when on, in seconds since 1970; ``None`` from the beginning.
    """
    streams = [_past(client, container, tail, since) for container in containers]
    return list(heapq.merge(*streams))


def chosen(lines: Iterable[LogLine], pattern: re.Pattern[str] | None, request_id: str | None) -> Iterator[LogLine]:
    """Yield the lines that fit.

    Args:
        lines: Lines of logs.
        pattern: What a line must hold. Default: anything.
        request_id: The id of a request, which a line must hold as a word of its own: ids may begin alike.
    """
    wanted = re.compile(rf"(?<![\w-]){re.escape(request_id)}(?![\w-])") if request_id is not None else None
    for line in lines:
        if (pattern is None or pattern.search(line.text)) and (wanted is None or wanted.search(line.text)):
            yield line


def _past(client: docker.DockerClient, container: Found, tail: int | None, since: float | None) -> list[LogLine]:
    raw = client.api.logs(container.id, timestamps=True, tail="all" if tail is None else tail, since=since)
    lines = [_line(container.title, line) for line in raw.decode("utf-8", errors="replace").splitlines()]
    return sorted(lines, key=lambda line: line.moment)


def _line(title: str, text: str) -> LogLine:
    moment, _, rest = text.partition(" ")
    return LogLine(moment, title, rest)


class Follower:
    """Follows containers' logs, and those of replicas that start meanwhile.

    Args:
        client: Docker.
        project: The project.
        stack: The stack.
        wanted: Says which of the stack's containers to follow.
        tail: How many past lines of each to begin with; ``None`` for all.
        since: From when on, in seconds since 1970; ``None`` from the beginning.
    """

    def __init__(
        self,
        client: docker.DockerClient,
        project: str,
        stack: str,
        wanted: Callable[[Found], bool],
        tail: int | None,
        *,
        since: float | None = None,
    ) -> None:
        self._client = client
        self._project = project
        self._stack = stack
        self._wanted = wanted
        self._tail = tail
        self._since = since
        self._lines: queue.SimpleQueue[LogLine | None] = queue.SimpleQueue()
        self._followed: set[str] = set()
        self._guard = threading.Lock()
        self._open = 0

    def lines(self) -> Iterator[LogLine]:
        """Yield lines as they are written, until nothing of the stack runs any more."""
        events = self._client.api.events(
            decode=True,
            filters={"type": "container", "event": "start", **labels.filters(self._project, self._stack)},
        )
        watcher = threading.Thread(target=self._watch, args=(events,), name="log-watcher", daemon=True)
        watcher.start()
        try:
            self._begin(self._tail)
            while self._open or not self._lines.empty():
                line = self._lines.get()
                if line is not _END:
                    yield line
                    continue
                with self._guard:
                    self._open -= 1
        finally:
            events.close()

    def _watch(self, events: Iterable[object]) -> None:
        for _ in events:
            self._begin(None)

    def _begin(self, tail: int | None) -> None:
        for container in find_containers(self._client, self._project, self._stack):
            with self._guard:
                if container.id in self._followed or not self._wanted(container):
                    continue
                self._followed.add(container.id)
                self._open += 1
            threading.Thread(target=self._follow, args=(container, tail), name=container.title, daemon=True).start()

    def _follow(self, container: Found, tail: int | None) -> None:
        rest = b""
        try:
            chunks = self._client.api.logs(
                container.id,
                stream=True,
                follow=True,
                timestamps=True,
                tail="all" if tail is None else tail,
                since=self._since,
            )
            for chunk in chunks:
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._lines.put(_line(container.title, line.decode("utf-8", errors="replace")))
        finally:
            if rest:
                self._lines.put(_line(container.title, rest.decode("utf-8", errors="replace")))
            self._lines.put(_END)
