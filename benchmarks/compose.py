"""The peer: Docker Compose with the same containers, written down from what runs.

Image, command, environment, user, limits, hardening, health check and memory folders of every container are copied
from ``docker inspect`` of the deployed platform, so that both tools start the same thing. What only Slipway has
(carriers, the check and the reload of the gateway's configuration) is left out; secret files become bind mounts, the
cheapest that Compose can do.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

PROJECT: Final = "slipway-bench-compose"
_NANO: Final = 1_000_000_000
_ROLES: Final = {"server", "replica", "job"}
_NEEDS: Final = {
    "migrate": {"main": "service_healthy"},
    "api": {"main": "service_healthy", "queue": "service_healthy", "migrate": "service_completed_successfully"},
    "fanout": {"main": "service_healthy", "queue": "service_healthy", "migrate": "service_completed_successfully"},
    "runner": {"main": "service_healthy", "queue": "service_healthy", "migrate": "service_completed_successfully"},
    "gateway": {"api": "service_healthy", "fanout": "service_healthy"},
}


def lack() -> str | None:
    """Say why Compose can't be measured here, or None."""
    if shutil.which("docker") is None:
        return "no docker command"
    run = subprocess.run(["docker", "compose", "version"], capture_output=True, text=True, check=False)
    return None if run.returncode == 0 else "no Compose v2 plugin (`docker compose version` fails)"


def write(client: DockerClient, stack: str, folder: Path, port: int) -> Path:
    """Write compose.yaml for the containers of a running stack and return its path."""
    services: dict[str, Any] = {}
    volumes: dict[str, Any] = {}
    found = client.containers.list(all=True, filters={"label": [f"slipway.stack={stack}", "slipway.project=slipway"]})
    for container in found:
        if container.labels.get("slipway.role") not in _ROLES:
            continue
        part = container.labels["slipway.part"]
        if part in services:
            services[part]["deploy"]["replicas"] += 1
            continue
        services[part] = _service(container, part, folder, volumes)
    services["gateway"]["ports"] = [f"127.0.0.1:{port}:8080"]
    services["gateway"]["networks"] = ["backend", "edge"]
    _gateway_names(services["gateway"], folder)
    document = {
        "name": PROJECT,
        "services": services,
        "networks": {"backend": {"internal": True}, "edge": {}},
        "volumes": volumes,
    }
    path = folder / "compose.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def _service(container: Container, part: str, folder: Path, volumes: dict[str, Any]) -> dict[str, Any]:
    config, host = container.attrs["Config"], container.attrs["HostConfig"]
    service: dict[str, Any] = {
        "image": config["Image"],
        "entrypoint": _escaped(config["Entrypoint"]),
        "command": _escaped(config["Cmd"]),
        "environment": [line.replace("$", "$$") for line in config["Env"]],
        "user": config["User"],
        "read_only": host["ReadonlyRootfs"],
        "init": bool(host.get("Init")),
        "cap_drop": ["ALL"],
        "security_opt": host["SecurityOpt"],
        "tmpfs": [f"{path}:{options}" for path, options in (host.get("Tmpfs") or {}).items()],
        "mem_limit": host["Memory"],
        "memswap_limit": host["MemorySwap"],
        "cpus": host["NanoCpus"] / _NANO,
        "networks": ["backend"],
        "restart": host["RestartPolicy"]["Name"],
        "logging": {"driver": "json-file", "options": host["LogConfig"]["Config"]},
        "stop_grace_period": f"{config.get('StopTimeout') or 10}s",
        "deploy": {"replicas": 1},
        "volumes": _mounts(container, part, folder, volumes),
        "depends_on": {other: {"condition": condition} for other, condition in _NEEDS.get(part, {}).items()},
    }
    if health := config.get("Healthcheck"):
        service["healthcheck"] = {
            "test": _escaped(health["Test"]),
            "interval": f"{health['Interval'] // 1_000_000}ms",
            "timeout": f"{health['Timeout'] // 1_000_000}ms",
            "retries": health["Retries"],
            "start_period": f"{health.get('StartPeriod', 0) // 1_000_000}ms",
        }
    if config.get("WorkingDir"):
        service["working_dir"] = config["WorkingDir"]
    return {key: value for key, value in service.items() if value not in (None, [], {})}


def _mounts(container: Container, part: str, folder: Path, volumes: dict[str, Any]) -> list[str]:
    """Data volumes become volumes of the Compose project; files are copied out and bound."""
    mounts = []
    for mount in container.attrs["Mounts"]:
        if mount["Type"] != "volume":
            continue
        target = mount["Destination"]
        if mount["RW"] and part != "gateway":
            volumes[f"{part}-data"] = {}
            mounts.append(f"{part}-data:{target}")
            continue
        source = folder / part / target.strip("/").replace("/", "-")
        _copy_out(container, target, source)
        mounts.append(f"{source}:{target}:ro")
    return mounts


def _copy_out(container: Container, path: str, target: Path) -> None:
    target.mkdir(parents=True)
    stream, _ = container.get_archive(path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
        for member in archive.getmembers():
            if member.isfile() and (content := archive.extractfile(member)):
                file = target / Path(member.name).name
                file.write_bytes(content.read())
                file.chmod(0o444)
            elif member.issym():
                (target / Path(member.name).name).symlink_to(member.linkname)


def _gateway_names(gateway: dict[str, Any], folder: Path) -> None:
    """Name Compose's services instead of containers: the way that everybody writes nginx behind Compose."""
    for live in (folder / "gateway").rglob("live.conf"):
        text = live.read_text()
        live.unlink()
        text = re.sub(r"server (api|fanout)-\d+-[0-9a-f]{7}:", r"server \1:", text)
        text = re.sub(r"^error_log /etc/.*\n", "", text, flags=re.MULTILINE)  # its folder is read-only here
        lines = list(
            dict.fromkeys(line for line in text.splitlines() if line.strip().startswith("server ") and ":" in line)
        )
        for line in lines:
            while text.count(line + "\n") > 1:
                head, _, tail = text.rpartition(line + "\n")
                text = head + tail
        live.write_text(text)
        live.chmod(0o444)
    gateway["deploy"] = {"replicas": 1}
    # Without what Slipway has beside nginx: it reads names, once, as it does behind Compose.
    gateway |= {"entrypoint": ["nginx"], "command": ["-c", "/etc/nginx/conf.d/live.conf"]}


def _escaped(words: list[str] | None) -> list[str] | None:
    return [word.replace("$", "$$") for word in words] if words else None
