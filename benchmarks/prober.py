"""An open-loop load: requests leave at a constant rate whether or not answers come, so that a stall is counted."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field
from typing import Self

_PORT_TIMEOUT_S = 10.0


@dataclass
class Answers:
    """What became of the requests."""

    seconds: list[float] = field(default_factory=list)
    """From the moment a request was due to the last byte of its answer, for those that succeeded."""
    failed: list[str] = field(default_factory=list)
    """What went wrong, one entry a failed request."""

    @property
    def sent(self) -> int:
        """How many requests left."""
        return len(self.seconds) + len(self.failed)

    def percentile(self, share: float) -> float:
        """Return the time below which this share of the answers came, in seconds."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class Load:
    """GET requests to 127.0.0.1 at a constant rate, in a thread of its own, until the ``with`` block ends."""

    def __init__(self, port: int, path: str, rate: float) -> None:
        self.port, self.path, self.rate = port, path, rate
        self.answers = Answers()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send_all()), name="load")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _send_all(self) -> None:
        tasks: set[asyncio.Task[None]] = set()
        started, count = time.perf_counter(), 0
        while not self._stop.is_set():
            due = started + count / self.rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            task = asyncio.create_task(self._send(due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            count += 1
        await asyncio.gather(*tasks)

    async def _send(self, due: float) -> None:
        try:
            async with asyncio.timeout(_PORT_TIMEOUT_S):
                status = await self._get()
        except (OSError, TimeoutError, ValueError, IndexError) as error:
            self.answers.failed.append(type(error).__name__)
            return
        if status == 200:  # noqa: PLR2004 - HTTP's OK
            self.answers.seconds.append(time.perf_counter() - due)
        else:
            self.answers.failed.append(f"status {status}")

    async def _get(self) -> int:
        """One request on a connection of its own: that is what a client does that a release must not refuse."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            answer = await reader.read()
        finally:
            writer.close()
        return int(answer.split(b" ", 2)[1])
