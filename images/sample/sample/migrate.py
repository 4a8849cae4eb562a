"""Bring the schema to the newest version: once, however many start together, in one transaction."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import asyncpg

from sample.logs import log
from sample.schema import LOCK_KEY, STEPS

if TYPE_CHECKING:
    from sample.config import Config

# Not reachable, still starting, or shutting down: worth another try. A wrong password or name is not.
_TRANSIENT = (OSError, asyncio.TimeoutError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError)
_LONGEST_DELAY_SECONDS = 2.0


async def connect(url: str, wait_seconds: float) -> asyncpg.Connection:
    """Connect to the database, trying again for at most `wait_seconds` while it cannot be reached.

    Raises:
        OSError, asyncio.TimeoutError, asyncpg.PostgresError: the last failure, when waiting is no use (any more).
    """
    deadline, delay = time.monotonic() + wait_seconds, 0.1
    while True:
        try:
            return await asyncpg.connect(url, timeout=5, command_timeout=60)
        except _TRANSIENT as error:
            if time.monotonic() + delay > deadline:
                raise
            log.info("waiting for the database", extra={"reason": f"{type(error).__name__}: {error}"})
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY_SECONDS)


async def migrate(config: Config) -> int:
    """Apply the steps that are missing; return 0, or 1 with the reason in the log."""
    try:
        connection = await connect(config.database_url, config.wait_seconds)
    except (*_TRANSIENT, asyncpg.PostgresError) as error:
        log.error("the database cannot be reached", extra={"reason": f"{type(error).__name__}: {error}"})
        return 1
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK_KEY)
            await connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)")
            version = await connection.fetchval("SELECT max(version) FROM schema_version") or 0
            for step in STEPS[version:]:
                await connection.execute(step)
            if version < len(STEPS):
                await connection.execute("DELETE FROM schema_version")
                await connection.execute("INSERT INTO schema_version VALUES ($1)", len(STEPS))
    except asyncpg.PostgresError as error:
        log.error("the migration failed and changed nothing", extra={"reason": f"{type(error).__name__}: {error}"})
        return 1
    finally:
        await connection.close(timeout=5)
    # A newer schema is left alone: an older release that is rolled back to must still start.
    log.info("schema ready", extra={"from_version": version, "to_version": max(version, len(STEPS))})
    return 0
