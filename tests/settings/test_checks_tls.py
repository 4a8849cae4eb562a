"""HTTPS: what a mode needs and what it ignores, certificates that are known, and what an authority asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from settings import Loaded, Problem
from settings.model import TlsMode
from tests.e2e.harness.tls import make_certificate

Refused = Callable[..., Problem]
Accepted = Callable[..., Loaded]
ACME = {"email": "ops@example.org", "agree_terms": True}
FILES: dict[str, Any] = {"certificates": [{"certificate": "crt", "key": "key"}]}
SECRETS: dict[str, Any] = {"crt": {}, "key": {}}


def tls(mode: object, gateway: Any = None, **settings: Any) -> dict[str, Any]:
    return {
        "gateway": {
            "publish": 8080,
            "hosts": ["app.example.org"],
            "tls": {"mode": mode, "publish": "0.0.0.0:443", **settings},
            **(gateway or {}),
        }
    }


def test_acme_is_filled_in(accepted: Accepted) -> None:
    gateway = accepted(tls("acme", acme=ACME)).platform.gateway
    assert gateway is not None
    assert gateway.tls is not None
    assert gateway.tls.acme is not None
    assert gateway.tls.acme.volume_name == "slipway-dev-gateway-certificates"
    assert gateway.tls.acme.directory_url == "https://acme-v02.api.letsencrypt.org/directory"
    assert (gateway.tls.publish.port, gateway.tls.publish.host_port) == (8443, 443)


@pytest.mark.parametrize(
    ("directory", "url"),
    [
        ("letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory"),
        ("https://ca.example.org/dir", "https://ca.example.org/dir"),
    ],
)
def test_another_authority(accepted: Accepted, directory: str, url: str) -> None:
    gateway = accepted(tls("acme", acme={**ACME, "directory": directory})).platform.gateway
    assert gateway is not None
    assert gateway.tls is not None
    assert gateway.tls.acme is not None
    assert gateway.tls.acme.directory_url == url


@pytest.mark.parametrize("off", ["off", False])
def test_off_is_as_if_nothing_were_said(accepted: Accepted, off: object) -> None:
    """Also where YAML reads ``off`` as false: a stack can switch HTTPS off."""
    gateway = accepted(tls(off)).platform.gateway
    assert gateway is not None
    assert gateway.tls is None
    assert [port.host_port for port in gateway.ports.values()] == [8080]


@pytest.mark.parametrize(
    ("patch", "path", "said"),
    [
        (tls("acme"), "gateway.tls.acme", "is missing: mode acme needs it"),
        (tls("files"), "gateway.tls.certificates", "is missing: mode files needs it"),
        (tls("self-signed", acme=ACME), "gateway.tls.acme", "has no effect with mode self-signed"),
        (tls("self-signed", hsts="1h"), "gateway.tls.hsts", "a browser that was told so would refuse"),
        (tls("acme", acme={"email": "ops@example.org"}), "gateway.tls.acme.agree_terms", "is not said"),
        (tls("acme", acme=ACME, hosts=["*.example.org"]), "gateway.tls.hosts", "no certificate for '*.example.org'"),
        (tls("acme", acme=ACME, hosts=["192.0.2.1"]), "gateway.tls.hosts", "no certificate for '192.0.2.1'"),
        (tls("acme", acme=ACME, hosts=["localhost"]), "gateway.tls.hosts", "no certificate for 'localhost'"),
        (tls("acme", {"hosts": []}, acme=ACME), "gateway.tls.hosts", "no host name is known"),
        (tls("acme", {"publish": []}, acme=ACME), "gateway.publish", "the authority asks over HTTP"),
        (tls("acme", acme={**ACME, "email": "nobody"}), "gateway.tls.acme.email", "e-mail"),
        (tls("acme", acme={**ACME, "directory": "zerossl"}), "gateway.tls.acme.directory", "letsencrypt"),
        (tls("self-signed", publish="0.0.0.0:443:443"), "gateway.tls.publish", "does not listen for HTTPS on 443/tcp"),
    ],
)
def test_what_does_not_fit_is_refused(refused: Refused, patch: dict[str, Any], path: str, said: str) -> None:
    problem = refused(patch)
    assert problem.path == path
    assert said in str(problem)
    assert problem.fix or problem.allowed


def test_hosts_belong_to_files_certificates(refused: Refused) -> None:
    problem = refused({**tls("files", hosts=["a.example.org"], **FILES), "secrets": SECRETS}, secrets=_pair())
    assert (problem.path, problem.fix) == ("gateway.tls.hosts", "write hosts in certificates[]")


def test_a_pair_that_fits_is_accepted(accepted: Accepted) -> None:
    gateway = accepted({**tls("files", **FILES), "secrets": SECRETS}, secrets=_pair()).platform.gateway
    assert gateway is not None
    assert gateway.tls is not None
    assert gateway.tls.mode is TlsMode.FILES


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        (lambda: {"crt": make_certificate("app.example.org")[0], "key": make_certificate("b")[1]}, "belong together"),
        (lambda: dict(zip(("crt", "key"), make_certificate("app.example.org", days=-1), strict=True)), "expired on"),
        (lambda: {**_pair(), "crt": "-----BEGIN NOTHING-----"}, "the certificate is no PEM text"),
        (lambda: {**_pair(), "key": "-----BEGIN NOTHING-----"}, "the key is no PEM text"),
    ],
)
def test_a_pair_that_can_not_serve_is_refused(
    refused: Refused, secrets: Callable[[], dict[str, str]], said: str
) -> None:
    """Before anything runs, and without a word of its text."""
    given = secrets()
    problem = refused({**tls("files", **FILES), "secrets": SECRETS}, secrets=given)
    assert problem.path == "gateway.tls.certificates[0]"
    assert said in problem.message
    assert not any(line in str(problem) for text in given.values() for line in text.splitlines() if len(line) > 30)


def test_a_certificate_for_other_hosts_is_refused(refused: Refused) -> None:
    patch = tls("files", certificates=[{"certificate": "crt", "key": "key", "hosts": ["app.example.org", "b.org"]}])
    problem = refused({**patch, "secrets": SECRETS}, secrets=_pair())
    assert problem.message == "the certificate is not for b.org but for app.example.org"


def test_a_route_without_a_certificate_is_refused(refused: Refused) -> None:
    patch = tls("files", certificates=[{"certificate": "crt", "key": "key", "hosts": ["app.example.org"]}])
    patch["gateway"]["routes"] = [{"to": "api"}, {"to": "api", "host": "other.example.org"}]
    problem = refused({**patch, "secrets": SECRETS}, secrets=_pair())
    assert (problem.path, problem.message) == (
        "gateway.routes[1].host",
        "no certificate is for other.example.org",
    )


def _pair() -> dict[str, str]:
    return dict(zip(("crt", "key"), make_certificate("app.example.org"), strict=True))
