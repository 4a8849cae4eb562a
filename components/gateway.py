"""nginx, the one door from outside: never restarted for a change of its routes.

Its configuration stands in a volume. A change goes through four steps, each a resource, so that a plain ``pulumi up``
does them in this order: a carrier stages the new file under its hash; a one-shot job on the gateway's networks
verifies it with ``nginx -t`` and makes it the live one; another reloads nginx and waits until the workers of the old
configuration have finished; only then (Pulumi deletes last) do the replicas that it no longer names go away. A file
that does not verify never becomes the live one, and the deployment fails with nginx's message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pulumi
import pulumi_docker as docker

from components import labels, nginx_config
from components.args import Dependency, HealthCheck, NetworkAttachment, PublishedPort, VolumeMount, WorkloadArgs
from components.carrier import make_carrier
from components.container import make_container
from components.nginx_config import GatewayRoute, Server
from components.outcome import success_of
from components.probes import http_probe, script

_FOLDER: Final = "/etc/nginx/conf.d"
_DIGITS: Final = 16


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    """Arguments of :class:`Gateway`."""

    image: pulumi.Input[str]
    """Image id, or a reference pinned by digest, of an nginx whose user owns the empty folder /etc/nginx/conf.d."""
    routes: Sequence[GatewayRoute]
    """Where requests go."""
    upstreams: Mapping[str, pulumi.Input[Sequence[str]]]
    """``host:port`` addresses by upstream name; the hosts are container names, new with each release."""
    user: str = "101:101"
    """Numeric ``uid:gid`` of nginx in that image."""
    networks: Sequence[NetworkAttachment] = ()
    """Networks to join: one that is not internal, to be reached, and those of the upstreams."""
    publish: Sequence[PublishedPort] = ()
    """Ports of the host that lead to port 8080 of the container."""
    server: Server = field(default_factory=Server)
    """Limits that hold for all routes."""
    memory_mib: int = 128
    """Memory limit in MiB."""
    cpus: float = 1.0
    """CPU limit."""
    health_interval_s: float = 5.0
    """Seconds between two health probes, and before the first."""
    container_name: str | None = None
    """A fixed container name. Default: generated."""
    needs: Sequence[Dependency] = ()
    """What must be there first."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its containers and volume."""


class Gateway(pulumi.ComponentResource):
    """An nginx gateway whose routes change without a dropped request."""

    container: docker.Container
    """Its container, to depend on: it is there when nginx is healthy."""
    config: pulumi.Output[str]
    """Text of nginx.conf."""
    reloaded: pulumi.Output[pulumi.Resource]
    """Depend on this to act only when the new routes serve and the old ones have drained."""

    def __init__(self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:Gateway", name, {}, opts)
        self.config = pulumi.Output.all(**args.upstreams).apply(
            lambda upstreams: nginx_config.render(args.routes, upstreams, args.server)
        )
        file = self.config.apply(lambda text: f"{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}.conf")
        volume = docker.Volume(
            f"{name}-config",
            docker.VolumeArgs(
                labels=[docker.VolumeLabelArgs(label=key, value=value) for key, value in sorted(args.labels.items())]
            ),
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False, ignore_changes=["labels"]),
        )
        stage = self._stage(name, args, volume, file)
        mount = VolumeMount(volume_name=volume.name, path=_FOLDER)
        one_shot = WorkloadArgs(
            image=args.image,
            user=args.user,
            entrypoint=["sh", "-c"],
            networks=args.networks,
            volumes=[mount],
            tmpfs={"/tmp": 16},  # noqa: S108 - inside the container
            memory_mib=64,
            stop_grace_s=1.0,
            labels=args.labels,
            init=False,
            replace_first=False,
        )
        verify = make_container(
            f"{name}-verify",
            replace(
                one_shot,
                command=[script("gateway-verify.sh"), "verify", file],
                # Without the gateway's names: nobody must be led to a container in which nothing listens.
                networks=[replace(network, aliases=()) for network in args.networks],
            ),
            role="verify",
            parent=self,
            needs=[stage, *args.needs],
            one_shot=True,
        )
        verified = success_of(verify, f"the check of the configuration of {name}")
        self.container = self._server(name, args, mount, verified)
        drain = int(args.server.drain_s) + 10
        reload = make_container(
            f"{name}-reload",
            replace(
                one_shot,
                command=[script("gateway-reload.sh"), "reload", str(drain)],
                networks=(),
                env={"SLIPWAY_CONFIG": file},  # a new configuration is a new reload
            ),
            role="reload",
            parent=self,
            needs=[verified, self.container],
            one_shot=True,
            pid_mode=self.container.id.apply(lambda container_id: f"container:{container_id}"),
        )
        self.reloaded = success_of(reload, f"the reload of {name}")
        self.register_outputs({"reloaded": self.reloaded.apply(lambda _: True), "config": self.config})

    def _stage(self, name: str, args: GatewayArgs, volume: docker.Volume, file: pulumi.Output[str]) -> docker.Container:
        """Register the never-started container that writes the new file beside the live one."""
        return make_carrier(
            f"{name}-stage",
            image=args.image,
            folders={_FOLDER: volume.name},
            files=[(pulumi.Output.concat(_FOLDER, "/", file), self.config)],
            part_labels=args.labels,
            parent=self,
        )

    def _server(
        self, name: str, args: GatewayArgs, mount: VolumeMount, verified: pulumi.Output[pulumi.Resource]
    ) -> docker.Container:
        return make_container(
            f"{name}-server",
            WorkloadArgs(
                image=args.image,
                user=args.user,
                entrypoint=["nginx"],
                command=["-c", f"{_FOLDER}/live.conf"],
                networks=args.networks,
                publish=args.publish,
                volumes=[mount],
                tmpfs={"/tmp": 64},  # noqa: S108 - inside the container
                memory_mib=args.memory_mib,
                cpus=args.cpus,
                health=HealthCheck(
                    test=http_probe(nginx_config.LISTEN_PORT, nginx_config.HEALTH_PATH),
                    interval_s=args.health_interval_s,
                    timeout_s=5.0,
                ),
                stop_signal="SIGQUIT",  # nginx finishes the requests in flight
                stop_grace_s=args.server.drain_s + 5,
                labels=args.labels,
                init=False,  # nginx must be process 1: that is whom the reload signals
                container_name=args.container_name,
                replace_first=True,
            ),
            role="server",
            parent=self,
            needs=[verified],
            extra_labels={labels.REPLICA: "0"},
        )
