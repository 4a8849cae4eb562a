"""Jobs in PostgreSQL: the only truth. Redis carries hints and news; both may be lost without losing a job."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from typing import Any

import asyncpg

from sample.jobs import Claim, Event, JobRequest
from sample.logs import log

MAX_ATTEMPTS = 5
"""A job that took this many workers down with it is given up, not passed to a sixth."""

UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,
)
"""What a database raises that cannot be used now and may be later: away, starting, full, a standby, not set up yet."""

_COLUMNS = """id, text, work_ms, state, progress, result, error, attempts, worker, release, fence,
              created_at, started_at, finished_at"""

CREATE = f"""
    INSERT INTO jobs (id, text, work_ms, release, idempotency_key, request_hash) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (idempotency_key) DO NOTHING RETURNING {_COLUMNS}
"""  # noqa: S608  (constant columns)
# Whoever comes first gets the row; a claim that has run out may be taken over by raising the fence.
CLAIM = """
    UPDATE jobs SET state = 'running', fence = fence + 1, attempts = attempts + 1, worker = $2, progress = 0,
                    lease_until = now() + $3 * interval '1 second', started_at = coalesce(started_at, now())
    WHERE id = $1 AND attempts < $4 AND (state = 'queued' OR (state = 'running' AND lease_until < now()))
    RETURNING id, fence, text, work_ms
"""
RENEW = """
    UPDATE jobs SET lease_until = now() + $3 * interval '1 second', progress = greatest(progress, $4)
    WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING 1
"""
COMPLETE = """
    UPDATE jobs SET state = 'done', progress = 100, result = $3, lease_until = NULL, finished_at = now()
    WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING 1
"""
EFFECT = "INSERT INTO effects (job_id, fence, worker, release) VALUES ($1, $2, $3, $4)"
GIVE_UP = """
    UPDATE jobs SET state = 'failed', error = 'given up after ' || attempts || ' attempts', lease_until = NULL,
                    finished_at = now()
    WHERE state = 'running' AND lease_until < now() AND attempts >= $1 RETURNING id, fence, progress
"""
# Jobs that nobody has looked after for a while: not taken, or taken and abandoned. SKIP LOCKED lets sweepers share.
SWEEP = """
    UPDATE jobs SET swept_at = now() WHERE id IN (
        SELECT id FROM jobs
        WHERE state IN ('queued', 'running') AND swept_at < now() - $1 * interval '1 second'
          AND (state = 'queued' OR lease_until < now())
        ORDER BY swept_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    RETURNING id
"""


class KeyReusedError(Exception):
    """The idempotency key already belongs to a different request."""


@dataclass(frozen=True)
class Created:
    """A stored job, and whether this call made it or an earlier one under the same key did."""

    job: dict[str, Any]
    replayed: bool


class Store:
    """The statements, over a connection pool. Errors of the database pass through (see `UNAVAILABLE`)."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use `pool`; whoever made it closes it."""
        self._pool = pool

    @classmethod
    async def open(cls, url: str, *, size: int, name: str) -> Store:
        """Make a pool of at most `size` connections that connect on first use, so that a start needs no database."""
        pool = await asyncpg.create_pool(
            url, min_size=0, max_size=size, timeout=3, command_timeout=10, server_settings={"application_name": name}
        )
        return cls(pool)

    async def close(self) -> None:
        """Close the pool, waiting for statements that run, but not for a database that is away."""
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def ping(self) -> None:
        """Fail unless the database answers and holds the schema."""
        await self._pool.fetchval("SELECT 1 FROM jobs LIMIT 1", timeout=2)

    async def create(self, request: JobRequest, release: str) -> Created:
        """Store a job, or find the one that the same idempotency key made before.

        Raises:
            KeyReusedError: the key belongs to another request.
        """
        row = await self._pool.fetchrow(
            CREATE, uuid.uuid4(), request.text, request.work_ms, release, request.idempotency_key, request.digest
        )
        if row is not None:
            return Created(as_job(row), replayed=False)
        row = await self._pool.fetchrow(
            f"SELECT {_COLUMNS}, request_hash FROM jobs WHERE idempotency_key = $1",  # noqa: S608  (constant columns)
            request.idempotency_key,
        )
        if row["request_hash"] != request.digest:
            raise KeyReusedError
        return Created(as_job(row), replayed=True)

    async def get(self, job_id: str) -> dict[str, Any] | None:
        """Return one job, None where there is none."""
        row = await self._pool.fetchrow(f"SELECT {_COLUMNS} FROM jobs WHERE id = $1", uuid.UUID(job_id))  # noqa: S608
        return None if row is None else as_job(row)

    async def newest(self, limit: int) -> list[dict[str, Any]]:
        """Return the `limit` newest jobs, newest first."""
        rows = await self._pool.fetch(f"SELECT {_COLUMNS} FROM jobs ORDER BY created_at DESC LIMIT $1", limit)  # noqa: S608
        return [as_job(row) for row in rows]

    async def counts(self) -> dict[str, int]:
        """Return how many jobs are in each state."""
        rows = await self._pool.fetch("SELECT state, count(*) AS jobs FROM jobs GROUP BY state")
        return {row["state"]: row["jobs"] for row in rows}

    async def event(self, job_id: str) -> Event | None:
        """Return where a job stands, None where there is no such job."""
        job = await self.get(job_id)
        if job is None:
            return None
        return Event(job["id"], job["state"], job["progress"], job["fence"], job["worker"], job["release"])

    async def claim(self, job_id: str, worker: str, lease_seconds: float) -> Claim | None:
        """Take a job; None when it is done, someone else's, unknown or given up."""
        try:
            key = uuid.UUID(job_id)
        except ValueError:
            log.warning("the queue held what is no job", extra={"text": job_id[:50]})
            return None
        row = await self._pool.fetchrow(CLAIM, key, worker, lease_seconds, MAX_ATTEMPTS)
        return None if row is None else Claim(str(row["id"]), row["fence"], row["text"], row["work_ms"])

    async def renew(self, claim: Claim, lease_seconds: float, progress: int) -> bool:
        """Hold on to a job and note its progress; False when it is no longer this claim's."""
        held = await self._pool.fetchval(RENEW, uuid.UUID(claim.job_id), claim.fence, lease_seconds, progress)
        return held is not None

    async def complete(self, claim: Claim, result: dict[str, Any], worker: str, release: str) -> bool:
        """Record the effect and the completion together; False when the job is no longer this claim's.

        May be called again after a failure that left open whether it had happened.
        """
        job_id = uuid.UUID(claim.job_id)
        async with self._pool.acquire(timeout=3) as connection, connection.transaction():
            if await connection.fetchval(COMPLETE, job_id, claim.fence, json.dumps(result)) is not None:
                await connection.execute(EFFECT, job_id, claim.fence, worker, release)
                return True
            done = "SELECT 1 FROM jobs WHERE id = $1 AND fence = $2 AND state = 'done'"
            return await connection.fetchval(done, job_id, claim.fence) is not None

    async def give_up(self) -> list[Event]:
        """Fail the jobs that were abandoned too often, and return the news."""
        rows = await self._pool.fetch(GIVE_UP, MAX_ATTEMPTS)
        for row in rows:
            log.error("gave a job up", extra={"job": str(row["id"]), "attempts": MAX_ATTEMPTS})
        return [Event(str(row["id"]), "failed", row["progress"], row["fence"]) for row in rows]

    async def neglected(self, older_than_seconds: float, limit: int) -> list[str]:
        """Return open jobs that nobody has looked after, and note that they are being looked after now."""
        return [str(row["id"]) for row in await self._pool.fetch(SWEEP, older_than_seconds, limit)]


def as_job(row: asyncpg.Record) -> dict[str, Any]:
    """Turn a row into what the API shows."""
    job = {key: value for key, value in row.items() if key != "request_hash"}
    job["id"] = str(job["id"])
    job["result"] = None if job["result"] is None else json.loads(job["result"])
    for key in ("created_at", "started_at", "finished_at"):
        job[key] = None if job[key] is None else job[key].isoformat()
    return job
