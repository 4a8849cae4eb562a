"""The server of a database that somebody else runs, asked over the network with the role that is described for it.

It has the programs and the password from the container that makes backups, in which they run. Nobody of ours is a
superuser there, so what a restore does by a role of its own elsewhere is done by that role, if it has the rights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from operate.errors import OperateError
from operate.live_postgres import LivePostgres, ServerRefused, literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker

_CONNECTED: Final = 'PGPASSWORD=$(cat "$PASSWORD_FILE") && export PGPASSWORD && '
_DENIED: Final = ("permission denied", "must be owner", "must be a member", "must be a superuser")


class RightsMissing(OperateError):  # noqa: N818 - named as what it reports
    """The role may not do what a restore needs; nothing was touched."""


@dataclass(frozen=True)
class Outside:
    """Where a database is that somebody else runs."""

    host: str
    """Name or address of its server."""
    port: int
    """Its port."""
    user: str
    """The role that is described."""
    tls: str
    """``sslmode``."""
    ca_file: str | None = None
    """In the container that makes backups, the certificates by which the server is trusted."""

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs beside the password."""
        trusted = self.ca_file or ("/etc/ssl/certs/ca-certificates.crt" if self.tls == "verify-full" else "")
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGSSLMODE": self.tls,
            "PGCONNECT_TIMEOUT": "15",
            "PGAPPNAME": "slipway-restore",
            "POSTGRES_USER": self.user,
            **({"PGSSLROOTCERT": trusted} if trusted else {}),
        }


class OutsidePostgres(LivePostgres):
    """One such server.

    Args:
        client: Docker.
        scheduler: Docker's id of the container that makes backups.
        part: The database's name in the description.
        place: Where it is.
    """

    def __init__(self, client: docker.DockerClient, scheduler: str, part: str, place: Outside) -> None:
        super().__init__(client, scheduler, part)
        self._place = place

    def make_login(self, password: str) -> None:
        """Make no role: the one that is described restores."""

    def drop_login(self) -> None:
        """See :meth:`make_login`."""

    def _end_login(self) -> None:
        """See :meth:`make_login`."""

    def check_rights(self, live: str) -> None:
        """Refuse what would end half way.

        Raises:
            RightsMissing: The role may not make a database, or is no member of the one that owns the live one.
            ServerRefused: The server does not answer.
        """
        asked = self._ask(
            "SELECT me.rolsuper OR me.rolcreatedb, pg_has_role(datdba, 'MEMBER'), pg_get_userbyid(datdba)"  # noqa: S608 - quoted
            f" FROM pg_roles AS me, pg_database WHERE me.rolname = current_user AND datname = {literal(live)};"
        )
        user = self._place.user
        if not asked:
            raise RightsMissing(f"{self.part}: there is no database {live} on {self._place.host}")
        makes, member, owner = asked.split("\t")
        missing = [] if makes == "t" else [f"ALTER ROLE {user} CREATEDB"]
        missing += [] if member == "t" else [f"GRANT {owner} TO {user}"]
        if missing:
            raise RightsMissing(
                f"{self.part}: a restore fills a database beside {live} and renames both, which the role {user} may not"
                f" do on {self._place.host}; nothing was touched\n"
                f"  fix: let whoever runs it do: {'; '.join(missing)}"
            )

    def _run(self, script: str, environment: Mapping[str, str]) -> str:
        own = {**self._place.environment, "PASSWORD_FILE": f"/run/secrets/database-{self.part}"}
        try:
            return super()._run(_CONNECTED + "{ " + script.strip() + "\n}", {**environment, **own})
        except ServerRefused as error:
            if any(words in str(error) for words in _DENIED):
                raise ServerRefused(
                    f"{error}\n  fix: on {self._place.host}, {self._place.user} has to own the database, to have"
                    " CREATEDB, and pg_signal_backend where others are connected"
                ) from None
            raise
