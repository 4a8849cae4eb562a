"""The open loop: sends what is due, whether or not earlier requests were answered, and writes everything down."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from operate.probe.client import Told
from operate.probe.kinds import Asker, unix_clock
from operate.probe.model import CannotProbe, Mark
from operate.probe.summary import Summary, summarize

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from operate.probe.model import Probe, Record

_AGAIN_S: Final = 0.1
"""Before a websocket that was refused or cut off is opened again; one that was told comes back at once."""
BEFORE: Final = "before"
"""Name of the time before the first mark."""
_ASKED_S: Final = 5.0


@dataclass
class Control:
    """How a run is told from outside what happens: thread-safe, once it has begun."""

    loop: asyncio.AbstractEventLoop
    stopping: asyncio.Event
    clock: Callable[[], float]
    marks: list[Mark]
    records: list[Record]
    """Every request, added when it ends: to look at, not to change."""
    write: Callable[[Any], None]

    def mark(self, name: str) -> None:
        """Give the moment a name: what is due from now on belongs to it."""
        self._call(self._mark, Mark(name, self.clock()))

    def stop(self) -> None:
        """Send nothing more, and wait for what is under way."""
        self._call(self.stopping.set)

    def follow(self, lines: Iterator[str], *, stop_at_end: bool) -> None:
        """Take each line as a mark, in a thread of its own."""

        def read() -> None:
            for line in lines:
                if word := line.strip():
                    self.mark(word)
            if stop_at_end:
                self.stop()

        threading.Thread(target=read, daemon=True).start()

    def _call(self, what: Callable[..., None], *with_: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it the run
            self.loop.call_soon_threadsafe(what, *with_)

    def _mark(self, mark: Mark) -> None:
        self.marks.append(mark)
        self.write(mark)


def stdin_lines() -> Iterator[str]:
    """Yield the lines of stdin. Not from ``sys.stdin``: a thread that waits there would keep Python from ending."""
    rest = b""
    while piece := os.read(0, 4096):
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)


@dataclass
class _Book:
    """What was written down."""

    file: TextIO | None
    records: list[Record] = field(default_factory=list)

    def write(self, item: Record | Mark) -> None:
        if not isinstance(item, Mark):
            self.records.append(item)
        if self.file is not None:
            self.file.write(item.to_json() + "\n")


def run(probe: Probe, begin: Callable[[Control], None] = lambda _: None) -> Summary:
    """Send until the time is over or ``stop`` is called, and return what came of it.

    Args:
        probe: What to send.
        begin: Called once, in the loop, with what controls the run.

    Raises:
        CannotProbe: The file for the records can't be written, or certificates can't be read.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(Path(probe.records).open("w", encoding="utf-8")) if probe.records else None
        except OSError as error:
            raise CannotProbe(f"can't write {probe.records}: {error.strerror}") from None
        return asyncio.run(_run(probe, _Book(file), begin))


async def _run(probe: Probe, book: _Book, begin: Callable[[Control], None]) -> Summary:
    clock, stop, asker = unix_clock(), asyncio.Event(), Asker(probe)
    control = Control(asyncio.get_running_loop(), stop, clock, [Mark(BEFORE, clock())], book.records, book.write)
    begin(control)
    constant = [(asker.get, probe.rate)]
    if probe.post:
        constant.append((asker.post, probe.post_rate))
    if probe.stream:
        constant.append((asker.stream, 1 / probe.stream_every_s))
    if probe.upload:
        constant.append((asker.upload, 1 / probe.upload_every_s))
    held = [
        asyncio.ensure_future(_held(asker, clock, stop, book))
        for _ in range(probe.websockets if probe.websocket else 0)
    ]
    loops = [_constantly(send, rate, clock, stop, book, seconds=probe.seconds) for send, rate in constant]
    await asyncio.gather(*loops)
    stop.set()
    await asyncio.gather(*held)
    ended = clock()
    twice, lost, unsaid = 0, 0, ""
    if probe.post and asker.posted:
        try:
            twice, lost = await _arrived(asker)
        except Told as told:
            unsaid = f"which POSTs arrived is not known: {told}"
    await asker.close()
    return summarize(book.records, control.marks, ended, duplicates=twice, lost=lost, unsaid=unsaid)


async def _constantly(
    send: Callable[[float, Callable[[], float]], Coroutine[None, None, Record]],
    rate: float,
    clock: Callable[[], float],
    stop: asyncio.Event,
    book: _Book,
    *,
    seconds: float | None,
) -> None:
    """Send at a constant rate until told to stop, or all that is due within ``seconds``; each is a task of its own."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(due: float) -> None:
        book.write(await send(due, clock))

    started, count = clock(), 0
    while not stop.is_set() and (seconds is None or count < seconds * rate):
        due = started + count / rate
        count += 1
        if (pause := due - clock()) > 0 and await _stopped_within(stop, pause):
            break
        task = asyncio.create_task(one(due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        if pause <= 0:  # behind: whatever has arrived meanwhile comes first
            await asyncio.sleep(0)
    await asyncio.gather(*tasks)


async def _stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return stop.is_set()


async def _held(asker: Asker, clock: Callable[[], float], stop: asyncio.Event, book: _Book) -> None:
    """Keep a websocket open, again and again."""
    while not stop.is_set():
        record = await asker.socket(clock(), clock, stop)
        book.write(record)
        if record.error and await _stopped_within(stop, _AGAIN_S):
            return


async def _arrived(asker: Asker) -> tuple[int, int]:
    """Ask which POSTs arrived, for a while: the end of a run may be the middle of an outage."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _ASKED_S
    while True:
        try:
            return await asker.arrived()
        except Told:
            if loop.time() > until:
                raise
            await asyncio.sleep(_AGAIN_S)
