"""HTTPS at the gateway."""
# ruff: noqa: RUF012, TC001 - pydantic copies mutable defaults, and needs the names of annotations when it runs

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from settings.model.base import Model, SecretName
from settings.model.ports import Publish, publish_form
from settings.model.routes import HostName
from settings.units import Seconds

TLS_PORT: Final = 8443
"""Port on which the gateway listens for HTTPS inside its container."""


LETS_ENCRYPT: Final = "letsencrypt"
LETS_ENCRYPT_STAGING: Final = "letsencrypt-staging"
_DIRECTORIES: Final = {
    LETS_ENCRYPT: "https://acme-v02.api.letsencrypt.org/directory",
    LETS_ENCRYPT_STAGING: "https://acme-staging-v02.api.letsencrypt.org/directory",
}


class TlsMode(StrEnum):
    """Where certificates come from."""

    OFF = "off"
    SELF_SIGNED = "self-signed"
    FILES = "files"
    ACME = "acme"


class Certificate(Model):
    """A certificate with its key, given as secrets."""

    certificate: SecretName
    """Declared secret with the PEM text of the certificate, and of those that signed it."""
    key: SecretName
    """Declared secret with the PEM text of its key, without a passphrase."""
    hosts: list[HostName] = []
    """Host names that it is for. Default: all that no other certificate is for."""
    stapling: bool = False
    """Whether the authority's word that it is not revoked is sent along; only where the authority still gives one."""


class Acme(Model):
    """Certificates from an authority that speaks ACME, one a host name, proved over HTTP (HTTP-01) by the gateway.

    The authority must reach the gateway at ``http://<host>/``, on port 80.
    """

    email: Annotated[str, Field(pattern=r"^[^\s@]+@[^\s@]+$")]
    """Where the authority writes to."""
    agree_terms: bool = False
    """That the authority's terms of service were read and are agreed to; it gives no certificate otherwise."""
    directory: Annotated[str, Field(pattern=r"^(letsencrypt|letsencrypt-staging|https://\S+)$")] = LETS_ENCRYPT
    """The authority: ``letsencrypt``, ``letsencrypt-staging`` (to try it out: no browser trusts it, and nearly nothing
    counts against a limit), or the address of its directory."""
    ca_bundle: str | None = None
    """File of the project with the certificates (PEM) by which that address is trusted. Default: the usual ones."""
    renew_before_s: Seconds = Field(default=2_592_000.0, alias="renew_before")
    """How long before its end a certificate is renewed, and at the latest when a third of its time is left. Default: 30
    days."""
    check_every_s: Seconds = Field(default=43_200.0, alias="check_every")
    """How often that is looked at. Default: twice a day."""
    warn_before_s: Seconds = Field(default=1_209_600.0, alias="warn_before")
    """How long before a certificate's end the container that renews it is unhealthy, at most a quarter of its time.
    Default: 14 days."""
    volume_name: str | None = None
    """Name of the volume with account, certificates and keys on the host. Default:
    ``<project>-<stack>-gateway-certificates``."""
    image: str | None = None
    """Image reference. Default: the catalogue's certbot."""

    @property
    def directory_url(self) -> str:
        """The directory's address."""
        return _DIRECTORIES.get(self.directory, self.directory)


def _mode(value: object) -> object:
    """Read ``off``, which YAML takes for ``false``."""
    return TlsMode.OFF.value if value is False else value


_PublishTls = Annotated[
    Publish,
    BeforeValidator(lambda value: publish_form(value, TLS_PORT), json_schema_input_type=Publish | str | int),
]


class Tls(Model):
    """HTTPS by Mozilla's intermediate profile: TLS 1.2 and 1.3."""

    mode: Annotated[TlsMode, BeforeValidator(_mode, json_schema_input_type=TlsMode | bool)]
    """``self-signed`` (for development), ``files`` (secrets with certificate and key), ``acme`` (Let's Encrypt and its
    like), or ``off``, as if nothing were said of HTTPS."""
    publish: _PublishTls
    """Port of the host for HTTPS, such as ``0.0.0.0:443``."""
    hosts: list[HostName] = []
    """Host names with ``self-signed`` and ``acme``. Default: the gateway's and those of its routes, ``localhost`` too
    with ``self-signed``."""
    certificates: list[Certificate] = []
    """With ``files``: one or more, each for its host names."""
    acme: Acme | None = None
    """With ``acme``: which authority, and who asks."""
    redirect: bool = True
    """Whether plain HTTP leads to HTTPS."""
    hsts_s: Seconds | None = Field(default=None, alias="hsts")
    """For how long browsers shall come by HTTPS alone. Default: two years; nothing with ``self-signed``, where it can't
    be set either, and with ``letsencrypt-staging``."""
    hsts_subdomains: bool = False
    """Whether that holds for subdomains too."""
