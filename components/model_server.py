"""Ollama, a server of language models, and the keeper that fetches its models and tells of them.

The server starts at once. Its models come by a container of their own, the keeper: it pulls or creates what is
missing, keeps in memory what shall stay there, and is healthy when all of it is there. Nobody waits for it, unless
``wait_for_models`` says so: then a one-shot container does the same first, and fails the deployment if a model can't be
had.

Ollama asks nobody who they are. Whatever leads to it from outside has to.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pulumi
import pulumi_docker as docker

from components import labels
from components.args import (
    BindMount,
    Dependency,
    HealthCheck,
    NetworkAttachment,
    PublishedPort,
    VolumeMount,
    WorkloadArgs,
)
from components.carrier import Binary
from components.container import make_container
from components.files import SecretFiles, SecretFilesArgs
from components.outcome import success_of
from components.probes import http_probe
from components.volume import data_volume
from components.workload import make_files

PORT: Final = 11434
KEEPER_PORT: Final = 9436
"""Where the keeper tells of the models: ``/ready``, ``/status`` and ``/metrics``."""
_DATA: Final = "/var/lib/ollama"
_FOLDER: Final = "/etc/models"
_SLACK_S: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class ModelArgs:
    """A model that is there."""

    pull: str | None = None
    """What is pulled. Default: its own name, where nothing else is said."""
    base: str | None = None
    """The model that it is made from."""
    file: str | Binary | None = None
    """The GGUF file that it is made from: a path on the Docker host, or its content."""
    system: str | None = None
    """Its system prompt."""
    template: str | None = None
    """Its prompt template."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Its parameters."""
    warm: bool = False
    """Whether it stays in memory."""


@dataclass(frozen=True, kw_only=True)
class ModelServerArgs:
    """Arguments of :class:`ModelServer`."""

    image: pulumi.Input[str]
    """Image id, or a reference pinned by digest, of Ollama."""
    keeper_image: pulumi.Input[str]
    """Image with the ``models`` program (``images/models``)."""
    user: str = "10011:10011"
    """Numeric ``uid:gid`` of the server."""
    keeper_user: str = "10012:10012"
    """Numeric ``uid:gid`` of the keeper."""
    own_volume: bool = True
    """Whether a new data volume is given to the server's user first, since its folder is not in the image."""
    files_image: pulumi.Input[str] | None = None
    """Image of the never-started containers that carry files into volumes. Default: ``keeper_image``."""
    host: str | None = None
    """Name by which clients find it. Default: the component's name."""
    networks: Sequence[NetworkAttachment] = ()
    """Networks to join, with ``host`` among the aliases."""
    models: Mapping[str, ModelArgs] = field(default_factory=dict)
    """The models that are there, by name."""
    wait_for_models: bool = False
    """Whether :attr:`ModelServer.ready` waits for them."""
    models_timeout_s: float = 1800.0
    """The longest that this may take, in seconds."""
    gpus: Sequence[str | None] = (None,)
    """What each replica gets: ``all``, a count, ``device=0,1``, or None for the CPU. One entry a replica."""
    memory_mib: int = 4096
    """Memory limit of each replica in MiB."""
    cpus: float = 2.0
    """CPU limit of each replica."""
    parallel: int | None = None
    """Requests that a model answers at a time. Default: Ollama's."""
    max_loaded: int | None = None
    """Models in memory at a time. Default: Ollama's."""
    max_queue: int = 512
    """Requests that wait."""
    keep_alive_s: float = 300.0
    """Seconds that an idle model stays in memory."""
    context: int | None = None
    """Tokens of context. Default: Ollama's."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further variables of Ollama."""
    publish: Sequence[PublishedPort] = ()
    """Ports of the host that lead here; with one replica."""
    volume_name: str | None = None
    """A fixed name of the volume with the models. Default: generated."""
    protect: bool = True
    """Whether deleting that volume is refused."""
    stop_grace_s: float = 60.0
    """Seconds for the answers under way before SIGKILL."""
    health_interval_s: float = 5.0
    """Seconds between two health probes, and before the first."""
    container_name: str | None = None
    """A fixed container name; with one replica. Default: generated."""
    needs: Sequence[Dependency] = ()
    """What must be there first."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its containers and files."""
    keeper_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the keeper, a part of its own."""
    volume_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the volume; read only when it is made."""


class ModelServer(pulumi.ComponentResource):
    """Ollama with its models, reachable by name on its networks."""

    host: str
    """Name by which clients find it; with several replicas, any of them."""
    port: int
    """Port, 11434."""
    url: str
    """``http://host:11434``: Ollama's API."""
    openai_url: str
    """``http://host:11434/v1``: OpenAI's API."""
    volume_name: pulumi.Output[str]
    """Name of the volume with the models on the host."""
    containers: Sequence[docker.Container]
    """The replicas' containers."""
    container_names: pulumi.Output[Sequence[str]]
    """Docker's names of them."""
    keeper: docker.Container | None
    """The keeper's container: healthy when the models are there. None where none are asked for."""
    ready: Sequence[Dependency]
    """Depend on these to start when the server is ready: with ``wait_for_models``, with its models."""

    def __init__(self, name: str, args: ModelServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:ModelServer", name, {}, opts)
        self.host = args.host or name
        self.port = PORT
        self.url = f"http://{self.host}:{PORT}"
        self.openai_url = f"{self.url}/v1"
        data = data_volume(
            f"{name}-data",
            parent=self,
            volume_name=args.volume_name,
            protect=args.protect,
            volume_labels=args.volume_labels,
        )
        self.volume_name = data.name
        self.containers = self._servers(name, args, data)
        self.container_names = pulumi.Output.all(*[item.name for item in self.containers]).apply(list)
        self.keeper = None
        self.ready = self.containers
        if args.models:
            self._keep(name, args)
        self.register_outputs({"host": self.host, "port": self.port, "url": self.url, "volume_name": self.volume_name})

    def _servers(self, name: str, args: ModelServerArgs, data: docker.Volume) -> Sequence[docker.Container]:
        server = WorkloadArgs(
            image=args.image,
            user=args.user,
            env=_environment(args),
            health=HealthCheck(
                test=http_probe(PORT, "/api/version"),
                interval_s=args.health_interval_s,
                timeout_s=5.0,
                retries=5,
                start_period_s=60.0,
                wait_s=180.0,
            ),
            needs=args.needs,
            memory_mib=args.memory_mib,
            cpus=args.cpus,
            # A thread for each core and model, for which the kernel counts too.
            processes=4096,
            volumes=[VolumeMount(volume_name=data.name, path=_DATA, own=args.own_volume)],
            tmpfs={"/tmp": 64},  # noqa: S108 - inside the container
            publish=args.publish,
            stop_grace_s=args.stop_grace_s,
            labels=args.labels,
            container_name=args.container_name,
            replace_first=True,  # two of them would want the memory of the GPU twice
        )
        owned = make_files(name, server, parent=self).ready
        return tuple(
            make_container(
                f"{name}-server-{index}",
                replace(
                    server,
                    gpus=gpus,
                    networks=[
                        replace(network, aliases=[*network.aliases, f"{name}-{index}"]) for network in args.networks
                    ],
                ),
                role="server",
                parent=self,
                needs=owned,
                extra_labels={labels.REPLICA: str(index)},
            )
            for index, gpus in enumerate(args.gpus)
        )

    def _keep(self, name: str, args: ModelServerArgs) -> None:
        """Register the keeper, and what fetches the models before anything that needs them."""
        described, carried, binds = _described(name, args)
        files = SecretFiles(
            f"{name}-models-files",
            SecretFilesArgs(
                files={f"{_FOLDER}/models.json": json.dumps(described, indent=2, sort_keys=True) + "\n", **carried},
                image=args.files_image or args.keeper_image,
                labels=args.keeper_labels,
                secret=False,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        keeper = WorkloadArgs(
            image=args.keeper_image,
            user=args.keeper_user,
            command=["keep"],
            networks=[replace(network, aliases=()) for network in args.networks],
            binds=binds,
            memory_mib=64,
            cpus=0.5,
            stop_grace_s=5.0,
            labels=args.keeper_labels,
            replace_first=False,
        )
        needs: list[Dependency] = [*files.ready, *self.containers]
        if args.wait_for_models:
            fetch = make_container(
                f"{name}-models-fetch",
                replace(keeper, command=["fetch"]),
                role="job",
                parent=self,
                extra_volumes=files.mounts,
                needs=needs,
                one_shot=True,
                timeout_s=args.models_timeout_s + _SLACK_S,
            )
            fetched = success_of(fetch, f"fetching the models of {name}")
            self.ready = [*self.containers, fetched]
            needs = [*needs, fetched]
        self.keeper = make_container(
            f"{name}-models",
            replace(
                keeper,
                networks=[replace(network, aliases=(keeper_host(name),)) for network in args.networks],
                # Told to Docker, and not waited for: a large model comes when it comes. Not by the image's own check,
                # which starts Python each time.
                health=HealthCheck(
                    test=http_probe(KEEPER_PORT, "/ready"),
                    interval_s=args.health_interval_s,
                    timeout_s=5.0,
                    start_period_s=args.models_timeout_s,
                ),
            ),
            role="server",
            parent=self,
            extra_volumes=files.mounts,
            needs=needs,
            extra_labels={labels.REPLICA: "0"},
            wait=False,
        )


def keeper_host(name: str) -> str:
    """Return the name under which the keeper of a model server is found, for its figures."""
    return f"{name}-models"


def _environment(args: ModelServerArgs) -> dict[str, str]:
    own = {
        "HOME": _DATA,
        "OLLAMA_HOST": f"0.0.0.0:{PORT}",
        "OLLAMA_MODELS": f"{_DATA}/models",
        "OLLAMA_KEEP_ALIVE": f"{args.keep_alive_s:g}s",
        "OLLAMA_MAX_QUEUE": str(args.max_queue),
        # Each replica would tidy up at its start what another one is still fetching.
        "OLLAMA_NOPRUNE": "1" if len(args.gpus) > 1 else None,
        "OLLAMA_NUM_PARALLEL": args.parallel and str(args.parallel),
        "OLLAMA_MAX_LOADED_MODELS": args.max_loaded and str(args.max_loaded),
        "OLLAMA_CONTEXT_LENGTH": args.context and str(args.context),
    }
    return {**args.settings, **{key: str(value) for key, value in own.items() if value is not None}}


def _described(
    name: str, args: ModelServerArgs
) -> tuple[dict[str, Any], dict[str, pulumi.Input[str] | Binary], list[BindMount]]:
    """Return what the keeper reads, the files that are carried to it, and those of the host."""
    carried: dict[str, pulumi.Input[str] | Binary] = {}
    binds: list[BindMount] = []
    models = []
    for index, (model, wanted) in enumerate(args.models.items()):
        entry = {
            "name": model,
            "pull": wanted.pull,
            "from": wanted.base,
            "file": None,
            "system": wanted.system,
            "template": wanted.template,
            "parameters": dict(wanted.parameters),
            "warm": wanted.warm,
        }
        if isinstance(wanted.file, Binary):
            entry["file"] = f"{_FOLDER}/{index}.gguf"
            carried[f"{_FOLDER}/{index}.gguf"] = wanted.file
        elif wanted.file is not None:
            entry["file"] = f"/models/{index}/{posixpath.basename(wanted.file)}"
            binds.append(BindMount(source=wanted.file, path=str(entry["file"])))
        models.append({key: value for key, value in entry.items() if value not in (None, {}, False)})
    servers = [f"http://{name}-{index}:{PORT}" for index in range(len(args.gpus))]
    return {"servers": servers, "port": KEEPER_PORT, "models": models}, carried, binds
