"""A database's certificate: what its server is given, and what its clients know it by.

PostgreSQL takes no key that others than its own user could read, and files in volumes are readable for all in the
container (see :mod:`components.files`), so the server's start puts a copy into memory, which is its own alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import pulumi

from components.rotation import make_seed
from components.self_signed import lasting_pair

FOLDER: Final = "/run/secrets"
CA_FOLDER: Final = "/etc/slipway/authorities"
"""Where clients find the certificates by which they know databases."""
_HBA: Final = """\
# With a certificate nobody comes over the network without encryption; from inside the container alone, by its socket.
local     all          all               trust
host      all          all  127.0.0.1/32 scram-sha-256
host      all          all  ::1/128      scram-sha-256
hostssl   all          all  all          scram-sha-256
hostssl   replication  all  all          scram-sha-256
hostnossl all          all  all          reject
"""


@dataclass(frozen=True, kw_only=True)
class DatabaseTls:
    """Encrypted connections to a database. Without a certificate it gets one that signs itself."""

    certificate: pulumi.Input[str] | None = None
    """PEM text of the certificate, and of those between it and its authority."""
    key: pulumi.Input[str] | None = None
    """PEM text of its key, without a passphrase."""
    ca: pulumi.Input[str] | None = None
    """PEM text of the authority's certificate. Default: ``certificate``."""
    sslmode: str = "require"
    """``sslmode`` of its address: ``require`` or ``verify-full``."""


@dataclass(frozen=True)
class ServerTls:
    """What makes a server encrypt."""

    files: Mapping[str, pulumi.Input[str]]
    """Its secret files."""
    settings: Mapping[str, str]
    """Parameters of postgresql.conf."""
    ca: pulumi.Output[str]
    """PEM text by which clients know it."""


def server_tls(name: str, tls: DatabaseTls, hosts: Sequence[str], *, parent: pulumi.Resource) -> ServerTls:
    """Return what a server needs; registers a seed where the certificate signs itself.

    Args:
        name: The database's name.
        tls: The arguments.
        hosts: Names by which clients find it.
        parent: The database.
    """
    certificate, key = tls.certificate, tls.key
    if certificate is None or key is None:
        # Nothing is lost with it: another one makes another certificate.
        seed = make_seed(f"{name}-tls-seed", parent=parent, protect=False)
        today = datetime.now(UTC).date()
        pair = seed.apply(lambda known: lasting_pair(known, hosts, today))
        certificate = pulumi.Output.unsecret(pair.apply(lambda both: both[0]))
        key = pulumi.Output.secret(pair.apply(lambda both: both[1]))
    return ServerTls(
        files={
            f"{FOLDER}/server.crt": certificate,
            f"{FOLDER}/server.key": key,
            f"{FOLDER}/pg_hba.conf": _HBA,
        },
        settings={
            "ssl": "on",
            "ssl_cert_file": f"{FOLDER}/server.crt",
            "ssl_key_file": "/var/run/postgresql/server.key",
            "hba_file": f"{FOLDER}/pg_hba.conf",
        },
        ca=pulumi.Output.from_input(certificate if tls.ca is None else tls.ca),
    )


def ca_file(database: str) -> str:
    """Return the path of the certificate by which a database is known, in each container of its clients."""
    return f"{CA_FOLDER}/{database}.pem"


def query(database: str, tls: DatabaseTls | None) -> str:
    """Return what an address ends with, so that clients encrypt."""
    if tls is None:
        return ""
    known_by = f"&sslrootcert={ca_file(database)}" if tls.sslmode == "verify-full" else ""
    return f"?sslmode={tls.sslmode}{known_by}"
