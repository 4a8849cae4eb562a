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


class TlsMode(StrEnum):
    """Where certificates come from."""

    SELF_SIGNED = "self-signed"
    FILES = "files"


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


_PublishTls = Annotated[
    Publish,
    BeforeValidator(lambda value: publish_form(value, TLS_PORT), json_schema_input_type=Publish | str | int),
]


class Tls(Model):
    """HTTPS by Mozilla's intermediate profile: TLS 1.2 and 1.3."""

    mode: TlsMode
    """``self-signed`` (for development) or ``files`` (secrets with certificate and key)."""
    publish: _PublishTls
    """Port of the host for HTTPS, such as ``0.0.0.0:443``."""
    hosts: list[HostName] = []
    """Host names of a self-signed certificate. Default: ``localhost``, the gateway's and those of its routes."""
    certificates: list[Certificate] = []
    """With ``files``: one or more, each for its host names."""
    redirect: bool = True
    """Whether plain HTTP leads to HTTPS."""
    hsts_s: Seconds | None = Field(default=None, alias="hsts")
    """For how long browsers shall come by HTTPS alone. Default: two years, and nothing with ``self-signed``."""
    hsts_subdomains: bool = False
    """Whether that holds for subdomains too."""
