"""Redis, as a cache or as a queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pulumi
import pulumi_docker as docker
import pulumi_random as random

from components import labels
from components.args import Dependency, HealthCheck, NetworkAttachment, PublishedPort, VolumeMount, WorkloadArgs
from components.cache_rotation import CachePassword, CachePasswordArgs
from components.container import make_container
from components.files import SecretFiles, SecretFilesArgs
from components.probes import script
from components.rotation import Step
from components.volume import data_volume

PORT: Final = 6379
_DATA: Final = "/data"
_SECRETS: Final = "/run/secrets"
_PASSWORD_LENGTH: Final = 32
_NO_SNAPSHOTS: Final = 'save ""\n'
"""Snapshots beside the append-only file only cost memory and disk; an argument could not say an empty value."""
_PING: Final = "REDISCLI_AUTH=$(cat /tmp/own-password) redis-cli --user slipway -h 127.0.0.1 ping | grep -qx PONG"
"""With the password that the server's start script makes up for what asks from within. It reaches redis-cli through the
environment of the probe alone, never through an argument."""


@dataclass(frozen=True, kw_only=True)
class CacheArgs:
    """Arguments of :class:`Cache`."""

    image: pulumi.Input[str]
    """Image id, or a reference pinned by digest, with ``redis-server`` and ``redis-cli``."""
    user: str = "999:999"
    """Numeric ``uid:gid`` of the server in that image."""
    files_image: pulumi.Input[str] | None = None
    """Image of the never-started containers that carry files into volumes. Default: ``image``."""
    files_key: pulumi.Input[str] | None = None
    """Secret with which the content of secret files is hashed for a label. Default: a generated one."""
    host: str | None = None
    """Name by which clients find it. Default: the component's name."""
    networks: Sequence[NetworkAttachment] = ()
    """Networks to join."""
    memory_mib: int = 256
    """Memory limit in MiB."""
    max_memory_mib: int | None = None
    """Memory for data in MiB. Default: three quarters of ``memory_mib``; the rest is for copies while saving."""
    cpus: float = 1.0
    """CPU limit."""
    eviction: str = "noeviction"
    """Redis' ``maxmemory-policy``. The default refuses writes when full, since a queue must not lose an entry."""
    persistent: bool = True
    """Whether an append-only file on a volume keeps the data over a restart."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further directives of redis.conf."""
    publish: Sequence[PublishedPort] = ()
    """Ports of the host that lead here."""
    volume_name: str | None = None
    """A fixed name of the data volume on the host. Default: generated."""
    protect: bool = True
    """Whether deleting the data volume or the password is refused."""
    rotation: int = 0
    """Steps by which its password was rotated; see docs/adr/0009-rotation.md. Only where it is persistent."""
    stop_grace_s: float = 30.0
    """Seconds for a clean shutdown before SIGKILL."""
    health_interval_s: float = 5.0
    """Seconds between two health probes, and before the first."""
    container_name: str | None = None
    """A fixed container name. Default: generated."""
    needs: Sequence[Dependency] = ()
    """What must be there first."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its container and files."""
    volume_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the data volume; read only when it is made."""


class Cache(pulumi.ComponentResource):
    """A Redis server with a password, reachable by name on its networks."""

    host: str
    """Name by which clients find it."""
    port: int
    """Port, 6379."""
    password: pulumi.Output[str]
    """Its password (secret)."""
    url: pulumi.Output[str]
    """``redis://:password@host:6379/0`` (secret)."""
    container: docker.Container
    """Its container, to depend on: it is there when the server is healthy."""

    def __init__(self, name: str, args: CacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:Cache", name, {}, opts)
        self.host = args.host or name
        self.port = PORT
        protect = args.protect and args.persistent
        password = random.RandomPassword(
            f"{name}-password",
            random.RandomPasswordArgs(length=_PASSWORD_LENGTH, special=False),
            opts=pulumi.ResourceOptions(parent=self, protect=protect or None),
        )
        self.password = pulumi.Output.secret(password.result)
        files = SecretFiles(
            f"{name}-secrets",
            SecretFilesArgs(
                files={
                    f"{_SECRETS}/password": password.result,
                    # Not secret, but one volume and one carrier are cheaper than two.
                    f"{_SECRETS}/redis.conf": _NO_SNAPSHOTS,
                    f"{_SECRETS}/start.sh": script("redis-start.sh") + "\n",
                },
                image=args.files_image or args.image,
                labels=args.labels,
                key=args.files_key,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        mounts = []
        if args.persistent:
            data = data_volume(
                f"{name}-data",
                parent=self,
                volume_name=args.volume_name,
                protect=protect,
                volume_labels=args.volume_labels,
            )
            mounts.append(VolumeMount(volume_name=data.name, path=_DATA))
        self.container = make_container(
            f"{name}-server",
            WorkloadArgs(
                image=args.image,
                user=args.user,
                entrypoint=["sh", f"{_SECRETS}/start.sh"],
                command=[_DATA, *_flags(_directives(args))],
                networks=args.networks,
                health=HealthCheck(
                    test=["CMD-SHELL", _PING],
                    interval_s=args.health_interval_s,
                    timeout_s=5.0,
                    retries=5,
                    start_period_s=60.0,
                    wait_s=180.0,
                ),
                needs=args.needs,
                memory_mib=args.memory_mib,
                cpus=args.cpus,
                volumes=mounts,
                tmpfs={"/tmp": 16} if args.persistent else {"/tmp": 16, _DATA: 16},  # noqa: S108 - inside the container
                publish=args.publish,
                stop_grace_s=args.stop_grace_s,
                working_dir=_DATA,
                labels=args.labels,
                container_name=args.container_name,
                replace_first=True,
            ),
            role="server",
            parent=self,
            extra_volumes=files.mounts,
            needs=files.ready,
            extra_labels={labels.REPLICA: "0"},
        )
        if args.rotation:
            self.password = self._rotated(name, args, password.result)
        self.url = pulumi.Output.secret(pulumi.Output.concat("redis://:", self.password, f"@{self.host}:{PORT}/0"))
        self.register_outputs({"host": self.host, "port": self.port, "url": self.url})

    def _rotated(self, name: str, args: CacheArgs, first: pulumi.Output[str]) -> pulumi.Output[str]:
        return CachePassword(
            f"{name}-rotation",
            CachePasswordArgs(
                step=Step(args.rotation),
                first=first,
                host=self.host,
                server=self.container,
                image=args.image,
                user=args.user,
                networks=args.networks,
                protect=args.protect and args.persistent,
                files_image=args.files_image,
                files_key=args.files_key,
                labels=args.labels,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        ).password


def _directives(args: CacheArgs) -> dict[str, str]:
    return {
        "appendonly": "yes" if args.persistent else "no",
        "dir": _DATA,
        "maxmemory": f"{args.max_memory_mib or args.memory_mib * 3 // 4}mb",
        "maxmemory-policy": args.eviction,
        **args.settings,
    }


def _flags(directives: Mapping[str, str]) -> list[str]:
    return [part for key, value in sorted(directives.items()) for part in (f"--{key}", value)]
