"""Which hosts certificates are for, and whether one and its key are a pair that can serve."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.x509 import Certificate

    from settings.model import Gateway


def tls_hosts(gateway: Gateway) -> list[str]:
    """Return the host names that certificates are made or obtained for."""
    named = {*gateway.hosts, *(route.host for route in gateway.routes if route.host)}
    return sorted(set(gateway.tls.hosts) if gateway.tls and gateway.tls.hosts else named)


def trouble_with(certificate: str, key: str, hosts: Sequence[str]) -> str | None:
    """Return what is wrong with a pair, without any of its text; ``None`` if nothing is.

    Args:
        certificate: PEM text; its first certificate is the one that counts.
        key: PEM text, without a passphrase.
        hosts: Host names that it should be for.
    """
    from cryptography import x509  # noqa: PLC0415 - slow to load, and only where there is HTTPS
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key  # noqa: PLC0415

    try:
        first = x509.load_pem_x509_certificates(certificate.encode())[0]
    except ValueError:
        return "the certificate is no PEM text (-----BEGIN CERTIFICATE-----)"
    try:
        private = load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError):
        return "the key is no PEM text of a private key without a passphrase"
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != first.public_key().public_bytes(*form):
        return "the key is not the certificate's: they do not belong together"
    if first.not_valid_after_utc <= datetime.now(UTC):
        return f"the certificate expired on {first.not_valid_after_utc:%Y-%m-%d}"
    names = _names(first)
    missing = [host for host in hosts if host not in names and f"*.{host.partition('.')[2]}" not in names]
    if missing:
        return f"the certificate is not for {', '.join(missing)} but for {', '.join(sorted(names)) or 'no host name'}"
    return None


def _names(certificate: Certificate) -> frozenset[str]:
    from cryptography import x509  # noqa: PLC0415 - as above

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(names.get_values_for_type(x509.DNSName))
