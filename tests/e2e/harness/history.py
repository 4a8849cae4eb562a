"""The history checker: a client that notes each write that a database acknowledged, to compare with what is there.

What was acknowledged must be there whatever happened in between. A write whose answer never came may be there or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from tests.e2e.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from docker.models.containers import Container

    from tests.e2e.harness.docker_view import Daemon
    from tests.e2e.harness.platform import Platform

TABLE: Final = "history"
CREATE: Final = (
    f"create table if not exists {TABLE} (n bigint primary key, at timestamptz not null default clock_timestamp())"
)
_CLIENT: Final = """
import asyncio, os, sys
import asyncpg

async def main():
    n, connection = int(os.environ["FIRST"]), None
    while True:
        try:
            if connection is None:
                connection = await asyncpg.connect(os.environ["URL"], timeout=5, command_timeout=5)
            await connection.execute(os.environ["INSERT"], n)
            print("acknowledged", n, flush=True)
        # The last one: a connection that was ended while a statement was on its way.
        except (
            OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError
        ) as error:
            print("unknown", n, type(error).__name__, flush=True)
            if connection is not None:
                connection.terminate()
            connection = None
            await asyncio.sleep(0.02)
        n += 1

asyncio.run(main())
"""


@dataclass(frozen=True)
class History:
    """What a client was told."""

    acknowledged: frozenset[int]
    """Writes of which the server said that they are done."""
    unknown: frozenset[int]
    """Writes whose answer never came."""

    def lost(self, stored: Iterable[int]) -> list[int]:
        """Return what was acknowledged and is not there."""
        return sorted(self.acknowledged - frozenset(stored))

    def invented(self, stored: Iterable[int]) -> list[int]:
        """Return what is there and was never written."""
        return sorted(frozenset(stored) - self.acknowledged - self.unknown)


class Writer:
    """Writes rows one by one to a database of a platform, in a container of its own, until its context ends.

    Args:
        platform: The platform.
        database: The database's part.
        first: The first number that it writes; numbers are never used twice.
    """

    def __init__(self, platform: Platform, database: str = "main", first: int = 1) -> None:
        self._daemon: Daemon = platform.daemon
        self._stack = platform.workspace.stack
        self._first = first
        server = platform.world.of(database)[0].id
        seen = self._daemon.api.inspect_container(server)
        self._network = next(iter(seen["NetworkSettings"]["Networks"].values()))["NetworkID"]
        code, password = self._daemon.exec(server, "cat", "/run/secrets/password")
        assert code == 0, password
        self._url = f"postgresql://{database}:{password.strip()}@{database}:5432/{database}"
        self._container: Container | None = None

    def __enter__(self) -> Self:
        """Start it and wait for its first acknowledged write."""
        client = self._daemon.client
        image = next(tag for image in client.images.list("slipway/sample") for tag in image.tags)
        self._container = container = client.containers.create(
            image,
            ["-c", _CLIENT],
            entrypoint=["python3"],
            environment={"URL": self._url, "FIRST": str(self._first), "INSERT": f"insert into {TABLE} (n) values ($1)"},  # noqa: S608 - a constant
            network_mode="none",
            labels={"slipway.test": self._stack},
        )
        client.networks.get("none").disconnect(container)
        client.networks.get(self._network).connect(container)
        container.start()
        self.wait_for(1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove it."""
        if self._container is not None:
            self._container.remove(force=True)
            self._container = None

    def wait_for(self, more: int) -> None:
        """Return when so many further writes were acknowledged."""
        wanted = len(self.history().acknowledged) + more
        try:
            until(lambda: len(self.history().acknowledged) >= wanted, f"{more} further writes were acknowledged", 60)
        except AssertionError as error:
            assert self._container is not None
            said = self._container.logs(tail=5).decode()
            raise AssertionError(f"{error}; the client, {self._container.status}, says last:\n{said}") from None

    def stop(self) -> History:
        """End it at once and return what it was told."""
        assert self._container is not None
        self._container.kill()
        return self.history()

    def history(self) -> History:
        """Return what it was told until now; the write that is on its way counts as unknown."""
        assert self._container is not None
        # Without the last piece, which may be half a line of a client that was killed.
        said = self._container.logs(stderr=False).decode().split("\n")[:-1]
        lines = [words for line in said if len(words := line.split()) > 1]
        told = {word: {int(line[1]) for line in lines if line[0] == word} for word in ("acknowledged", "unknown")}
        last = max((*told["acknowledged"], *told["unknown"]), default=self._first - 1)
        return History(frozenset(told["acknowledged"]), frozenset({*told["unknown"], last + 1}))


def stored(platform: Platform, database: str = "main", name: str | None = None) -> list[int]:
    """Return the rows that a database has, by its owner over the local socket.

    Args:
        platform: The platform.
        database: The database's part.
        name: Name of the database on that server. Default: as the part.
    """
    server = platform.world.of(database)[0].id
    command = ("psql", "-XU", database, "-d", name or database, "-Atc", f"select n from {TABLE}")  # noqa: S608 - a constant
    code, text = platform.daemon.exec(server, *command)
    assert code == 0, text
    return [int(line) for line in text.split()]
