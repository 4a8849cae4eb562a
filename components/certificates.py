"""Certificates from an authority that speaks ACME, for the gateway's hosts, obtained and renewed by certbot.

In the order of their needs: a volume, given to nginx's user; a one-shot container that puts a placeholder there for
each host without a certificate, so that the gateway can start; the gateway; a one-shot container that obtains what is
missing, through the gateway; a container that stays and renews. Certificates and keys never leave the volume.

A new certificate replaces no container: the gateway itself notices and reloads (``gateway-start.sh``), and the one that
stays shares nothing with it but the volume and a network, so either may start again without the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pulumi
import pulumi_docker as docker

from components import labels
from components.args import Dependency, HealthCheck, NetworkAttachment, VolumeMount, WorkloadArgs
from components.container import make_container
from components.nginx.model import ACME_FOLDER, TLS_PORT, Certificate
from components.outcome import success_of
from components.probes import script
from components.volume import data_volume
from components.workload import make_files

SERIAL: Final = f"{ACME_FOLDER}/serial"
"""Says something else after each change of a certificate."""
_PER_HOST_S: Final = 340.0
"""The longest that one certificate takes: certbot's limit, and until the gateway serves it."""


def certificate_of(host: str) -> Certificate:
    """Return where a host's certificate and key stand in the volume."""
    folder = f"{ACME_FOLDER}/live/{host}"
    return Certificate(certificate=f"{folder}/fullchain.pem", key=f"{folder}/privkey.pem", hosts=(host,))


@dataclass(frozen=True, kw_only=True)
class CertificatesArgs:
    """Arguments of :class:`Certificates`."""

    image: pulumi.Input[str]
    """Image id, or a reference pinned by digest, with ``certbot``, and ``python3`` with ``cryptography``."""
    hosts: Sequence[str]
    """Host names; each gets a certificate of its own."""
    email: str
    """Where the authority writes to; its terms are agreed to."""
    directory: str
    """Address of the authority's directory."""
    ca_bundle: str | None = None
    """PEM text of the certificates by which that is trusted. Default: the image's."""
    renew_before_s: float = 2_592_000.0
    """Seconds before its end from which a certificate is renewed; at the latest at a third of its time."""
    check_every_s: float = 43_200.0
    """Seconds between two looks."""
    warn_before_s: float = 1_209_600.0
    """Seconds before its end from which the container is unhealthy; at most a quarter of its time."""
    user: str = "101:101"
    """Numeric ``uid:gid``, nginx's."""
    tmpfs: Mapping[str, int] = field(default_factory=lambda: {"/tmp": 16})  # noqa: S108 - inside the container
    """Memory folders that the image needs, in MiB; ``/tmp`` among them."""
    volume_name: str | None = None
    """Name of the volume on the host. Default: generated."""
    health_interval_s: float = 5.0
    """Seconds between two health probes."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its containers and volume."""


class Certificates(pulumi.ComponentResource):
    """Certificates in a volume, there before the gateway is, and obtained through it."""

    mount: VolumeMount
    """The volume, as the gateway mounts it."""
    ready: pulumi.Output[pulumi.Resource]
    """Depend on this to start when each host has a certificate, be it a placeholder."""
    container: docker.Container
    """The container that renews, once :meth:`obtain` was called."""

    def __init__(self, name: str, args: CertificatesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:Certificates", name, {}, opts)
        self._name = name
        self._args = args
        volume = data_volume(
            f"{name}-volume",
            parent=self,
            volume_name=args.volume_name,
            protect=False,  # what is lost can be obtained anew
            volume_labels=args.labels,
        )
        self.mount = VolumeMount(volume_name=volume.name, path=ACME_FOLDER, read_only=True)
        self._workload = WorkloadArgs(
            image=args.image,
            user=args.user,
            entrypoint=["python3", "-c", script("acme.py")],
            volumes=[VolumeMount(volume_name=volume.name, path=ACME_FOLDER, own=True)],
            tmpfs=args.tmpfs,
            memory_mib=160,
            cpus=0.5,
            labels=args.labels,
            replace_first=False,
        )
        owned = make_files(name, self._workload, parent=self).ready
        placeholder = make_container(
            f"{name}-placeholder",
            replace(self._workload, command=["placeholder"], env=self._settings(hosts=list(args.hosts))),
            role="job",
            parent=self,
            needs=owned,
            one_shot=True,
        )
        self.ready = success_of(placeholder, f"making placeholders for {name}")
        self.register_outputs({})

    def obtain(self, gateway: str, networks: Sequence[NetworkAttachment], serves: Dependency) -> None:
        """Register what obtains the certificates and keeps them.

        Args:
            gateway: A name of the gateway on these networks.
            networks: Networks from which the authority and the gateway are reached.
            serves: The gateway answers challenges, and serves the certificates.
        """
        args = self._args
        asked = {
            "hosts": list(args.hosts),
            "email": args.email,
            "directory": args.directory,
            "ca_bundle": args.ca_bundle or "",
            "gateway": f"{gateway}:{TLS_PORT}",
            "renew_before_s": args.renew_before_s,
        }
        issue = make_container(
            f"{self._name}-issue",
            replace(self._workload, command=["issue"], env=self._settings(**asked), networks=networks),
            role="job",
            parent=self,
            needs=[self.ready, serves],
            one_shot=True,
            timeout_s=_PER_HOST_S * len(args.hosts),
        )
        kept = {**asked, "check_every_s": args.check_every_s, "warn_before_s": args.warn_before_s}
        self.container = make_container(
            f"{self._name}-renewal",
            replace(
                self._workload,
                command=["renew"],
                env=self._settings(**kept),
                networks=networks,
                stop_signal="SIGTERM",
                stop_grace_s=30.0,
                health=HealthCheck(
                    test=["CMD", "sh", "-c", script("acme-health.sh")],
                    interval_s=args.health_interval_s,
                    timeout_s=5.0,
                ),
            ),
            role="server",
            parent=self,
            needs=[success_of(issue, f"obtaining the certificates of {', '.join(args.hosts)}")],
            extra_labels={labels.REPLICA: "0"},
        )

    @staticmethod
    def _settings(**settings: Any) -> dict[str, pulumi.Input[str]]:
        return {"SLIPWAY_ACME": json.dumps(settings, sort_keys=True)}
