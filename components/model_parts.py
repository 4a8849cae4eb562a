"""From the description of a vector store or model server to its component."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Final

import pulumi

from components import labels
from components.around import Around
from components.carrier import Binary
from components.model_server import KEEPER_PORT, ModelArgs, ModelServer, ModelServerArgs
from components.modelfile import read_modelfile
from components.translate import published_ports
from components.vector_store import VectorStore, VectorStoreArgs
from settings.model import ModelServer as ModelServerModel
from settings.model import Ready, ServedModel
from settings.model import VectorStore as VectorStoreModel

_LARGEST: Final = 5 * 2**20
"""Bytes of a model's file that is carried; it stands in the stack's state."""


def make_vector_store(name: str, store: VectorStoreModel, around: Around) -> VectorStore:
    """Register a described vector store."""
    image = around.catalogue(store.engine.value)
    return VectorStore(
        name,
        VectorStoreArgs(
            **_common(name, store, "vector_store", around),
            user=image.user or VectorStoreArgs.user,
            files_key=around.files_key,
            own_volumes=not image.facts.get("owns_data_dir"),
            snapshots_volume_name=store.snapshots_volume_name,
        ),
    )


def make_model_server(name: str, server: ModelServerModel, around: Around) -> ModelServer:
    """Register a described model server."""
    image = around.catalogue(server.engine.value)
    return ModelServer(
        name,
        ModelServerArgs(
            **_common(name, server, "model_server", around),
            user=image.user or ModelServerArgs.user,
            own_volume=not image.facts.get("owns_data_dir"),
            keeper_image=around.images[str(server.keeper_image)],
            keeper_labels={**around.labels(f"{name}-models", "models"), labels.METRICS: f":{KEEPER_PORT}/metrics"},
            models={model: _model(model, served) for model, served in server.models.items()},
            wait_for_models=server.ready is Ready.MODELS,
            models_timeout_s=server.models_timeout_s,
            gpus=[server.gpus_of(replica) for replica in range(server.replicas)],
            parallel=server.parallel,
            max_loaded=server.max_loaded,
            max_queue=server.max_queue,
            keep_alive_s=server.keep_alive_s,
            context=server.context,
        ),
    )


def _common(name: str, store: VectorStoreModel | ModelServerModel, kind: str, around: Around) -> dict[str, Any]:
    return {
        "image": around.images[str(store.image)],
        "files_image": around.carrier,
        "networks": around.attach(store.networks, name),
        "memory_mib": store.memory_mib,
        "cpus": store.cpus,
        "settings": store.settings,
        "publish": published_ports(store.publish),
        "volume_name": store.volume_name,
        "protect": bool(store.protect),
        "stop_grace_s": store.stop_grace_s,
        "health_interval_s": store.health_interval_s,
        "container_name": store.container_name,
        "labels": {**store.labels, **around.labels(name, kind)},
        "volume_labels": around.labels(name, kind),
    }


def _model(name: str, model: ServedModel) -> ModelArgs:
    if model.modelfile is not None:
        made = read_modelfile(_text(name, model.modelfile), model.modelfile)
        folder = Path(model.modelfile).parent
        return ModelArgs(
            base=made.base,
            file=_file(name, made.file if made.file.startswith("/") else str(folder / made.file))
            if made.file
            else None,
            system=made.system,
            template=made.template,
            parameters=made.parameters,
            warm=model.warm,
        )
    return ModelArgs(
        pull=model.pull,
        base=model.from_,
        file=_file(name, model.file) if model.file is not None else None,
        system=model.system,
        template=model.template,
        parameters=model.parameters,
        warm=model.warm,
    )


def _file(name: str, path: str) -> str | Binary:
    """Return a file of the Docker host by its path, and one of the project with its content."""
    if path.startswith("/"):
        return path
    content = _bytes(name, path)
    if len(content) > _LARGEST:
        raise pulumi.RunError(
            f"model {name}: {path} is {len(content) / 2**20:.1f} MiB\n"
            f"  allowed: at most {_LARGEST // 2**20} MiB of the project: they stand in the stack's state\n"
            "  fix: put it on the Docker host, where user 10012 can read it, and write its absolute path"
        )
    return Binary(base64.b64encode(content).decode())


def _text(name: str, path: str) -> str:
    return _bytes(name, path).decode(errors="replace")


def _bytes(name: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise pulumi.RunError(
            f"model {name}: can't read {path}: {error.strerror}\n  fix: paths are relative to the project"
        ) from None
