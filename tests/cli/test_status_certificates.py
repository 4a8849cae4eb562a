"""``slipway status`` on certificates: asked only where a gateway serves HTTPS, and what has expired is trouble."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cli.commands import status
from operate import certificates
from operate.certificates import ServedCertificate
from tests.cli.conftest import FakeWorkplace, Said
from tests.operate.fake_docker import container

if TYPE_CHECKING:
    from collections.abc import Callable

    Slipway = Callable[..., Said]

GOOD = ServedCertificate("a.example.org", "E5", "2031-01-01T00:00:00+00:00", 80)
SOON = ServedCertificate("b.example.org", "E5", "2031-01-01T00:00:00+00:00", 13)
OVER = ServedCertificate("c.example.org", "E5", "2020-01-01T00:00:00+00:00", -1, "has a certificate that expired")


@pytest.fixture(autouse=True)
def _open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is closed for maintenance, which would be asked of a real Docker."""
    monkeypatch.setattr(status, "_closed", lambda *_: (), raising=False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what the gateway shows; it may be changed."""
    shown: list[Any] = [GOOD, SOON]
    monkeypatch.setattr(certificates, "served_certificates", lambda _gateway: tuple(shown))
    return shown


def serves(work: FakeWorkplace, *ports: str) -> None:
    """Let the gateway publish ports of its container."""
    gateway = container("gateway", kind="gateway", role="server", ports=dict.fromkeys(ports, "127.0.0.1:18260"))
    work.api.things = [item for item in work.api.things if "gateway" not in item["Name"]] + [gateway]


@pytest.mark.usefixtures("asked")
def test_each_certificate_is_shown_and_those_that_end_soon_are_warned_of(slipway: Slipway, work: FakeWorkplace) -> None:
    serves(work, "8443/tcp")
    said = slipway("status")
    assert said.code == 0
    assert "a.example.org  E5                2031-01-01  80" in said.out
    assert said.err == "warning: the certificate of b.example.org ends in 13 days\n"


def test_one_that_has_expired_is_trouble(slipway: Slipway, work: FakeWorkplace, asked: list[Any]) -> None:
    """Exit code 1; for programs too."""
    serves(work, "8443/tcp")
    asked.append(OVER)
    said = slipway("status")
    assert said.code == 1
    assert said.out.endswith("  c.example.org has a certificate that expired\n")
    found = json.loads(slipway("status", "--json").out)
    assert (found["healthy"], len(found["certificates"]), found["certificates"][0]["days_left"]) == (False, 3, 80)


def test_without_https_nothing_is_asked(slipway: Slipway, work: FakeWorkplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "served_certificates", lambda _gateway: pytest.fail("nothing is served"))
    serves(work, "8080/tcp")
    assert "CERTIFICATE" not in slipway("status").out
