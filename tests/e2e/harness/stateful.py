"""A platform with something to lose: a service that asks its database for each request, a queue, a volume, backups."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.e2e.harness.blueprints import Blueprint, small

if TYPE_CHECKING:
    from tests.e2e.harness.platform import Platform
    from tests.e2e.harness.run import Run

SERVER: Final = """
import asyncio, os
import asyncpg
from aiohttp import web

async def ask(request):
    for attempt in range(3):
        try:
            connection = await asyncpg.connect(open(os.environ["DATABASE_URL_FILE"]).read(), timeout=5)
            try:
                return web.Response(text=str(await connection.fetchval("select count(*) from precious")))
            finally:
                await connection.close()
        # The last one: a connection that was ended while a statement was on its way.
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            if attempt == 2:
                raise
            await asyncio.sleep(0.1)

async def health(request):
    return web.Response(text="ok")

app = web.Application()
app.add_routes([web.get("/health", health), web.get("/ask", ask)])
web.run_app(app, port=8000, print=None)
"""
"""As a client does that takes a lost connection for what it is: it connects again."""
_FILES: Final = "/var/lib/uploads"


def stateful(port: int, **backups: Any) -> Blueprint:
    """Return it."""
    blueprint = small(port)
    blueprint["databases"] = {"main": {"health_interval": "1s", "stop_grace": "10s", "memory": "192MiB"}}
    blueprint["volumes"] = {"uploads": {}}
    blueprint["backups"] = {"schedule": "off", **backups}
    api = blueprint["services"]["api"]
    api["env"] = {"DATABASE_URL": "${databases.main.url}", "REDIS_URL": "${caches.queue.url}", "RELEASE": "one"}
    api["entrypoint"], api["command"] = ["python3"], ["-c", SERVER]
    api["volumes"] = [{"volume": "uploads", "path": _FILES}]
    api["replicas"] = 1
    api["health"]["retries"] = 30  # its libraries take a while to load on a busy machine
    return blueprint


@dataclass
class Stores:
    """What such a platform holds, looked at and changed from inside its own containers."""

    platform: Platform
    first: str = ""
    """The backup that was made first."""

    def sql(self, statements: str, database: str = "main") -> str:
        """Run statements as the owner, over the local socket."""
        command = ("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "main", "-d", database, "-c", statements)
        return self._inside("main", *command)

    def redis(self, *words: str) -> str:
        """Ask Redis."""
        line = 'REDISCLI_AUTH=$(cat /run/secrets/password) exec redis-cli "$@"'
        return self._inside("queue", "sh", "-c", line, "redis", *words)

    def file(self, name: str, content: str | None = None) -> str:
        """Write a file of the volume, or return what is in it."""
        path = f"{_FILES}/{name}"
        if content is None:
            return self._inside("api", "cat", path)
        return self._inside("api", "sh", "-c", 'printf %s "$2" >"$1"', "write", path, content)

    def fill(self, words: str) -> None:
        """Give each store something that says ``words``."""
        self.sql(
            "create table if not exists precious (n int primary key, words text);"  # noqa: S608 - a test's own words
            f" delete from precious; insert into precious select n, '{words} ' || n from generate_series(1, 1000) n"
        )
        self.redis("set", "precious", words)
        self.file("precious", words)

    def words(self) -> tuple[str, str, str]:
        """Return what each store says."""
        rows = self.sql("select min(words) || ', ' || count(*) from precious where n between 1 and 1000")
        return rows, self.redis("get", "precious"), self.file("precious")

    def databases(self) -> list[str]:
        """Return the names of the databases of the server, without those that every server has."""
        names = "select datname from pg_database where datname not in ('postgres', 'template0', 'template1') order by 1"
        return self.sql(names, "postgres").split()

    def kept(self) -> list[str]:
        """Return the databases that restores have replaced."""
        return [name for name in self.databases() if "__before_" in name]

    def ask(self, command: str, *options: str) -> Run:
        """Run a command of ``slipway`` for the stack."""
        return self.platform.workspace.run("./slipway", command, *options, "--stack", self.platform.workspace.stack)

    def backup(self) -> str:
        """Make a backup, see that it is verified, and return its id."""
        run = self.ask("backup", "--json").ended()
        result = [json.loads(line) for line in run.out.splitlines()][-1]
        assert result["verified"] is True, run
        return str(result["id"])

    def restore(self, *options: str) -> dict[str, Any]:
        """Restore and return what that says."""
        found: dict[str, Any] = json.loads(self.ask("restore", *options, "--yes", "--json").ended().out)
        return found

    def in_backups(self, *command: str) -> str:
        """Run a command where the backups are made."""
        return self._inside("backups", *command)

    def exists(self, part: str, path: str) -> bool:
        """Return whether a part's container has a file."""
        return self.platform.daemon.exec(self.platform.world.of(part)[0].id, "test", "-e", path)[0] == 0

    def _inside(self, part: str, *command: str) -> str:
        container = self.platform.world.of(part)[0].id
        code, text = self.platform.daemon.exec(container, *command)
        assert code == 0, f"{part}: {command}: {text}"
        return text.strip()

    def sql_dump(self) -> str:
        """Return what plain ``pg_dump`` writes."""
        return self._inside("main", "pg_dump", "-U", "main", "main") + "\n"

    def custom_dump(self) -> bytes:
        """Return what ``pg_dump -Fc`` writes."""
        container = self.platform.daemon.client.containers.get(self.platform.world.of("main")[0].id)
        code, output = container.exec_run(["pg_dump", "-U", "main", "-Fc", "main"])
        assert code == 0, output
        assert isinstance(output, bytes)
        return output
