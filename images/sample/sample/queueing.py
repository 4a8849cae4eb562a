"""Redis: a list of job ids to take, and a channel a job for news. Nothing in it is needed to know the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

if TYPE_CHECKING:
    from sample.jobs import Event

QUEUE = "sample:queue"
CHANNEL = "sample:job:"
UNAVAILABLE = (OSError, TimeoutError, RedisError)
"""What an unreachable, loading or full Redis raises."""

_SOCKET_TIMEOUT_SECONDS = 5.0


def connect(url: str) -> Redis:
    """Return a client that connects on first use, gives up after seconds and tries a lost connection again."""
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=_SOCKET_TIMEOUT_SECONDS,
        socket_connect_timeout=_SOCKET_TIMEOUT_SECONDS,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 2),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
    )


class Queue:
    """The list and the channels."""

    def __init__(self, client: Redis) -> None:
        """Use `client`; whoever made it closes it."""
        self._client = client

    async def ping(self) -> None:
        """Fail unless Redis answers."""
        await self._client.ping()

    async def length(self) -> int:
        """How many ids wait. An id may stand there twice: whoever takes it second finds nothing to claim."""
        return int(await self._client.llen(QUEUE))

    async def push(self, job_id: str) -> None:
        """Append a job."""
        await self._client.rpush(QUEUE, job_id)

    async def push_if_absent(self, job_id: str) -> bool:
        """Append a job that the queue does not hold; return whether it was missing."""
        if await self._client.lpos(QUEUE, job_id) is not None:
            return False
        await self.push(job_id)
        return True

    async def take(self, timeout_seconds: int) -> str | None:
        """Wait for a job at most `timeout_seconds`, which must be under the socket's own limit."""
        taken = await self._client.blpop(QUEUE, timeout=timeout_seconds)
        return None if taken is None else taken[1]

    async def give_back(self, job_id: str) -> None:
        """Put a job that was taken and not begun at the head again."""
        await self._client.lpush(QUEUE, job_id)

    async def publish(self, event: Event) -> None:
        """Tell whoever listens."""
        await self._client.publish(CHANNEL + event.job, event.to_json())

    async def count(self, key: str, name: str, kept_seconds: int) -> None:
        """Count `name` once more under `key`, which is forgotten after a while."""
        async with self._client.pipeline(transaction=True) as pipeline:
            pipeline.hincrby(key, name, 1)
            pipeline.expire(key, kept_seconds)
            await pipeline.execute()

    async def counts(self, key: str) -> dict[str, int]:
        """Return how often each name was counted under `key`."""
        return {name: int(count) for name, count in (await self._client.hgetall(key)).items()}
