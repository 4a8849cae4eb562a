"""nginx, the one door from outside: never restarted for a change of its routes.

Its configuration stands in a volume. A change goes through four steps, each a resource, so that a plain ``pulumi up``
does them in this order: a carrier stages the new file under its hash; a one-shot job on the gateway's networks
verifies it with ``nginx -t`` and makes it the live one; another reloads nginx and waits until the workers of the old
configuration have finished; only then (Pulumi deletes last) do the replicas that it no longer names go away. A file
that does not verify never becomes the live one, and the deployment fails with nginx's message.

nginx itself reads that file with addresses in place of names (``gateway-addresses.sh``): with names it would neither
start nor reload while one container is gone, nor notice that one has come back elsewhere. A loop beside it looks at
that (``gateway-start.sh``).

Certificates, passwords, pages and static files go the same way, in one folder whose name is a hash of them all: what
the running nginx has open never changes under it, and a new certificate is a reload.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pulumi
import pulumi_docker as docker

from components import labels, nginx
from components.args import Dependency, HealthCheck, NetworkAttachment, PublishedPort, VolumeMount, WorkloadArgs
from components.carrier import Binary, make_carrier
from components.container import make_container
from components.files import content_digest
from components.nginx import Backend, Balancing, GatewayRoute, Server
from components.nginx.model import CONFIG_FOLDER, HEALTH_PATH, LISTEN_PORT
from components.outcome import success_of
from components.probes import http_probe, script

FILES: Final = "@files"
"""Stands, in paths below the configuration's folder, for the folder of :attr:`GatewayArgs.files`: its real name is a
hash of their content."""
_DIGITS: Final = 16
_LINGERING: Final = 8
"""Old configurations whose workers may live on with websockets; a worker takes a few MiB."""


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    """Arguments of :class:`Gateway`."""

    image: pulumi.Input[str]
    """Image id, or a reference pinned by digest, of an nginx whose user owns the empty folder /etc/nginx/conf.d; with
    ``sh``, ``awk`` and, to follow containers to other addresses, ``getent``."""
    routes: Sequence[GatewayRoute]
    """Where requests go."""
    upstreams: Mapping[str, pulumi.Input[Sequence[Backend | str]]]
    """Backends, or their ``host:port``, by upstream name; their hosts are container names, new with each release."""
    balancing: Mapping[str, Balancing] = field(default_factory=dict)
    """How requests are spread, by upstream name. Default: in turn."""
    files: Mapping[str, pulumi.Input[str] | Binary] = field(default_factory=dict)
    """Certificates, keys, passwords and pages that the configuration names as ``@files/<name>``; content by name."""
    files_key: pulumi.Input[str] | None = None
    """Secret with which they are hashed. Needed with ``files``."""
    volumes: Sequence[VolumeMount] = ()
    """Further volumes, such as that of certificates which are obtained elsewhere."""
    watch: str | None = None
    """File in one of them whose first line changes with each certificate there; nginx then reloads by itself."""
    user: str = "101:101"
    """Numeric ``uid:gid`` of nginx in that image."""
    networks: Sequence[NetworkAttachment] = ()
    """Networks to join: one that is not internal, to be reached, and those of the upstreams."""
    publish: Sequence[PublishedPort] = ()
    """Ports of the host that lead to port 8080 of the container (8443 for HTTPS)."""
    server: Server = field(default_factory=Server)
    """Limits that hold for all routes."""
    memory_mib: int = 128
    """Memory limit in MiB."""
    cpus: float = 1.0
    """CPU limit."""
    cpu_shares: int = 4096
    """Weight when CPUs are short; others have 1024: it takes little, and every request waits for it."""
    health_interval_s: float = 5.0
    """Seconds between two health probes, and before the first."""
    container_name: str | None = None
    """A fixed container name. Default: generated."""
    needs: Sequence[Dependency] = ()
    """What must be there first."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its containers and volume."""
    traffic: Mapping[str, str] = field(default_factory=dict)
    """Who gets the requests of a service of which two versions run, in words: for people who read a plan."""


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
        folder = self._files_folder(args)
        self.config = pulumi.Output.all(folder=folder, upstreams=dict(args.upstreams)).apply(
            lambda known: _render(args, known["upstreams"], known["folder"])
        )
        file = self.config.apply(lambda text: f"{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}.conf")
        volume = docker.Volume(
            f"{name}-config",
            docker.VolumeArgs(
                labels=[docker.VolumeLabelArgs(label=key, value=value) for key, value in sorted(args.labels.items())]
            ),
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False, ignore_changes=["labels"]),
        )
        stage = self._stage(name, args, volume, file, folder)
        mounts = [VolumeMount(volume_name=volume.name, path=CONFIG_FOLDER), *args.volumes]
        one_shot = WorkloadArgs(
            image=args.image,
            user=args.user,
            entrypoint=["sh", "-c"],
            networks=args.networks,
            volumes=mounts,
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
                command=[_with_addresses("gateway-verify.sh"), "verify", file, *([folder] if args.files else [])],
                # Without the gateway's names: nobody must be led to a container in which nothing listens.
                networks=[replace(network, aliases=()) for network in args.networks],
            ),
            role="verify",
            parent=self,
            needs=[stage, *args.needs],
            one_shot=True,
        )
        verified = success_of(verify, f"the check of the configuration of {name}")
        self.container = self._server(name, args, mounts, verified)
        drain = math.ceil(args.server.drain_s) + 2  # nginx itself ends what takes longer, unless it may linger
        reload = make_container(
            f"{name}-reload",
            replace(
                one_shot,
                command=[script("gateway-reload.sh"), "reload", str(drain), str(_LINGERING * args.server.workers)],
                networks=(),
                env={"SLIPWAY_CONFIG": file},  # a new configuration is a new reload
            ),
            role="reload",
            parent=self,
            extra_labels={f"{labels.TRAFFIC}.{service}": words for service, words in args.traffic.items()},
            needs=[verified, self.container],
            one_shot=True,
            pid_mode=self.container.id.apply(lambda container_id: f"container:{container_id}"),
        )
        self.reloaded = success_of(reload, f"the reload of {name}")
        self.register_outputs({"reloaded": self.reloaded.apply(lambda _: True), "config": self.config})

    @staticmethod
    def _files_folder(args: GatewayArgs) -> pulumi.Output[str]:
        """Return the name of the folder of the further files, or nothing where there are none."""
        if not args.files:
            return pulumi.Output.from_input("")
        contents = {name: item.base64 if isinstance(item, Binary) else item for name, item in args.files.items()}
        return content_digest(contents, args.files_key).apply(lambda digest: f"files-{digest}")

    def _stage(
        self,
        name: str,
        args: GatewayArgs,
        volume: docker.Volume,
        file: pulumi.Output[str],
        folder: pulumi.Output[str],
    ) -> docker.Container:
        """Register the never-started container that writes what is new beside what is live.

        Further files come flat, with a list of their names: a folder that Docker makes for an upload would be root's,
        and nginx's user could never remove it. The check puts them in their places, as its own.
        """
        files: list[tuple[pulumi.Input[str], pulumi.Input[str] | Binary]] = [
            (pulumi.Output.concat(CONFIG_FOLDER, "/", file), self.config)
        ]
        names = sorted(args.files)
        if names:
            base = pulumi.Output.concat(CONFIG_FOLDER, "/.staged-", folder)
            files.append((pulumi.Output.concat(base, "-list"), "".join(f"{item}\n" for item in names)))
            files += [
                (pulumi.Output.concat(base, f"-{index}"), args.files[item]) for index, item in enumerate(names, 1)
            ]
        return make_carrier(
            f"{name}-stage",
            image=args.image,
            folders={CONFIG_FOLDER: volume.name},
            files=files,
            part_labels=args.labels,
            parent=self,
        )

    def _server(
        self, name: str, args: GatewayArgs, mounts: Sequence[VolumeMount], verified: pulumi.Output[pulumi.Resource]
    ) -> docker.Container:
        return make_container(
            f"{name}-server",
            WorkloadArgs(
                image=args.image,
                user=args.user,
                entrypoint=["sh", "-c"],
                command=[_with_addresses("gateway-start.sh"), "start", *([args.watch] if args.watch else [])],
                networks=args.networks,
                publish=args.publish,
                volumes=mounts,
                tmpfs={"/tmp": 64},  # noqa: S108 - inside the container
                memory_mib=args.memory_mib,
                cpus=args.cpus,
                cpu_shares=args.cpu_shares,
                health=HealthCheck(
                    test=http_probe(LISTEN_PORT, HEALTH_PATH),
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


def _with_addresses(name: str) -> str:
    """Return a script with what finds the addresses of containers before it."""
    return f"{script('gateway-addresses.sh')}\n{script(name)}"


def _render(args: GatewayArgs, upstreams: Mapping[str, Sequence[Backend | str]], folder: str) -> str:
    backends = {
        name: [Backend(address=item) if isinstance(item, str) else item for item in items]
        for name, items in upstreams.items()
    }
    text = nginx.render(args.routes, backends, args.server, args.balancing)
    return text.replace(f"{CONFIG_FOLDER}/{FILES}/", f"{CONFIG_FOLDER}/{folder}/")
