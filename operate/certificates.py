"""The certificates that a gateway serves, asked of it as a browser would: whose, from whom, for how much longer."""

from __future__ import annotations

import math
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from settings.certificates import tls_hosts
from settings.model import TlsMode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.x509 import Name

    from settings.model import Gateway, Publish

SOON_DAYS: Final = 14
"""From when on an end is worth a warning, in days."""
_TIMEOUT_S: Final = 5.0
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
_AT_ONCE: Final = 8
_DAY_S: Final = 86_400


@dataclass(frozen=True)
class ServedCertificate:
    """What is served for one host name."""

    host: str
    """The host name that was asked for."""
    issuer: str = ""
    """Who signed it; ``itself`` where it did so itself."""
    ends: str | None = None
    """When it ends, in UTC as ISO 8601."""
    days_left: int | None = None
    """Whole days until then; negative once it has ended."""
    problem: str = ""
    """Why none was shown, or what is wrong with it; nothing if all is well."""

    @property
    def ends_soon(self) -> bool:
        """Whether it should have been renewed by now."""
        return self.days_left is not None and self.days_left < SOON_DAYS


def served_certificates(gateway: Gateway, now: datetime | None = None) -> tuple[ServedCertificate, ...]:
    """Ask a gateway on this machine for the certificate of each of its host names, all at once.

    Args:
        gateway: Its description; nothing is asked where it has no HTTPS.
        now: The moment that days are counted from. Default: this one.
    """
    if gateway.tls is None:
        return ()
    publish, moment = gateway.tls.publish, now or datetime.now(UTC)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="certificate") as pool:
        return tuple(pool.map(lambda host: _ask(publish, host, moment), asked_hosts(gateway)))


def asked_hosts(gateway: Gateway) -> Sequence[str]:
    """Return host names of which each certificate has at least one."""
    tls = gateway.tls
    if tls is None:
        return ()
    if tls.mode is not TlsMode.FILES:
        return tls_hosts(gateway) or ("localhost",)
    covered = [host.replace("*", "any", 1) for item in tls.certificates for host in item.hosts]
    if all(item.hosts for item in tls.certificates):
        return covered
    others = [host for host in tls_hosts(gateway) if host not in covered]
    return [*covered, *(others or ["localhost"])]


def _ask(publish: Publish, host: str, now: datetime) -> ServedCertificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # what is asked is which one is served, not whether this machine trusts it
    address = _ANY.get(publish.address, publish.address)
    try:
        with (
            socket.create_connection((address, publish.host_port), timeout=_TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            shown = secure.getpeercert(binary_form=True)
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        return ServedCertificate(host, problem=f"shows no certificate: {reason}")
    return _read(host, shown or b"", now)


def _read(host: str, der: bytes, now: datetime) -> ServedCertificate:
    from cryptography import x509  # noqa: PLC0415 - slow to load, and only where there is HTTPS

    found = x509.load_der_x509_certificate(der)
    end = found.not_valid_after_utc
    days = math.floor((end - now).total_seconds() / _DAY_S)
    return ServedCertificate(
        host,
        issuer="itself" if found.issuer == found.subject else _name(found.issuer),
        ends=end.isoformat(timespec="seconds"),
        days_left=days,
        problem=f"has a certificate that expired on {end:%Y-%m-%d}" if end <= now else "",
    )


def _name(name: Name) -> str:
    from cryptography.x509 import NameOID  # noqa: PLC0415 - as above

    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        if values := name.get_attributes_for_oid(kind):
            return str(values[0].value)
    return name.rfc4514_string()
