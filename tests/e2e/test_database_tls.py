"""A database that encrypts: clients know its certificate, and who comes without encryption is refused.

On one engine: all of it happens after the deployment, in containers.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Stacks
from tests.e2e.harness import tls
from tests.e2e.harness.engines import ONE
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.waiting import until

pytestmark = pytest.mark.e2e
_URL = '"$(cat "$DATABASE_URL_FILE")"'
_ENCRYPTED = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
_OTHER = "/etc/other/ca.pem"


@pytest.fixture(scope="module")
def encrypted(stacks: Stacks) -> Iterator[Platform]:
    """Deploy a database, and a worker with PostgreSQL's own client, which also has another authority's certificate."""
    client = {
        "image": "slipway/postgres",
        "user": "70:70",
        "entrypoint": ["sleep", "infinity"],
        "command": [],
        "memory": "64MiB",
        "stop_signal": "SIGKILL",
        "stop_grace": "1s",
        "env": {"DATABASE_URL": "${databases.main.url}"},
        "files": {_OTHER: tls.make_certificate("main")[0]},
    }
    blueprint = {
        "name": "e2e",
        "protect_data": False,
        "networks": {"backend": {"internal": True}},
        "databases": {
            "main": {"memory": "128MiB", "health_interval": "1s", "stop_grace": "5s", "tls": {"clients": "verify-full"}}
        },
        "workers": {"client": client},
    }
    platform = stacks.new(ONE, blueprint)
    platform.up().ended()
    yield platform
    stacks.remove(platform)


def _ask(platform: Platform, address: str, query: str = _ENCRYPTED) -> tuple[int, str]:
    (client,) = platform.world.of("client")
    code, said = platform.daemon.exec(client.id, "sh", "-c", f'psql -XAt {address} -c "{query}"')
    return code, said.strip()


def _with(parameters: str) -> str:
    return f'"$(sed \'s/?.*/?{parameters.replace("/", chr(92) + "/")}/\' "$DATABASE_URL_FILE")"'


def test_a_client_checks_the_certificate_and_encrypts(encrypted: Platform) -> None:
    """With the address as it is: TLS 1.3, and the certificate is the file's that the address names."""
    assert _ask(encrypted, _URL) == (0, "t|TLSv1.3")


def test_who_does_not_encrypt_is_refused(encrypted: Platform) -> None:
    """With the right password."""
    code, said = _ask(encrypted, _with("sslmode=disable"))
    assert code != 0
    assert "pg_hba.conf rejects connection" in said
    assert "no encryption" in said


def test_a_server_that_another_authority_knows_is_refused(encrypted: Platform) -> None:
    """So the certificate is really asked for."""
    code, said = _ask(encrypted, _with(f"sslmode=verify-full\\&sslrootcert={_OTHER}"))
    assert code != 0
    assert "certificate verify failed" in said


def test_only_the_server_can_read_its_key(encrypted: Platform) -> None:
    """PostgreSQL would not start otherwise; it lies in memory."""
    (server,) = encrypted.world.of("main")
    code, said = encrypted.daemon.exec(server.id, "stat", "-c", "%a %u", "/var/run/postgresql/server.key")
    assert (code, said.strip()) == (0, "600 70")


def test_it_encrypts_after_a_restart(encrypted: Platform) -> None:
    """Which empties the memory that the key lies in."""
    (server,) = encrypted.world.of("main")
    encrypted.daemon.api.restart(server.id, timeout=5)
    until(lambda: _ask(encrypted, _URL) == (0, "t|TLSv1.3"), "the server encrypts again")


def test_commands_reach_it(encrypted: Platform) -> None:
    """By the socket inside its container."""
    assert encrypted.slipway.ask("psql", "--", "-Atc", "SELECT 1").ended().out == "1\n"
