"""A worker's loop, over any store and queue: take, claim, work, complete; finish the job in hand when asked to stop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Protocol

from sample.jobs import Claim, Event, work
from sample.logs import log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SWEEP_EVERY_SECONDS = 2.0
SWEEP_OLDER_THAN_SECONDS = 5.0
SWEEP_LIMIT = 50
_LONGEST_PAUSE_SECONDS = 5.0


class LeaseLostError(Exception):
    """Somebody else holds the job now; nothing that this worker did for it counts."""


class JobStore(Protocol):
    """What the worker needs of the store: see `sample.store.Store`."""

    async def claim(self, job_id: str, worker: str, lease_seconds: float) -> Claim | None: ...  # noqa: D102
    async def renew(self, claim: Claim, lease_seconds: float, progress: int) -> bool: ...  # noqa: D102
    async def complete(self, claim: Claim, result: dict[str, Any], worker: str, release: str) -> bool: ...  # noqa: D102
    async def give_up(self) -> list[Event]: ...  # noqa: D102
    async def neglected(self, older_than_seconds: float, limit: int) -> list[str]: ...  # noqa: D102


class JobQueue(Protocol):
    """What the worker needs of the queue: see `sample.queueing.Queue`."""

    async def take(self, timeout_seconds: int) -> str | None: ...  # noqa: D102
    async def give_back(self, job_id: str) -> None: ...  # noqa: D102
    async def push_if_absent(self, job_id: str) -> bool: ...  # noqa: D102
    async def publish(self, event: Event) -> None: ...  # noqa: D102


class Worker:
    """Does one job at a time.

    Args:
        store: where jobs are claimed and completed.
        queue: where ids come from and news go to.
        name: who does the work, as users see it.
        release: the version that does it.
        lease_seconds: how long a claim holds unrenewed; another worker takes the job over after that.
        unavailable: what store and queue raise while they cannot be reached.
        sleep: waits a number of seconds.
    """

    def __init__(
        self,
        store: JobStore,
        queue: JobQueue,
        *,
        name: str,
        release: str,
        lease_seconds: float,
        unavailable: tuple[type[BaseException], ...],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._queue = queue
        self._name = name
        self._release = release
        self._lease_seconds = lease_seconds
        self._unavailable = unavailable
        self._sleep = sleep

    async def run(self, stop: asyncio.Event) -> None:
        """Take jobs until `stop` is set; the job in hand is finished first."""
        pause = 0.0
        while not stop.is_set():
            try:
                job_id = await self._queue.take(1)
                if job_id is not None and stop.is_set():
                    await self._queue.give_back(job_id)
                elif job_id is not None:
                    await self.do(job_id)
                pause = 0.0
            except self._unavailable as error:
                pause = min(_LONGEST_PAUSE_SECONDS, pause * 2 or 0.2)
                log.warning("database or queue unavailable", extra={"reason": _reason(error), "pause_s": pause})
                await _wait(stop, pause)

    async def do(self, job_id: str) -> bool:
        """Claim a job and do it; return whether this call completed it."""
        claim = await self._store.claim(job_id, self._name, self._lease_seconds)
        if claim is None:
            return False
        started = time.monotonic()
        try:
            await self._work_and_complete(claim)
        except LeaseLostError:
            log.warning("lost the lease on a job", extra={"job": job_id, "fence": claim.fence})
            return False
        seconds = round(time.monotonic() - started, 3)
        log.info("job done", extra={"job": job_id, "fence": claim.fence, "seconds": seconds})
        return True

    async def sweep(self) -> int:
        """Bring jobs that were forgotten back into the queue; return how many were missing there.

        That is what repairs a push that was lost, a queue that was emptied and a worker that died.
        """
        for event in await self._store.give_up():
            await self._tell(event)
        missing = 0
        for job_id in await self._store.neglected(SWEEP_OLDER_THAN_SECONDS, SWEEP_LIMIT):
            missing += await self._queue.push_if_absent(job_id)
        if missing:
            log.info("brought forgotten jobs back into the queue", extra={"jobs": missing})
        return missing

    async def run_sweeper(self, stop: asyncio.Event) -> None:
        """Sweep every few seconds until `stop` is set."""
        while not await _wait(stop, SWEEP_EVERY_SECONDS):
            try:
                await self.sweep()
            except self._unavailable as error:
                log.warning("could not sweep", extra={"reason": _reason(error)})

    async def _work_and_complete(self, claim: Claim) -> None:
        progress = 0

        async def report(value: int) -> None:
            nonlocal progress
            progress = value
            await self._tell(self._event(claim, "running", value))

        await report(0)
        working = asyncio.ensure_future(work(claim, report, self._sleep))
        keeping = asyncio.ensure_future(self._keep(claim, lambda: progress))
        try:
            await asyncio.wait((working, keeping), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                keeping.result()  # Raises LeaseLostError: the keeper ends in no other way.
            await self._complete(claim, working.result())
        finally:
            for task in (working, keeping):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, LeaseLostError):
                    await task
        await self._tell(self._event(claim, "done", 100))

    async def _keep(self, claim: Claim, progress: Callable[[], int]) -> None:
        """Renew the lease until cancelled.

        Raises:
            LeaseLostError: the job is somebody else's, or the lease ran out while the database could not be asked.
        """
        renewed = time.monotonic()
        while True:
            await asyncio.sleep(min(1.0, self._lease_seconds / 3))
            try:
                if not await self._store.renew(claim, self._lease_seconds, progress()):
                    raise LeaseLostError
                renewed = time.monotonic()
            except self._unavailable as error:
                log.warning("could not renew a lease", extra={"job": claim.job_id, "reason": _reason(error)})
                if time.monotonic() - renewed > self._lease_seconds:
                    raise LeaseLostError from error

    async def _complete(self, claim: Claim, result: dict[str, Any]) -> None:
        """Complete, trying again while the database cannot be reached and the lease may still hold."""
        deadline = time.monotonic() + self._lease_seconds
        while True:
            try:
                if not await self._store.complete(claim, result, self._name, self._release):
                    raise LeaseLostError
            except self._unavailable as error:
                log.warning("could not complete a job", extra={"job": claim.job_id, "reason": _reason(error)})
                if time.monotonic() > deadline:
                    raise LeaseLostError from error
                await asyncio.sleep(0.5)
            else:
                return

    async def _tell(self, event: Event) -> None:
        """Publish; news that cannot be told are no reason to stop working."""
        try:
            await self._queue.publish(event)
        except self._unavailable as error:
            log.debug("could not publish progress", extra={"job": event.job, "reason": _reason(error)})

    def _event(self, claim: Claim, state: str, progress: int) -> Event:
        return Event(claim.job_id, state, progress, claim.fence, self._name, self._release)


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


async def _wait(stop: asyncio.Event, seconds: float) -> bool:
    """Wait for `stop`, at most `seconds`; return whether it is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return stop.is_set()
