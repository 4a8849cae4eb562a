"""Qdrant, a store of vectors, on volumes that outlive it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
import pulumi_docker as docker
import pulumi_random as random

from components import labels
from components.args import Dependency, HealthCheck, NetworkAttachment, PublishedPort, VolumeMount, WorkloadArgs
from components.container import make_container
from components.probes import http_probe
from components.volume import data_volume
from components.workload import make_files

PORT: Final = 6333
GRPC_PORT: Final = 6334
_HOME: Final = "/qdrant"
_STORAGE: Final = "/var/lib/qdrant/storage"
_SNAPSHOTS: Final = "/var/lib/qdrant/snapshots"
"""Not the image's own folders, which are root's: Docker gives an empty volume the owner of the image's folder again
each time that a container mounts it."""
_SECRETS: Final = "/run/secrets"
_KEY_LENGTH: Final = 32


@dataclass(frozen=True, kw_only=True)
class VectorStoreArgs:
    """Arguments of :class:`VectorStore`."""

    image: pulumi.Input[str]
    """Image id, or a reference pinned by digest, of Qdrant."""
    user: str = "1000:1000"
    """Numeric ``uid:gid`` of the server in that image."""
    own_volumes: bool = True
    """Whether new volumes are given to that user first, since their folders are not in the image."""
    files_image: pulumi.Input[str] | None = None
    """Image of the never-started containers that carry files into volumes. Default: ``image``."""
    files_key: pulumi.Input[str] | None = None
    """Secret with which the content of secret files is hashed for a label. Default: a generated one."""
    host: str | None = None
    """Name by which clients find it. Default: the component's name."""
    networks: Sequence[NetworkAttachment] = ()
    """Networks to join."""
    memory_mib: int = 512
    """Memory limit in MiB."""
    cpus: float = 1.0
    """CPU limit."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further settings of Qdrant, by their dotted name."""
    publish: Sequence[PublishedPort] = ()
    """Ports of the host that lead here."""
    volume_name: str | None = None
    """A fixed name of the data volume on the host. Default: generated."""
    snapshots_volume_name: str | None = None
    """A fixed name of the volume of its snapshots. Default: generated."""
    protect: bool = True
    """Whether deleting the data volume or the key is refused."""
    stop_grace_s: float = 60.0
    """Seconds for a clean shutdown before SIGKILL."""
    health_interval_s: float = 5.0
    """Seconds between two health probes, and before the first."""
    container_name: str | None = None
    """A fixed container name. Default: generated."""
    needs: Sequence[Dependency] = ()
    """What must be there first."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its containers and files."""
    volume_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its volumes; read only when they are made."""


class VectorStore(pulumi.ComponentResource):
    """A Qdrant server with a generated API key, reachable by name on its networks.

    Its key stands in a file of configuration, which the server adds to its own. Snapshots that its API makes have a
    volume of their own, which stays like the data.
    """

    host: str
    """Name by which clients find it."""
    port: int
    """Port for HTTP, 6333."""
    grpc_port: int
    """Port for gRPC, 6334."""
    api_key: pulumi.Output[str]
    """Its API key (secret), which clients send in the header ``api-key``."""
    url: str
    """``http://host:6333``."""
    volume_name: pulumi.Output[str]
    """Name of the data volume on the host."""
    snapshots_volume_name: pulumi.Output[str]
    """Name of the volume of its snapshots."""
    container: docker.Container
    """Its container, to depend on: it is there when the server is ready."""

    def __init__(self, name: str, args: VectorStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:VectorStore", name, {}, opts)
        self.host = args.host or name
        self.port = PORT
        self.grpc_port = GRPC_PORT
        key = random.RandomPassword(
            f"{name}-key",
            random.RandomPasswordArgs(length=_KEY_LENGTH, special=False),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect or None),
        )
        self.api_key = pulumi.Output.secret(key.result)
        volumes = {
            role: data_volume(
                f"{name}-{role}",
                parent=self,
                volume_name=volume_name,
                # What a snapshot was taken of is still there; a backup has its own copies.
                protect=args.protect and role == "data",
                volume_labels=args.volume_labels,
            )
            for role, volume_name in (("data", args.volume_name), ("snapshots", args.snapshots_volume_name))
        }
        server = WorkloadArgs(
            image=args.image,
            user=args.user,
            env={"QDRANT_INIT_FILE_PATH": f"{_STORAGE}/.qdrant-initialized"},
            secret_files={
                f"{_HOME}/config/local.yaml": self.api_key.apply(lambda known: _config(known, args.settings)),
                f"{_SECRETS}/api_key": self.api_key,
            },
            files_image=args.files_image,
            files_key=args.files_key,
            networks=args.networks,
            health=HealthCheck(
                test=http_probe(PORT, "/readyz"),
                interval_s=args.health_interval_s,
                timeout_s=5.0,
                retries=5,
                start_period_s=60.0,
                wait_s=180.0,
            ),
            needs=args.needs,
            memory_mib=args.memory_mib,
            cpus=args.cpus,
            volumes=[
                VolumeMount(volume_name=volumes["data"].name, path=_STORAGE, own=args.own_volumes),
                VolumeMount(volume_name=volumes["snapshots"].name, path=_SNAPSHOTS, own=args.own_volumes),
            ],
            publish=args.publish,
            stop_grace_s=args.stop_grace_s,
            working_dir=_HOME,
            labels=args.labels,
            container_name=args.container_name,
            replace_first=True,
        )
        files = make_files(name, server, parent=self)
        self.container = make_container(
            f"{name}-server",
            server,
            role="server",
            parent=self,
            extra_volumes=files.mounts,
            needs=files.ready,
            extra_labels={labels.REPLICA: "0"},
        )
        self.url = f"http://{self.host}:{PORT}"
        self.volume_name = volumes["data"].name
        self.snapshots_volume_name = volumes["snapshots"].name
        self.register_outputs({"host": self.host, "port": self.port, "url": self.url, "volume_name": self.volume_name})

    @property
    def containers(self) -> Sequence[docker.Container]:
        """Its one container, as services have several."""
        return (self.container,)

    @property
    def container_names(self) -> pulumi.Output[Sequence[str]]:
        """Docker's name of it."""
        return self.container.name.apply(lambda known: [known])


def _config(api_key: str, settings: Mapping[str, str]) -> str:
    """Return what is added to the server's own configuration; JSON is YAML."""
    config: dict[str, Any] = {
        "telemetry_disabled": True,
        "storage": {"storage_path": _STORAGE, "snapshots_path": _SNAPSHOTS},
        "service": {"host": "0.0.0.0", "http_port": PORT, "grpc_port": GRPC_PORT, "api_key": api_key},  # noqa: S104
    }
    for name, text in sorted(settings.items()):
        *sections, last = name.split(".")
        place = config
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = _value(text)
    return json.dumps(config, indent=2) + "\n"


def _value(text: str) -> Any:
    """Read a number or a truth value: Qdrant takes no text for them."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text
