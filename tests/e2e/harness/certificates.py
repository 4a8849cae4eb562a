"""Changing certificates of a running platform, for scenarios that look at what its users notice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.e2e.harness import tls
from tests.e2e.harness.starter import open_stack
from tests.e2e.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.e2e.harness.platform import Platform
    from tests.e2e.harness.run import Run

PART: Final = "gateway-certificates"
_RENEWED_S: Final = 90.0


def renew(platform: Platform, https: int, hosts: Sequence[str]) -> None:
    """Make a platform with ACME renew every certificate, and return when all new ones are served.

    Args:
        platform: The platform.
        https: The gateway's port for HTTPS on this machine.
        hosts: The host names whose certificates must have changed.
    """
    container = platform.daemon.world(platform.workspace.stack).of(PART)[0].id
    # A signal during a round would begin another one after it.
    until(lambda: _waits(platform, container), "the container that renews has nothing to do", _RENEWED_S)
    before = {host: _serial(https, host) for host in hosts}
    ask(platform, container)
    until(
        lambda: all(_serial(https, host) != serial for host, serial in before.items()) and _waits(platform, container),
        f"certificates of {', '.join(hosts)} are renewed",
        _RENEWED_S,
    )


def ask(platform: Platform, container: str) -> None:
    """Ask the container that renews to do so now. Not by ``docker kill``, after which Docker would not restart it."""
    code, said = platform.daemon.exec(container, "sh", "-c", "kill -HUP 1")
    assert code == 0, said


def rotate(platform: Platform, *hosts: str, certificate: str = "tls_certificate", key: str = "tls_key") -> Run:
    """Give a platform with certificate files a new pair, and deploy it.

    Args:
        platform: The platform.
        hosts: Host names of the new certificate.
        certificate: The secret that holds the certificate.
        key: The secret that holds its key.
    """
    set_pair(platform, *tls.make_certificate(*hosts), certificate=certificate, key=key)
    return platform.up()


def set_pair(
    platform: Platform, chain: str, private: str, *, certificate: str = "tls_certificate", key: str = "tls_key"
) -> None:
    """Write a certificate and a key into a stack's secrets."""
    stack = open_stack(platform.workspace)
    if not stack.exists():
        stack.init()
    for name, text in ((certificate, chain), (key, private)):
        stack.set_config(f"slipway:{name}", text, secret=True)


def _waits(platform: Platform, container: str) -> bool:
    log: bytes = platform.daemon.api.logs(container, tail=1)
    return log.startswith(b"next look")


def _serial(https: int, host: str) -> int:
    return tls.certificate(https, host).serial_number
