"""A certificate whose authority answers for it: nginx fetches the answer and hands it to clients, who need not ask.

What happens is between nginx and the authority, so one engine shows it.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp

from tests.e2e.conftest import Stacks
from tests.e2e.harness import certificates
from tests.e2e.harness.blueprints import tiny
from tests.e2e.harness.engines import EMBEDDED
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.waiting import until

pytestmark = pytest.mark.e2e

HOST = "one.slipway.test"
RESPONDER = """\
import base64, http.server, os

class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self):
        body = base64.b64decode(os.environ["ANSWER"])
        self.send_response(200)
        self.send_header("Content-Type", "application/ocsp-response")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("0.0.0.0", 8088), Answer).serve_forever()
"""


class Authority:
    """Signs one certificate, and says that it is good."""

    def __init__(self, responder: str) -> None:
        self._now = dt.datetime.now(dt.UTC)
        key, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
        root = self._builder(name, name, key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self._root = root.sign(key, hashes.SHA256())
        place = x509.AccessDescription(
            x509.oid.AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(f"http://{responder}:8088/")
        )
        leaf = self._builder(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)]), name, own)
        leaf = leaf.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        self._leaf = leaf.add_extension(x509.AuthorityInformationAccess([place]), critical=False).sign(
            key, hashes.SHA256()
        )
        chain = (self._leaf, self._root)
        self.chain = "".join(item.public_bytes(Encoding.PEM).decode() for item in chain)
        self.key = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        good = ocsp.OCSPResponseBuilder().add_response(
            self._leaf, self._root, hashes.SHA1(), ocsp.OCSPCertStatus.GOOD,  # noqa: S303 - the protocol's own
            self._now - dt.timedelta(hours=1), self._now + dt.timedelta(days=1), None, None,
        )  # fmt: skip
        answer = good.responder_id(ocsp.OCSPResponderEncoding.NAME, self._root).sign(key, hashes.SHA256())
        self.answer = base64.b64encode(answer.public_bytes(Encoding.DER)).decode()

    def _builder(self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> Any:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(self._now - dt.timedelta(days=1))
        return made.not_valid_after(self._now + dt.timedelta(days=30))


@pytest.fixture
def platform(stacks: Stacks) -> Iterator[Platform]:
    """Return a platform that has no HTTPS yet, deployed."""
    port = free_port()
    blueprint = tiny()
    blueprint["networks"] = {"edge": {}}
    blueprint["secrets"] |= {"tls_certificate": {}, "tls_key": {}}
    blueprint["gateway"] = {
        "publish": f"127.0.0.1:{port}",
        "health_interval": "1s",
        "drain": "5s",
        "routes": [{"path": "/", "to": "api"}],
    }
    platform = stacks.new(EMBEDDED, blueprint, port=port)
    certificates.set_pair(platform, "none", "none")
    platform.up().ended()
    yield platform
    stacks.remove(platform)


def test_the_authoritys_answer_comes_with_the_certificate(platform: Platform) -> None:
    """Signed by the authority, for this certificate, checked by nginx before it passes it on."""
    (network,) = platform.world.networks
    name = f"ocsp-{platform.workspace.stack}"
    authority = Authority(name)
    lock = yaml.safe_load((platform.workspace.root / "images" / "lock.yaml").read_text(encoding="utf-8"))["images"]
    labels = {"slipway.stack": platform.workspace.stack}
    platform.daemon.client.containers.run(
        lock["sample"]["debian"], ["-c", RESPONDER], entrypoint="python3", name=name, network=network, labels=labels,
        environment={"ANSWER": authority.answer}, detach=True,
    )  # fmt: skip
    blueprint = platform.workspace.read("e2e")
    blueprint["gateway"]["hosts"] = [HOST]
    blueprint["gateway"]["tls"] = {
        "mode": "files",
        "publish": f"127.0.0.1:{free_port()}",
        "certificates": [
            {"certificate": "tls_certificate", "key": "tls_key", "hosts": [HOST], "stapling": True},
        ],
    }
    certificates.set_pair(platform, authority.chain, authority.key)
    platform.deploy(blueprint).ended()

    def told() -> str:
        words = ["s_client", "-connect", "gateway:8443", "-servername", HOST, "-status"]
        shown = platform.daemon.client.containers.run(
            lock["certbot"]["debian"], words, entrypoint="openssl", network=network, labels=labels, remove=True
        )
        return shown.decode(errors="replace") if b"OCSP Response Status" in shown else ""

    # nginx asks when the first client comes, and has the answer for those after it.
    seen = until(told, "an answer comes with the certificate", 30)
    assert "OCSP Response Status: successful" in seen
    assert "Cert Status: good" in seen
