"""From the description of a gateway to the component that obtains its certificates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pulumi

from components.certificates import Certificates, CertificatesArgs
from settings.catalogue import CatalogueImage
from settings.certificates import tls_hosts
from settings.model import Gateway

PART = "gateway-certificates"
"""The part to which its containers and its volume belong."""


def make_certificates(
    gateway: Gateway,
    *,
    image: pulumi.Input[str],
    known: CatalogueImage,
    part_labels: Mapping[str, str],
) -> Certificates:
    """Register what obtains a gateway's certificates; its description has ``tls.acme``.

    Args:
        gateway: The description.
        image: Id of certbot's image.
        known: What the catalogue knows of it.
        part_labels: Labels of :data:`PART`.
    """
    assert gateway.tls is not None  # noqa: S101 - said above
    assert gateway.tls.acme is not None  # noqa: S101
    acme = gateway.tls.acme
    return Certificates(
        PART,
        CertificatesArgs(
            image=image,
            hosts=tls_hosts(gateway),
            email=acme.email,
            directory=acme.directory_url,
            ca_bundle=_read(acme.ca_bundle) if acme.ca_bundle else None,
            renew_before_s=acme.renew_before_s,
            check_every_s=acme.check_every_s,
            warn_before_s=acme.warn_before_s,
            user=known.user or CertificatesArgs.user,
            tmpfs={"/tmp": 16, **known.tmpfs},  # noqa: S108 - inside the container
            volume_name=acme.volume_name,
            health_interval_s=gateway.health_interval_s,
            labels=part_labels,
        ),
    )


def _read(written: str) -> str:
    try:
        return Path(written).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise pulumi.RunError(f"gateway.tls.acme.ca_bundle: can't read {written}: {reason}") from None
