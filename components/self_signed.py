"""A certificate for development that signs itself, made from a secret: the same one each time, so nothing changes.

It is valid from the first day of its half-year for 366 days, so that the first deployment of the next half-year brings
the next one, by a reload.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.x509 import GeneralName

_DAYS: Final = 366
_HALF: Final = 6
_YEARS: Final = 10
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of the curve P-256 (NIST SP 800-186): a key is a number from 1 to one below it."""


def self_signed(secret: str, hosts: Sequence[str], today: date) -> tuple[str, str]:
    """Return certificate and key as PEM text.

    Args:
        secret: What the key is derived from, of at least 128 random bits.
        hosts: Host names and IP addresses that it is for; at least one.
        today: The day, in UTC.
    """
    start = date(today.year, 1 if today.month <= _HALF else _HALF + 1, 1)
    return _pair(secret, hosts, start, start + timedelta(days=_DAYS))


def lasting_pair(secret: str, hosts: Sequence[str], today: date) -> tuple[str, str]:
    """Return the same for a server that only its own clients know, and that a new certificate would interrupt.

    It is valid from the first day of its decade for 20 years, so that it changes once in ten years.

    Args:
        secret: What the key is derived from, of at least 128 random bits.
        hosts: Host names and IP addresses that it is for; at least one.
        today: The day, in UTC.
    """
    start = date(today.year - today.year % _YEARS, 1, 1)
    return _pair(secret, hosts, start, start.replace(year=start.year + 2 * _YEARS))


def _pair(secret: str, hosts: Sequence[str], first: date, last: date) -> tuple[str, str]:
    from cryptography import x509  # noqa: PLC0415 - slow to load, and only where it is used
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    start = _midnight(first)
    seed = "|".join((start.isoformat(), *sorted(hosts)))
    number = int.from_bytes(hmac.new(secret.encode(), f"slipway-tls|{seed}".encode(), hashlib.sha512).digest())
    key = ec.derive_private_key(number % (_ORDER - 1) + 1, ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, min(hosts)[:64])])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:16]) or 1)
        .not_valid_before(start)
        .not_valid_after(_midnight(last))
        .add_extension(x509.SubjectAlternativeName([_general(host) for host in sorted(hosts)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return built.public_bytes(Encoding.PEM).decode(), private


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _general(host: str) -> GeneralName:
    from cryptography import x509  # noqa: PLC0415 - as above

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
