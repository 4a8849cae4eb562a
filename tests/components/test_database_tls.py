"""Encrypted databases: what the server is given, what clients know it by, and that nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pulumi
import pytest
from cryptography import x509

from components import Database, DatabaseArgs, DatabaseTls
from components.self_signed import lasting_pair
from testing import Graph, render
from tests.components.test_monitoring import draw

ARGS = DatabaseArgs(image="postgres:16", files_key="one for all", tls=DatabaseTls(), container_name="app_db")
SECRETS = "/run/secrets"


def _files(graph: Graph, carrier: str = "main-secrets-carrier") -> dict[str, str]:
    return {item["file"]: item["content"] for item in graph[carrier].inputs["uploads"]}


def _settings(graph: Graph) -> dict[str, str]:
    words = graph["main-server"].inputs["command"]
    return dict(word.split("=", 1) for word in words if "=" in word)


def test_the_server_encrypts_and_refuses_who_does_not() -> None:
    graph = render(lambda: Database("main", ARGS))
    plain = _settings(render(lambda: Database("main", replace(ARGS, tls=None))))
    assert _settings(graph) == plain | {
        "ssl": "on",
        "ssl_cert_file": f"{SECRETS}/server.crt",
        "ssl_key_file": "/var/run/postgresql/server.key",
        "hba_file": f"{SECRETS}/pg_hba.conf",
    }
    files = _files(graph)
    rules = [line.split() for line in files[f"{SECRETS}/pg_hba.conf"].splitlines() if not line.startswith("#")]
    over_the_network = [rule for rule in rules if rule[0] != "local" and rule[3] == "all"]
    assert [(rule[0], rule[-1]) for rule in over_the_network] == [
        ("hostssl", "scram-sha-256"),
        ("hostssl", "scram-sha-256"),
        ("hostnossl", "reject"),
    ]
    assert files[f"{SECRETS}/start.sh"].startswith("(umask 077 && cat /run/secrets/server.key >")
    assert graph.leaks() == ()


def test_its_certificate_is_for_its_names_and_stays() -> None:
    """It changes with its secret alone, which nothing protects: a database may stop encrypting."""
    graph = render(lambda: Database("main", ARGS))
    found = x509.load_pem_x509_certificate(_files(graph)[f"{SECRETS}/server.crt"].encode())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["app_db", "localhost", "main"]
    assert not graph["main-tls-seed"].options.protect
    assert graph["main-password"].options.protect is True
    assert _files(graph) == _files(render(lambda: Database("main", ARGS)))


def test_it_lasts_from_its_decade_on_for_twenty_years() -> None:
    first, again, later = (lasting_pair("seed", ["main"], date(year, 6, 1)) for year in (2026, 2029, 2030))
    assert first == again != later
    found = x509.load_pem_x509_certificate(first[0].encode())
    assert found.not_valid_before_utc == datetime(2020, 1, 1, tzinfo=UTC)
    assert found.not_valid_after_utc == datetime(2040, 1, 1, tzinfo=UTC)


def test_without_it_nothing_is_another() -> None:
    """A platform of before is not touched by the setting."""
    graph = render(lambda: Database("main", replace(ARGS, tls=None)))
    assert set(_files(graph)) == {f"{SECRETS}/password", f"{SECRETS}/start.sh"}
    assert not {"ssl", "hba_file"} & set(_settings(graph))
    assert "main-tls-seed" not in graph


def test_a_certificate_of_ones_own() -> None:
    """Its key is secret; no seed is made."""

    def program() -> None:
        given = DatabaseTls(certificate="CERTIFICATE", key=pulumi.Output.secret("KEY"), ca="AUTHORITY")
        made = Database("main", replace(ARGS, tls=given))
        assert made.ca is not None
        pulumi.export("ca", made.ca)

    graph = render(program)
    assert _files(graph)[f"{SECRETS}/server.key"] == "KEY"
    assert graph.exports["ca"] == "AUTHORITY"
    assert "main-tls-seed" not in graph
    assert graph.leaks() == ()


@pytest.mark.parametrize(
    ("clients", "query", "known"),
    [
        ("require", "?sslmode=require", False),
        ("verify-full", "?sslmode=verify-full&sslrootcert=/etc/slipway/authorities/main.pem", True),
    ],
)
def test_clients_encrypt_and_know_it(tmp_path: Path, clients: str, query: str, known: bool) -> None:
    """Who refers to the address has the certificate where the address says; who does not has nothing."""
    graph = draw(tmp_path, _platform({"clients": clients}, {"DATABASE_URL": "${databases.main.url}"}))
    assert str(graph["api-secrets-carrier"].inputs["uploads"]).count(query) == 1
    assert ("api-files-carrier" in graph) == known
    if known:
        (file,) = _files(graph, "api-files-carrier").items()
        certificate = _files(graph)[f"{SECRETS}/server.crt"]
        assert file == ("/etc/slipway/authorities/main.pem", certificate)


def test_the_file_can_be_named(tmp_path: Path) -> None:
    """For drivers that take it in a variable of its own."""
    graph = draw(tmp_path, _platform({}, {"CA": "${databases.main.ca_file}"}))
    assert graph["api-0"].environment()["CA"] == "/etc/slipway/authorities/main.pem"
    assert "/etc/slipway/authorities/main.pem" in _files(graph, "api-files-carrier")


def _platform(tls: dict[str, Any], env: dict[str, str]) -> dict[str, Any]:
    return {
        "name": "app",
        "images": {"family": "debian"},
        "networks": {"backend": {"internal": True}},
        "databases": {"main": {"tls": tls}},
        "services": {"api": {"image": "acme/api:1", "port": 80, "health": {"path": "/"}, "env": env}},
    }


def test_what_watches_it_encrypts(tmp_path: Path) -> None:
    graph = draw(tmp_path, {**_platform({}, {}), "monitoring": {"enabled": True}})
    assert "?sslmode=require&" in graph["main-exporter-server"].environment()["DATA_SOURCE_URI"]
