"""Encrypted databases: what a mode needs and what it ignores, and certificates that are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from settings import Loaded, Problem
from tests.e2e.harness.tls import make_certificate

Refused = Callable[..., Problem]
Accepted = Callable[..., Loaded]
NAMED: dict[str, Any] = {"certificate": "crt", "key": "key", "ca": "ca"}
SECRETS: dict[str, Any] = {"secrets": {"crt": {}, "key": {}, "ca": {}}}


def encrypted(**tls: Any) -> dict[str, Any]:
    return {"databases": {"main": {"tls": tls}}}


def files(name: str = "main", **changes: Any) -> dict[str, Any]:
    certificate, key = make_certificate(name)
    return {"secrets": {"crt": certificate, "key": key, "ca": certificate, **changes}}


def test_nothing_is_needed_for_one_that_signs_itself(accepted: Accepted) -> None:
    tls = accepted(encrypted()).platform.databases["main"].tls
    assert tls is not None
    assert (tls.mode.value, tls.clients.value) == ("self-signed", "require")


def test_without_a_word_nothing_is_encrypted(accepted: Accepted) -> None:
    assert accepted().platform.databases["main"].tls is None


def test_a_pair_that_fits(accepted: Accepted) -> None:
    assert accepted({**SECRETS, **encrypted(mode="files", **NAMED)}, **files())


def test_a_certificate_for_another_name(refused: Refused) -> None:
    """Clients that check would not come in."""
    problem = refused({**SECRETS, **encrypted(mode="files", **NAMED)}, **files("other"))
    assert problem.message == "the certificate is not for main but for other"
    assert problem.fix == "set the secrets crt and key to a pair that fits"


@pytest.mark.parametrize("left_out", NAMED)
def test_files_need_all_three(refused: Refused, left_out: str) -> None:
    named = {setting: name for setting, name in NAMED.items() if setting != left_out}
    problem = refused({**SECRETS, **encrypted(mode="files", **named)}, **files())
    assert (problem.path, problem.fix) == (f"databases.main.tls.{left_out}", f"add {left_out}: SECRET")


def test_files_mean_nothing_to_one_that_signs_itself(refused: Refused) -> None:
    problem = refused({**SECRETS, **encrypted(key="key")}, **files())
    assert (problem.path, problem.fix) == ("databases.main.tls.key", "remove it, or write mode: files")


def test_secrets_are_declared(refused: Refused) -> None:
    secrets: dict[str, Any] = {"secrets": {"crt": {}, "key": {}}}
    problem = refused({**secrets, **encrypted(mode="files", **NAMED)}, **files())
    assert (problem.path, problem.fix) == ("databases.main.tls.ca", "add under secrets: ca: {}")


def test_secrets_have_a_value(refused: Refused) -> None:
    problem = refused({**SECRETS, **encrypted(mode="files", **NAMED)}, **files(ca=None))
    assert (problem.path, problem.message) == ("secrets.ca", "has no value in this stack")


def test_the_servers_own_settings_are_set_once(refused: Refused) -> None:
    problem = refused({"databases": {"main": {"tls": {}, "settings": {"ssl": "off"}}}})
    assert (problem.path, problem.message) == ("databases.main.settings.ssl", "ssl is set by tls")


def test_a_database_outside_has_its_own(refused: Refused) -> None:
    external = {"host": "db.example.org", "password": "crt"}
    change = {
        "secrets": {"crt": {}},
        "databases": {"main": {"tls": {}, "external": external}},
        "services": {"api": {"egress": True}},
    }
    assert refused(change, secrets={"crt": "a-real-one"}).path == "databases.main.tls"


def test_its_file_is_there_only_with_a_certificate(refused: Refused, accepted: Accepted) -> None:
    named = {"services": {"api": {"env": {"CA": "${databases.main.ca_file}"}}}}
    assert refused(named).fix == "add to databases.main: tls: {}, or remove the reference"
    assert accepted({**named, **encrypted()})
