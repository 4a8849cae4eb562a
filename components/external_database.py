"""A database that somebody else runs: nothing is registered, references lead there."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import pulumi

from settings.model import Database as DatabaseModel


@dataclass(frozen=True)
class ExternalDatabase:
    """Where it is and how to log in there."""

    host: str
    """Its host name."""
    port: int
    """Its port."""
    role: str
    """The role to log in as."""
    database: str
    """Name of the database."""
    tls: str
    """``sslmode`` of its address."""
    password: pulumi.Output[str]
    """The role's password (secret)."""
    ca_bundle: str | None = None
    """File with the certificates by which backups trust it."""

    @property
    def url(self) -> pulumi.Output[str]:
        """``postgresql://role:password@host:port/database?sslmode=…`` (secret)."""
        password = self.password.apply(lambda text: quote(text, safe=""))
        return pulumi.Output.secret(
            pulumi.Output.concat("postgresql://", quote(self.role, safe=""), ":", password, "@", self._place)
        )

    @property
    def url_without_password(self) -> str:
        """The same without the password."""
        return f"postgresql://{quote(self.role, safe='')}@{self._place}"

    @property
    def _place(self) -> str:
        return f"{self.host}:{self.port}/{quote(self.database, safe='')}?sslmode={self.tls}"


def external_database(described: DatabaseModel, password: pulumi.Output[str]) -> ExternalDatabase:
    """Return what a description says of an external database."""
    assert described.external is not None  # noqa: S101 - the only caller asks
    return ExternalDatabase(
        host=described.external.host,
        port=described.external.port,
        role=str(described.user),
        database=str(described.database),
        tls=described.external.tls,
        ca_bundle=described.external.ca_bundle,
        password=password,
    )
