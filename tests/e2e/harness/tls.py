"""Looking at HTTPS as a client does: which certificate, which protocol, what is answered; and certificates to serve."""

from __future__ import annotations

import datetime as dt
import http.client
import socket
import ssl
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_TIMEOUT_S: Final = 10.0
UNTRUSTING: Final = "any"
"""As ``trust``: take any certificate."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: str


def handshake(port: int, host: str | None, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Shake hands with ``127.0.0.1:port``, asking for a host name; the caller closes what is returned."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S)
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def client(trust: str = UNTRUSTING) -> ssl.SSLContext:
    """Return a client that trusts what a PEM text has signed."""
    if trust != UNTRUSTING:
        return ssl.create_default_context(cadata=trust)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def certificate(port: int, host: str, trust: str = UNTRUSTING) -> x509.Certificate:
    """Return the certificate that is served for a host name."""
    with handshake(port, host, client(trust)) as secure:
        shown = secure.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown)


def get(port: int, host: str, path: str = "/", trust: str = UNTRUSTING) -> Answer:
    """GET a path of a host over HTTPS."""
    with handshake(port, host, client(trust)) as secure:
        secure.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        response = http.client.HTTPResponse(secure)
        response.begin()
        return Answer(response.status, response.headers, response.read().decode(errors="replace"))


def make_certificate(*hosts: str, days: int = 90) -> tuple[str, str]:
    """Return a certificate for hosts that signs itself, and its key, as PEM text.

    Args:
        hosts: Host names; the first is its own.
        days: For how long it is still valid; negative for how long it has not been.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, hosts[0])])
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days, hours=-1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - dt.timedelta(days=90))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.public_bytes(Encoding.PEM).decode(), private.decode()
