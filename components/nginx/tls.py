"""HTTPS: Mozilla's intermediate profile, and which certificate is for which host."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from components.nginx.model import TLS_PORT, Certificate, Server
from components.nginx.tree import Directive, line

HTTPS: Final = 443
_DOCKERS_NAME_SERVER: Final = "127.0.0.11"
_CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
_CURVES: Final = "X25519:prime256v1:secp384r1"
"""Without X25519MLKEM768, with which Debian 12's OpenSSL 3.0 does not start."""


def profile() -> Iterator[Directive]:
    """Yield what holds for every certificate (ssl-config.mozilla.org, intermediate, guideline 6.0)."""
    yield line("ssl_protocols", "TLSv1.2", "TLSv1.3")
    yield line("ssl_ciphers", _CIPHERS)
    yield line("ssl_ecdh_curve", _CURVES)
    yield line("ssl_prefer_server_ciphers", "off")
    yield line("ssl_session_timeout", "1d")
    yield line("ssl_session_cache", "shared:tls:10m")
    yield line("ssl_session_tickets", "off")  # nginx before 1.23.2 does not change their keys


def listen(server: Server, more: Sequence[str]) -> list[Directive]:
    """Return how a block listens for HTTPS, HTTP/2 included."""
    if server.http2_directive:
        return [line("listen", str(TLS_PORT), "ssl", *more), line("http2", "on")]
    return [line("listen", str(TLS_PORT), "ssl", "http2", *more)]


def certificate(item: Certificate) -> Iterator[Directive]:
    """Yield a certificate's files."""
    yield line("ssl_certificate", item.certificate)
    yield line("ssl_certificate_key", item.key)
    if item.trusted:
        yield line("ssl_stapling", "on")
        yield line("ssl_stapling_verify", "on")
        yield line("ssl_trusted_certificate", item.trusted)
        yield line("resolver", _DOCKERS_NAME_SERVER)  # nginx asks the authority itself, by its name


def certificate_for(server: Server, host: str | None) -> Certificate | None:
    """Return the certificate of a host: its own, that of its wildcard, or the one that is for all others."""
    if server.tls is None:
        return None
    wildcard = f"*.{host.partition('.')[2]}" if host else None
    for wanted in (host, wildcard):
        for item in server.tls.certificates:
            if wanted is not None and wanted in item.hosts:
                return item
    return next((item for item in server.tls.certificates if not item.hosts), None)
