"""HTTPS in nginx's configuration: the profile, which certificate is for whom, and what is said of it to browsers."""

from __future__ import annotations

import re

import pytest

from components import nginx
from components.nginx import Backend, Certificate, GatewayRoute, Server, Tls

BACKENDS = {"api": [Backend(address="api-0:8000")]}
ONE = Certificate(certificate="/c/one.crt", key="/c/one.key", hosts=("one.example.org",))
WILD = Certificate(certificate="/c/wild.crt", key="/c/wild.key", hosts=("*.example.org",))
REST = Certificate(certificate="/c/rest.crt", key="/c/rest.key")


def config(*certificates: Certificate, hosts: tuple[str, ...] = (), tls: Tls | None = None, **server: object) -> str:
    settings = tls or Tls(certificates=certificates)
    routes = [GatewayRoute(upstream="api")]
    return nginx.render(routes, BACKENDS, Server(tls=settings, hosts=hosts, **server))  # type: ignore[arg-type]


def block_of(text: str, name: str) -> str:
    """Return the block that serves a host name over HTTPS."""
    blocks = re.findall(r"^  server \{.*?^  \}", text, re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if f"server_name {name};" in block and "listen 8443" in block]
    return str(found)


def test_mozillas_intermediate_profile() -> None:
    """Versions, ciphers and curves of guideline 6.0, without the curve that Debian's OpenSSL does not know."""
    text = config(REST)
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in text
    ciphers = re.findall(r"ssl_ciphers (\S+);", text)[0].split(":")
    assert len(ciphers) == 6
    assert all(cipher.startswith("ECDHE-") and not cipher.endswith("-SHA") for cipher in ciphers)
    assert "ssl_ecdh_curve X25519:prime256v1:secp384r1;" in text
    assert "ssl_session_tickets off;" in text
    assert "ssl_prefer_server_ciphers off;" in text


@pytest.mark.parametrize(
    ("directive", "listens"), [(False, "listen 8443 ssl http2 default_server;"), (True, "http2 on;")]
)
def test_http_2_is_asked_for_as_this_nginx_understands_it(directive: bool, listens: str) -> None:
    text = config(REST, http2_directive=directive)
    assert listens in text
    assert ("ssl http2" in text) != directive


def test_each_host_has_its_own_certificate_its_wildcards_or_the_one_for_all_others() -> None:
    text = config(REST, WILD, ONE, hosts=("one.example.org", "two.example.org", "a.b.example.org"))
    assert "ssl_certificate /c/one.crt;" in block_of(text, "one.example.org")
    assert "ssl_certificate /c/wild.crt;" in block_of(text, "two.example.org")
    assert "ssl_certificate /c/rest.crt;" in block_of(text, "a.b.example.org")


def test_an_unknown_name_is_refused_before_a_certificate_is_shown() -> None:
    """Where hosts are named, and where no certificate is for the others."""
    for text in (config(REST, hosts=("one.example.org",)), config(ONE, hosts=("one.example.org",)), config(ONE)):
        refused = block_of(text, "_")
        assert "ssl_reject_handshake on;" in refused
        assert "ssl_certificate" not in refused
    assert "ssl_reject_handshake" not in config(REST)


def test_stapling_only_where_it_is_asked_for() -> None:
    """It needs a name server, since nginx asks the authority itself."""
    assert "ssl_stapling" not in config(REST)
    stapled = Certificate(certificate="/c/a.crt", key="/c/a.key", trusted="/c/a.crt")
    text = config(stapled)
    for directive in (
        "ssl_stapling on;",
        "ssl_stapling_verify on;",
        "ssl_trusted_certificate /c/a.crt;",
        "resolver 127.0.0.11;",
    ):
        assert directive in block_of(text, "_")


@pytest.mark.parametrize(("subdomains", "said"), [(False, "max-age=60"), (True, "max-age=60; includeSubDomains")])
def test_hsts_over_https_alone(subdomains: bool, said: str) -> None:
    text = config(tls=Tls(certificates=[REST], hsts_s=60, hsts_subdomains=subdomains))
    assert said in block_of(text, "_")
    assert text.count("Strict-Transport-Security") == block_of(text, "_").count("Strict-Transport-Security")
    assert "Strict-Transport-Security" not in config(REST)


def test_http_leads_to_https_but_challenges_and_health_are_answered() -> None:
    text = config(REST, acme=True, tls=Tls(certificates=[REST], port=8443))
    (plain,) = re.findall(r"^  server \{\s+listen 8080 .*?^  \}", text, re.MULTILINE | re.DOTALL)
    assert "return 301 https://$host:8443$request_uri;" in plain
    assert "location ^~ /.well-known/acme-challenge/" in plain
    assert "root /var/lib/acme/www;" in plain
    assert "location = /.slipway/health" in plain
