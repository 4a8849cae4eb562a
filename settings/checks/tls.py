"""HTTPS: what is said of it fits together, and certificates that are known now can serve."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from settings.certificates import tls_hosts
from settings.model import TLS_PORT, Protocol, SecretSource, TlsMode
from settings.problems import Finding, listing
from settings.source import SECRET_PRESENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description
    from settings.model import Route, Tls
    from settings.paths import Path

_TLS: Final[Path] = ("gateway", "tls")
_BELONGS: Final = {
    "hosts": (TlsMode.SELF_SIGNED, TlsMode.ACME),
    "certificates": (TlsMode.FILES,),
    "acme": (TlsMode.ACME,),
}
"""The modes in which a setting means something."""


def settings_fit_the_mode(description: Description) -> Iterator[Finding]:
    """What a mode needs is there, and nothing that it ignores."""
    tls = _tls(description)
    if tls is None:
        return
    for name, modes in _BELONGS.items():
        if getattr(tls, name) and tls.mode not in modes:
            fix = "write hosts in certificates[]" if name == "hosts" else f"remove it, or write mode: {modes[0].value}"
            yield Finding((*_TLS, name), f"has no effect with mode {tls.mode.value}", fix=fix)
        elif name != "hosts" and not getattr(tls, name) and tls.mode in modes:
            yield Finding((*_TLS, name), f"is missing: mode {tls.mode.value} needs it", fix=f"add {name}")
    if tls.mode is TlsMode.SELF_SIGNED and tls.hsts_s:
        yield Finding(
            (*_TLS, "hsts"),
            "a browser that was told so would refuse a certificate that nobody signed, for all that time",
            fix="remove hsts, or use a mode with a certificate that browsers trust",
        )
    if tls.publish.port != TLS_PORT or tls.publish.protocol is not Protocol.TCP:
        yield Finding(
            (*_TLS, "publish"),
            f"the gateway does not listen for HTTPS on {tls.publish.port}/{tls.publish.protocol.value}",
            allowed=f"{TLS_PORT}/tcp",
            fix="write [address:]host_port alone",
        )


def certificates_can_be_read(description: Description) -> Iterator[Finding]:
    """A certificate that is known now, and its key, are read before anything runs."""
    from settings.certificates import trouble_with  # noqa: PLC0415 - cryptography is slow to load

    tls = _tls(description)
    for index, item in enumerate(tls.certificates if tls else ()):
        path: Path = (*_TLS, "certificates", index)
        certificate, key = (_known(description, name) for name in (item.certificate, item.key))
        if not certificate or not key:
            continue
        trouble = trouble_with(certificate, key, item.hosts)
        if trouble:
            yield Finding(path, trouble, fix=f"set the secrets {item.certificate} and {item.key} to a pair that fits")


def every_host_has_a_certificate(description: Description) -> Iterator[Finding]:
    """With files, a route's host that no certificate is for could not be served."""
    tls = _tls(description)
    if tls is None or not tls.certificates or any(not item.hosts for item in tls.certificates):
        return
    covered = {host for item in tls.certificates for host in item.hosts}
    for path, route in description.routes():
        if route.host is not None and not _covered(route, covered):
            yield Finding(
                (*path, "host"),
                f"no certificate is for {route.host}",
                allowed=listing(covered),
                fix="add the host to a certificate, or a certificate without hosts",
            )


def an_authority_can_be_asked(description: Description) -> Iterator[Finding]:
    """ACME over HTTP needs host names, a way in over HTTP, and consent."""
    tls, gateway = _tls(description), description.declared.gateway
    if tls is None or gateway is None or tls.mode is not TlsMode.ACME or tls.acme is None:
        return
    if not tls.acme.agree_terms:
        yield Finding(
            (*_TLS, "acme", "agree_terms"),
            "is not said: the authority gives a certificate only to those who agree to its terms of service",
            fix="read them, and write agree_terms: true",
        )
    hosts = tls_hosts(gateway)
    if not hosts:
        yield Finding((*_TLS, "hosts"), "no host name is known to ask a certificate for", fix="add hosts: [...]")
    for host in hosts:
        if "*" in host or _is_address(host) or "." not in host:
            yield Finding(
                (*_TLS, "hosts"),
                f"the authority gives no certificate for '{host}' over HTTP",
                allowed="whole host names of the public DNS, such as app.example.org",
                fix="name the hosts in gateway.tls.hosts, or use mode: files",
            )
    if not gateway.publish:
        yield Finding(
            ("gateway", "publish"),
            "is missing: the authority asks over HTTP, on port 80 of each host",
            fix="add publish: 0.0.0.0:80",
        )


def _tls(description: Description) -> Tls | None:
    gateway = description.declared.gateway
    return gateway.tls if gateway else None


def _known(description: Description, name: str) -> str | None:
    """Return a secret's value where it can be read now."""
    secret = description.declared.secrets.get(name)
    value = description.source.secret_lookup(name) if secret and secret.source is SecretSource.CONFIG else None
    return None if value == SECRET_PRESENT else value


def _covered(route: Route, covered: set[str]) -> bool:
    return route.host in covered or f"*.{(route.host or '').partition('.')[2]}" in covered


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


CHECKS: Final = (
    settings_fit_the_mode,
    certificates_can_be_read,
    every_host_has_a_certificate,
    an_authority_can_be_asked,
)
