"""HTTPS on real nginx: what a scanner would look at, certificates by host, and new ones under load.

The scenarios stand in the order of a platform's life, and share one for each engine.
"""

from __future__ import annotations

import copy
import http.client
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.conftest import NewPlatform, Stacks
from tests.e2e.harness import blueprints, certificates, tls
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.prober import Prober

pytestmark = pytest.mark.e2e

ONE, TWO = "one.slipway.test", "two.slipway.test"
GOOD_CIPHERS = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305")
BAD_CIPHERS = ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256")
OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
NEW = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def blueprint(port: int, settings: dict[str, Any], **gateway: Any) -> blueprints.Blueprint:
    """Return a platform with HTTPS."""
    content = blueprints.tiny()
    content["networks"] = {"edge": {}}
    content["gateway"] = {
        "publish": f"127.0.0.1:{port}",
        "health_interval": "1s",
        "drain": "5s",
        "routes": [{"path": "/", "to": "api"}],
        "tls": settings,
        **gateway,
    }
    return content


@dataclass
class Life:
    """The platform that these scenarios share."""

    platform: Platform
    https: int
    trust: dict[str, str]
    """The certificate of each host, as PEM text."""
    keys: list[str]


@pytest.fixture(scope="session")
def life(engine: str, stacks: Stacks) -> Iterator[Life]:
    """Deploy a platform with two certificates from secrets."""
    port, https = free_port(), free_port()
    pairs = {host: tls.make_certificate(host) for host in (ONE, TWO)}
    content = blueprint(
        port,
        {
            "mode": "files",
            "publish": f"127.0.0.1:{https}",
            "certificates": [
                {"certificate": "tls_certificate", "key": "tls_key", "hosts": [ONE]},
                {"certificate": "other_certificate", "key": "other_key", "hosts": [TWO]},
            ],
        },
        hosts=[ONE, TWO],
    )
    content["secrets"] |= {name: {} for name in ("tls_certificate", "tls_key", "other_certificate", "other_key")}
    platform = stacks.new(engine, content, port=port)
    certificates.set_pair(platform, *pairs[ONE])
    certificates.set_pair(platform, *pairs[TWO], certificate="other_certificate", key="other_key")
    platform.up().ended()
    yield Life(platform, https, {host: pair[0] for host, pair in pairs.items()}, [pair[1] for pair in pairs.values()])
    stacks.remove(platform)


def limited(lowest: ssl.TLSVersion, highest: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    """Return a client of some versions and ciphers alone."""
    context = tls.client()
    context.set_ciphers(ciphers)
    context.minimum_version, context.maximum_version = lowest, highest
    return context


def test_each_host_has_its_certificate(life: Life) -> None:
    """By its name, checked as a browser does, with the answer behind it."""
    for host, trust in life.trust.items():
        assert tls.get(life.https, host, "/health", trust).status == 200
    life.platform.assert_converged()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python's, of the versions that must be refused
@pytest.mark.parametrize("version", OLD, ids=lambda version: version.name)
def test_old_versions_are_refused(life: Life, version: ssl.TLSVersion) -> None:
    """By the server, which says why."""
    with pytest.raises(ssl.SSLError, match=r"PROTOCOL_VERSION|protocol version"):
        tls.handshake(life.https, ONE, limited(version, version)).close()


@pytest.mark.parametrize("version", NEW, ids=lambda version: version.name)
def test_new_versions_are_accepted(life: Life, version: ssl.TLSVersion) -> None:
    with tls.handshake(life.https, ONE, limited(version, version)) as secure:
        assert secure.version() == version.name.replace("_", ".")


def test_only_ciphers_with_forward_secrecy_and_authentication(life: Life) -> None:
    """Those of Mozilla's intermediate profile, and none of those that it leaves out."""
    only = ssl.TLSVersion.TLSv1_2
    for cipher in GOOD_CIPHERS:
        with tls.handshake(life.https, ONE, limited(only, only, cipher)) as secure:
            assert (secure.cipher() or ("",))[0] == cipher
    for cipher in BAD_CIPHERS:
        with pytest.raises(ssl.SSLError, match=r"HANDSHAKE_FAILURE|handshake failure"):
            tls.handshake(life.https, ONE, limited(only, only, f"{cipher}:@SECLEVEL=0")).close()


def test_sessions_have_no_ticket_and_http_2_is_spoken(life: Life) -> None:
    """Tickets of an nginx that never changes their key would undo forward secrecy."""
    context = limited(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with tls.handshake(life.https, ONE, context) as secure:
        assert secure.selected_alpn_protocol() == "h2"
        assert secure.session is not None
        assert not secure.session.has_ticket


@pytest.mark.parametrize("host", ["unknown.slipway.test", None])
def test_an_unknown_name_gets_no_certificate(life: Life, host: str | None) -> None:
    """Nor does a client that asks for none: scanners learn nothing."""
    with pytest.raises(ssl.SSLError, match=r"UNRECOGNIZED_NAME|unrecognized name"):
        tls.handshake(life.https, host, tls.client()).close()


def test_http_leads_to_https_and_browsers_stay_there(life: Life) -> None:
    """With the whole path; health is answered over HTTP too. HSTS for two years."""
    assert _plain(life, ONE, "/a/b?c=d") == (301, f"https://{ONE}:{life.https}/a/b?c=d")
    assert _plain(life, ONE, "/.slipway/health")[0] == 200
    assert tls.get(life.https, ONE, "/health").headers["Strict-Transport-Security"] == "max-age=63072000"
    assert "max-age" in tls.get(life.https, ONE, "/no/such/path").headers["Strict-Transport-Security"]


def test_keys_are_nowhere_to_be_read(life: Life) -> None:
    """Not in the state, nor in what Docker shows, and in the gateway only by its user."""
    lines = [key.splitlines()[1] for key in life.keys]
    seen = life.platform.workspace.state_file.read_text(encoding="utf-8")
    seen += str(life.platform.daemon.inspect(life.platform.workspace.stack))
    assert not [line for line in lines if line in seen]
    gateway = life.platform.world.of("gateway")[0].id
    code, modes = life.platform.daemon.exec(gateway, "sh", "-c", "stat -c '%a %u' /etc/nginx/conf.d/files-*/*.key")
    assert (code, set(modes.split("\n")) - {""}) == (0, {"600 101"})


def test_a_new_certificate_drops_no_request_and_replaces_nothing(life: Life) -> None:
    """It is checked, and nginx reloads, while requests come at a constant rate."""
    before, there = tls.certificate(life.https, ONE).serial_number, life.platform.world.ids("gateway", "api")
    with Prober(life.https, host=ONE) as prober:
        certificates.rotate(life.platform, ONE).ended()
    prober.answers.assert_none_failed()
    assert tls.certificate(life.https, ONE).serial_number != before
    assert life.platform.world.ids("gateway", "api") == there
    life.platform.assert_converged()


def test_what_can_not_serve_is_refused_and_the_old_one_serves_on(life: Life) -> None:
    """A key of another certificate, one that has expired, one for another host: told without any of their text."""
    before = tls.certificate(life.https, TWO).serial_number
    names = {"certificate": "other_certificate", "key": "other_key"}
    chain, key = tls.make_certificate(TWO)
    _, foreign = tls.make_certificate(TWO)
    expired = tls.make_certificate(TWO, days=-1)
    for pair, said in (
        ((chain, foreign), "do not belong together"),
        (expired, "expired on"),
        (tls.make_certificate("three.slipway.test"), f"is not for {TWO}"),
    ):
        certificates.set_pair(life.platform, *pair, **names)
        failed = life.platform.up()
        assert failed.code != 0
        assert said in failed.text
        assert pair[1].splitlines()[1] not in failed.text
        assert tls.certificate(life.https, TWO).serial_number == before
    certificates.set_pair(life.platform, chain, key, **names)
    life.platform.up().ended()
    assert tls.certificate(life.https, TWO).serial_number != before


def test_status_shows_what_is_served(life: Life) -> None:
    """Host, from whom, days left; also for programs."""
    run = life.platform.slipway.ask("status")
    run.ended()
    assert ONE in run.text
    assert "itself" in run.text
    assert '"days_left": 89' in life.platform.slipway.ask("status", "--json").text


def test_self_signed_and_off(new_platform: NewPlatform) -> None:
    """For development: one certificate for the gateway's hosts, the same at each deployment, no HSTS; then no HTTPS."""
    port, https = free_port(), free_port()
    content = blueprint(port, {"mode": "self-signed", "publish": f"127.0.0.1:{https}"})
    platform = new_platform(content, port=port)
    platform.up().ended()
    answer = tls.get(https, "localhost", "/health")
    assert answer.status == 200
    assert "Strict-Transport-Security" not in answer.headers
    shown = tls.certificate(https, "localhost")
    assert shown.issuer == shown.subject
    platform.assert_converged()
    off = copy.deepcopy(content)
    off["gateway"]["tls"]["mode"] = "off"
    platform.deploy(off).ended()
    with pytest.raises(ConnectionError):
        tls.certificate(https, "localhost")
    assert platform.release()


def _plain(life: Life, host: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", life.platform.port, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        response.read()
        return response.status, response.headers.get("Location", "")
    finally:
        connection.close()
