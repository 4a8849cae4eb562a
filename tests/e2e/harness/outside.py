"""A PostgreSQL server that somebody else runs, as a cloud does: beyond the platform, over TLS, with few rights."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Final, Self

from tests.e2e.harness import tls
from tests.e2e.harness.waiting import until

if TYPE_CHECKING:
    from docker.models.containers import Container

    from tests.e2e.harness.docker_view import Daemon
    from tests.e2e.harness.platform import Platform

HOST: Final = "db.outside.test"
DATABASE: Final = "shop"
USER: Final = "shop"
PASSWORD: Final = "a password: with \\ and :"
_POSTGRES: Final = 70


class Outside:
    """The server, with a database and a role that owns that and nothing else.

    Args:
        daemon: Docker.
        owner: The stack, as a label for whoever looks for leftovers.
    """

    def __init__(self, daemon: Daemon, owner: str) -> None:
        self._daemon = daemon
        self._owner = owner
        self.certificate, self._key = tls.make_certificate(HOST)
        self._container: Container | None = None

    def __enter__(self) -> Self:
        """Start it on a network of its own."""
        client, label = self._daemon.client, {"slipway.test": self._owner}
        image = next(tag for image in client.images.list("slipway/postgres") for tag in image.tags)
        self._network = client.networks.create(f"{self._owner}-outside", labels=label)
        self._container = container = client.containers.create(
            image,
            [
                *(
                    "postgres",
                    "-c",
                    "ssl=on",
                    "-c",
                    "ssl_cert_file=/tmp/server.crt",
                    "-c",
                    "ssl_key_file=/tmp/server.key",
                ),
                *("-c", "fsync=off"),
            ],
            environment={"POSTGRES_PASSWORD": "the-providers-own"},
            labels=label,
            network=self._network.id,
        )
        container.put_archive("/tmp", _tar({"server.crt": self.certificate, "server.key": self._key}))  # noqa: S108 - inside the container
        container.start()
        ready = ("pg_isready", "-q", "-h", "127.0.0.1")
        until(lambda: self._daemon.exec(str(container.id), *ready)[0] == 0, "the server outside answers", 60)
        self.ask(
            f"create role {USER} login password '{PASSWORD}'",
            f"create database {DATABASE} owner {USER}",
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it."""
        if self._container is not None:
            self._container.remove(force=True, v=True)
            self._network.remove()

    def join(self, platform: Platform, network: str) -> None:
        """Let a platform's containers reach it by its name, over one of their networks."""
        wanted = {"label": [f"slipway.stack={platform.workspace.stack}", f"slipway.part={network}"]}
        (found,) = self._daemon.client.networks.list(filters=wanted)
        assert self._container is not None
        found.connect(self._container, aliases=[HOST])

    def ask(self, *statements: str, database: str = "postgres") -> str:
        """Run statements as whoever runs it, each on its own."""
        assert self._container is not None
        given = [word for statement in statements for word in ("-c", statement)]
        command = ("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, *given)
        code, text = self._daemon.exec(str(self._container.id), *command)
        assert code == 0, text
        return text.strip()

    def own(self, *statements: str) -> str:
        """Run statements in the database as the role that owns it."""
        return self.ask(f"set role {USER}", *statements, database=DATABASE)

    def databases(self) -> list[str]:
        """Return the names of its databases, without those that every server has."""
        return self.ask(
            "select datname from pg_database where not datistemplate and datname <> 'postgres' order by 1"
        ).split()


def _tar(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uid, entry.gid = len(text), 0o600, _POSTGRES, _POSTGRES
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()
