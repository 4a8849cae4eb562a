"""What a gateway serves, asked of a server that shows made-up certificates."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from operate.certificates import asked_hosts, served_certificates
from settings.model import Gateway
from tests.e2e.harness.tls import make_certificate

HOST = "app.example.org"


def gateway(port: int = 8443, **tls: Any) -> Gateway:
    return Gateway.model_validate(
        {
            "hosts": [HOST],
            "routes": [{"to": "api"}],
            "tls": {"mode": "self-signed", "publish": f"127.0.0.1:{port}", **tls},
        }
    )


@pytest.fixture
def served(tmp_path: Path) -> Iterator[int]:
    """Serve a certificate that ends in 40 days; return the port."""
    for name, text in zip(("crt", "key"), make_certificate(HOST, days=40), strict=True):
        (tmp_path / name).write_text(text, encoding="utf-8")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_shake_hands, args=(server, context))
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _shake_hands(server: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = server.accept()
        except OSError:
            return
        with plain, context.wrap_socket(plain, server_side=True) as secure:
            secure.recv(1)


def test_host_issuer_and_days_are_told(served: int) -> None:
    (found,) = served_certificates(gateway(served))
    assert (found.host, found.issuer, found.days_left, found.problem) == (HOST, "itself", 39, "")
    assert not found.ends_soon


@pytest.mark.parametrize(("days", "soon", "problem"), [(30, True, ""), (41, True, "expired on")])
def test_what_ends_soon_or_has_ended_is_told(served: int, days: int, soon: bool, problem: str) -> None:
    (found,) = served_certificates(gateway(served), datetime.now(UTC) + timedelta(days=days))
    assert found.ends_soon == soon
    assert problem in found.problem


def test_what_does_not_answer_is_a_problem() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (found,) = served_certificates(gateway(port))
    assert found.problem == "shows no certificate: Connection refused"
    assert found.days_left is None


def test_every_certificate_is_asked_for() -> None:
    """By a host of its own, and the one for all others by a name that no other is for."""
    pairs = [{"certificate": "a", "key": "b", "hosts": ["*.example.org"]}, {"certificate": "c", "key": "d"}]
    assert asked_hosts(gateway(mode="files", certificates=pairs)) == ["any.example.org", HOST]
    assert asked_hosts(gateway(mode="files", certificates=pairs[:1])) == ["any.example.org"]
    assert asked_hosts(gateway()) == [HOST]


def test_without_https_nothing_is_asked() -> None:
    assert served_certificates(gateway().model_copy(update={"tls": None})) == ()
