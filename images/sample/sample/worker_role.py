"""The worker as a process: its connections, its heartbeat, its stop signal."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from sample import health, queueing, store
from sample.logs import log
from sample.serving import stop_on_signals
from sample.worker import Worker

if TYPE_CHECKING:
    from sample.config import Config

UNAVAILABLE = (*store.UNAVAILABLE, *queueing.UNAVAILABLE)


async def run_worker(config: Config) -> int:
    """Do jobs until a stop signal, then finish the one in hand; return 0."""
    stop = stop_on_signals()
    client = queueing.connect(config.redis_url)
    jobs = await store.Store.open(config.database_url, size=3, name=f"sample-worker-{config.replica}"[:63])
    queue = queueing.Queue(client)
    worker = Worker(
        jobs,
        queue,
        name=config.replica,
        release=config.release,
        lease_seconds=config.lease_seconds,
        unavailable=UNAVAILABLE,
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            heart = tasks.create_task(_beat(jobs, queue))
            tasks.create_task(worker.run_sweeper(stop))
            await worker.run(stop)
            heart.cancel()
    finally:
        await jobs.close()
        await client.close()
    return 0


async def _beat(jobs: store.Store, queue: queueing.Queue) -> None:
    """Touch the heartbeat every few seconds, from the moment that database and queue have both answered once.

    Afterwards it says only that this process is alive: an outage of the database is no reason to replace every worker.
    """
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            try:
                await jobs.ping()
                await queue.ping()
                break
            except UNAVAILABLE as error:
                log.info("waiting for database and queue", extra={"reason": f"{type(error).__name__}: {error}"})
                await asyncio.sleep(0.5)
        log.info("ready")
        while True:
            health.beat()
            await asyncio.sleep(health.HEARTBEAT_EVERY_SECONDS)
