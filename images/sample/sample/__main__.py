"""Choose the role. Imports are made late: a health check runs every few seconds and must not load a web server."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from sample import health
from sample.config import Config, ConfigError
from sample.logs import log, set_up_logging

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

USAGE = """usage: sample ROLE

roles
  migrate                      create or update the schema, then exit
  api                          HTTP on PORT (8000): the page, POST /jobs, GET /jobs
  worker                       do jobs
  fanout                       websocket on PORT (8001): /ws?job=ID streams a job's progress
  healthcheck [ROLE]           exit 0 when the role in this container is healthy

settings, from the environment; <NAME>_FILE names a file that holds the value and wins
  DATABASE_URL   postgresql://user:password@host:5432/database
  REDIS_URL      redis://:password@host:6379/0
  RELEASE, REPLICA, LOG_LEVEL, PORT, DRAIN_SECONDS, LEASE_SECONDS, WAIT_SECONDS
"""


def _role(name: str, config: Config) -> Coroutine[object, object, int]:
    if name == "migrate":
        from sample.migrate import migrate  # noqa: PLC0415  (see above)

        return migrate(config)
    if name == "api":
        from sample.api import run_api  # noqa: PLC0415  (see above)

        return run_api(config)
    if name == "worker":
        from sample.worker_role import run_worker  # noqa: PLC0415  (see above)

        return run_worker(config)
    from sample.fanout import run_fanout  # noqa: PLC0415  (see above)

    return run_fanout(config)


def main(arguments: Sequence[str]) -> int:
    """Run one role and return the exit status: 0 done, 1 failed, 2 wrong arguments or settings."""
    if not arguments or arguments[0] not in {*health.ROLES, "migrate", "healthcheck"}:
        wanted = {"-h", "--help", "help"} & set(arguments[:1])
        print(USAGE, end="", file=sys.stdout if wanted else sys.stderr)
        return 0 if wanted else 2
    role = arguments[0]
    if role == "healthcheck":
        return health.check(arguments[1] if len(arguments) > 1 else None, os.environ)
    try:
        config = Config.load(os.environ, role)
    except ConfigError as error:
        print(f"sample {role}: {error}", file=sys.stderr)
        return 2
    set_up_logging(config, role)
    health.remember_role(role)
    log.info("starting", extra={"python": sys.version.split()[0]})
    status = asyncio.run(_role(role, config))
    log.info("stopped", extra={"status": status})
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
