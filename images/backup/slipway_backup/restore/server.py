"""A PostgreSQL server that is asked through its own programs."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from slipway_backup.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TAIL = 12


class ServerError(BackupError):
    """A server refused something, or is away."""


@dataclass(frozen=True)
class Server:
    """Where a server is and who asks it."""

    host: str
    """Its name, or the folder of its socket."""
    user: str
    port: int = 5432
    password: str | None = field(default=None, repr=False)
    encryption: Mapping[str, str] = field(default_factory=dict)
    """Parameters of a connection that are about TLS."""

    @property
    def environ(self) -> dict[str, str]:
        """The environment with which PostgreSQL's programs ask it; the password never stands in an argument."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        own = {"PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": self.user, "PGCONNECT_TIMEOUT": "10"}
        return {
            **kept,
            **own,
            "PGAPPNAME": "slipway-restore",
            **{f"PG{key.upper()}": value for key, value in self.encryption.items()},
            **({"PGPASSWORD": self.password} if self.password else {}),
        }

    def run(self, command: Sequence[str], *, stdin: str | None = None) -> str:
        """Run one of PostgreSQL's programs and return what it wrote.

        Raises:
            ServerError: It failed; with the end of what it said.
        """
        done = subprocess.run(
            command, env=self.environ, input=stdin, capture_output=True, text=True, check=False, errors="replace"
        )
        if done.returncode:
            raise ServerError(f"{command[0]}: {tail(done.stderr) or f'exit code {done.returncode}'}")
        return done.stdout

    def sql(self, database: str, text: str, variables: Mapping[str, str] | None = None) -> str:
        """Run statements; ``:'name'`` and ``:"name"`` stand for variables. Returns rows, columns apart by a tab.

        Raises:
            ServerError: One failed.
        """
        given = [word for key, value in (variables or {}).items() for word in ("-v", f"{key}={value}")]
        return self.run(
            ["psql", "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", *given, "-d", database], stdin=text
        ).strip()

    def major(self) -> int:
        """Return the server's major version."""
        return int(self.sql("postgres", "SHOW server_version_num;")) // 10_000


def tail(text: str) -> str:
    """Return the end of what a program said, on one line."""
    return " | ".join(line.strip() for line in text.strip().splitlines()[-_TAIL:])
