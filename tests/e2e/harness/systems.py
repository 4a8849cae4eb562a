"""The five systems on this machine: images that can't be had here are replaced by a stand-in, the rest is the real one.

What is changed besides: fixed names on the host (so that two may run side by side), ports of the host, certificates
(self-signed), intervals of health checks (a second), secrets (generated), rights over the host (parts that ask for them
are left out), GPUs, receivers of alerts (there is no Slack). PostgreSQL, Redis, nginx and what watches them, but for
Grafana, are those of the family ``debian``; so are Ollama, pgAdmin, MailHog and n8n where their images were built
(``slipway images build ollama pgadmin mailhog n8n``).
"""

from __future__ import annotations

import functools
import hashlib
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from operate.image_lock import own_reference
from settings.layers import read_layers
from settings.source import StackSource
from settings.yaml_source import as_record
from tests.e2e.harness.gguf import tiny_model
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.workspace import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.e2e.harness.blueprints import Blueprint
    from tests.e2e.harness.docker_view import Daemon

_FOLDER: Final = Path(__file__).with_name("stand_in")
_PROFILES: Final = ("local-llm", "chat", "scan", "azure")
_WORKLOADS: Final = ("services", "workers", "jobs")
_FIXED: Final = ("container_name", "volume_name")
_OTHERS: Final = {"opencode": [8765], "oc-app": [3001], "qdrant": [6334]}
"""Ports beside a part's own that something leads to."""
OLLAMA: Final = "ollama"
PGADMIN: Final = "oc-pgadmin"
MAILHOG: Final = "oc-mailhog"
N8N: Final = "n8n"
REAL: Final = {OLLAMA: "ollama", PGADMIN: "pgadmin", MAILHOG: "mailhog", N8N: "n8n"}
"""Parts that are the real program where Slipway's image of it is there, and that image: each takes minutes to make."""
_MODELS: Final = "/root/.ollama"
"""Where the description mounts its models."""
_MODELFILE: Final = f"FROM {_MODELS}/tiny.gguf\nPARAMETER num_predict 8\nPARAMETER num_thread 1\n"


@functools.cache
def stand_in(daemon: Daemon) -> str:
    """Return the image that stands for others, building it if it is not there."""
    lock = yaml.safe_load((REPOSITORY / "images/lock.yaml").read_text(encoding="utf-8"))
    base = lock["images"]["sample"]["debian"]
    content = b"".join(path.read_bytes() for path in sorted(_FOLDER.iterdir()) if path.is_file()) + base.encode()
    reference = f"slipway-tests/stand-in:{hashlib.sha256(content).hexdigest()[:12]}"
    if not daemon.client.images.list(name=reference):
        daemon.client.images.build(path=str(_FOLDER), tag=reference, buildargs={"BASE": base}, rm=True)
    return reference


def real_parts(daemon: Daemon) -> frozenset[str]:
    """Return the parts that need no stand-in, since the image of the real program is there."""
    return frozenset(part for part, role in REAL.items() if daemon.client.images.list(name=own_reference(role)))


def serve_model(daemon: Daemon, container: str, name: str) -> None:
    """Give a running Ollama the smallest model there is, under a name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file, content in (("tiny.gguf", tiny_model()), ("Modelfile", _MODELFILE.encode())):
            entry = tarfile.TarInfo(file)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    assert daemon.client.containers.get(container).put_archive(_MODELS, buffer.getvalue())
    code, said = daemon.exec(container, "ollama", "create", name, "-f", f"{_MODELS}/Modelfile")
    assert code == 0, said


def description(
    system: str,
    environment: str,
    image: str,
    *,
    backups: bool = True,
    grafana: str | None = None,
    real: Collection[str] = (),
) -> Blueprint:
    """Return a system's merged description, made fit for this machine.

    Args:
        system: Its name.
        environment: ``dev`` or ``prod``.
        image: What stands for images that can't be had.
        backups: Whether it has backups, if it describes some.
        grafana: What stands for Grafana. Default: nothing watches the system.
        real: Parts that are the real program.
    """
    merged = _merged(system, environment)
    merged["protect_data"] = False
    for name in ("image", "webhook"):
        merged.get("backups", {}).pop(name, None)
    if not backups:
        merged.pop("backups", None)
    if "monitoring" in merged:
        _monitoring(merged, grafana)
    merged["secrets"] = {name: {"source": "generated"} for name in merged.get("secrets", {})}
    for named in (*merged["networks"].values(), *merged.get("volumes", {}).values()):
        named.pop("name", None)
    for section in ("databases", "caches"):
        for store in merged.get(section, {}).values():
            store.pop("image", None)
            store["health_interval"] = "1s"
            _names_and_ports(store)
    _workloads(merged, image, real)
    if "gateway" in merged:
        _gateway(merged["gateway"])
    return merged


def _merged(system: str, environment: str) -> Blueprint:
    source = StackSource(
        root=REPOSITORY, project="slipway", stack=environment, blueprint=system, environment=environment,
        profiles=_PROFILES,
    )  # fmt: skip
    merged: Blueprint = as_record(read_layers(source).tree)
    return merged


def stood_for(system: str, environment: str, described: Blueprint) -> list[str]:
    """Return whose images the stand-in stands for, by their references: those that others build."""
    theirs = _merged(system, environment)
    return sorted(
        {
            str(part["image"])
            for section in _WORKLOADS
            for name, part in theirs.get(section, {}).items()
            if "image" in part and "STAND_IN_NAME" in described.get(section, {}).get(name, {}).get("env", {})
        }
    )


def _workloads(merged: Blueprint, image: str, real: Collection[str]) -> None:
    for section in _WORKLOADS:
        kept = {name: part for name, part in merged.get(section, {}).items() if not _is_powerful(part)}
        if section in merged:
            merged[section] = {
                name: _real(name, part) if name in real else _stood_for(section, name, part, image)
                for name, part in kept.items()
            }


def _real(name: str, part: dict[str, Any]) -> dict[str, Any]:
    """Return a workload whose program is the real one, of the image that Slipway makes."""
    part = {key: value for key, value in part.items() if key not in {"gpus", "profiles"}}
    part["image"] = f"slipway/{REAL[name]}"
    # How long it may take to start is the description's to say.
    part["health"] = {**part["health"], "interval": "1s"}
    if name == OLLAMA:
        part["env"] = {"HOME": "/root", "OLLAMA_MODELS": f"{_MODELS}/models", "OLLAMA_CONTEXT_LENGTH": "512"}
    _names_and_ports(part)
    return part


def _is_powerful(part: dict[str, Any]) -> bool:
    return bool(part.get("privileged") or part.get("host_network"))


def _stood_for(section: str, name: str, part: dict[str, Any], image: str) -> dict[str, Any]:
    """Return a workload whose program is the stand-in."""
    part = {
        key: value for key, value in part.items() if key not in {"build", "gpus", "profiles", "entrypoint", "command"}
    }
    part["image"] = image
    ports = [part["port"], *_OTHERS.get(name, ())] if "port" in part else []
    part["env"] = {
        **part.get("env", {}),
        "STAND_IN_NAME": name,
        "STAND_IN_PORTS": ",".join(map(str, ports)),
        **({"STAND_IN_JOB": "1"} if section == "jobs" else {}),
    }
    part["binds"] = [bind for bind in part.get("binds", ()) if bind["source"].startswith("./")]
    if "health" in part:
        part["health"] = {**part["health"], "interval": "1s", "start_period": "0s", "wait": "120s"}
    _names_and_ports(part)
    return part


def _names_and_ports(part: dict[str, Any]) -> None:
    for key in _FIXED:
        part.pop(key, None)
    if "publish" in part:
        part["publish"] = [f"127.0.0.1:{free_port()}:{str(port).rpartition(':')[2]}" for port in part["publish"]]


def _monitoring(merged: dict[str, Any], grafana: str | None) -> None:
    """Let what watches a system do so although its data are not protected, or leave it out."""
    if grafana is None:
        del merged["monitoring"]
        return
    monitoring = merged["monitoring"]
    monitoring["enabled"] = True
    for name in ("receivers", "alertmanager"):
        monitoring.pop(name, None)
    for server in (monitoring, monitoring.get("grafana", {})):
        server.pop("volume_name", None)
        if "publish" in server:
            server["publish"] = f"127.0.0.1:{free_port()}"
    if "grafana" in monitoring:
        monitoring["grafana"]["image"] = grafana


def _gateway(gateway: dict[str, Any]) -> None:
    gateway.pop("container_name", None)
    gateway["health_interval"] = "1s"
    gateway["drain"] = "5s"
    published = gateway["publish"] if isinstance(gateway["publish"], list) else [gateway["publish"]]
    gateway["publish"] = [f"127.0.0.1:{free_port()}" for _ in published]
    if "tls" in gateway:
        redirect = gateway["tls"].get("redirect", True)
        gateway["tls"] = {"mode": "self-signed", "publish": f"127.0.0.1:{free_port()}", "redirect": redirect}
