"""Creating through the Docker provider as the engine would, with an image of its own."""

from __future__ import annotations

import socket
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.provider import PartialFailure, Properties
from engine.providers.docker import DockerProvider

if TYPE_CHECKING:
    from engine.providers.docker.daemon import Daemon

NETWORK = "docker:index/network:Network"
VOLUME = "docker:index/volume:Volume"
IMAGE = "docker:index/remoteImage:RemoteImage"
CONTAINER = "docker:index/container:Container"
NAME = "recording:1"
SLEEP = ["sleep", "infinity"]
CHECK = {"interval": "1s", "timeout": "2s", "retries": 1}
BUSYBOX = Path("/usr/bin/busybox")


def import_image() -> None:
    """Make the test image from the static busybox of this machine."""
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in ("bin", "tmp", "etc"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            archive.addfile(entry)
        archive.add(BUSYBOX, "bin/busybox")
        for word in ("sh", "sleep", "true", "cat", "echo", "kill", "nc", "ls"):
            entry = tarfile.TarInfo(f"bin/{word}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(entry)
    subprocess.run(["docker", "import", "-", NAME], input=buffer.getvalue(), check=True, capture_output=True)


class World:
    """Creates through the provider as the engine would, and removes everything at the end."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.provider = DockerProvider(daemon)
        self.made: list[tuple[str, str, Properties, Properties]] = []

    def create(self, type_: str, logical_name: str, /, **inputs: Any) -> tuple[str, Properties, Properties]:
        """Check and create; return id, checked inputs and outputs, after proof that they are stable."""
        checked = self.provider.check(type_, logical_name, None, inputs)
        assert checked.failures == ()
        try:
            made = self.provider.create(type_, logical_name, checked.inputs, preview=False)
        except PartialFailure as error:
            self.made.append((type_, error.resource_id, checked.inputs, error.outputs))
            raise
        self.made.append((type_, made.id, checked.inputs, made.outputs))
        assert not self.provider.diff(type_, made.id, checked.inputs, made.outputs, checked.inputs).changes
        return made.id, checked.inputs, made.outputs

    def refreshed(self, type_: str, made: tuple[str, Properties, Properties]) -> tuple[Properties, Properties]:
        """Read back; return inputs and outputs."""
        read = self.provider.read(type_, *made)
        assert read.id == made[0]
        return read.inputs, read.outputs

    def inspect(self, container: str) -> dict[str, Any]:
        """Return the daemon's view of a container."""
        found: dict[str, Any] = self.daemon.get(f"/containers/{container}/json")
        return found

    def exists(self, name: str) -> bool:
        """Whether a container of this name exists."""
        return any(f"/{name}" in item["Names"] for item in self.daemon.get("/containers/json", all=True))

    def clear(self) -> None:
        """Remove what was made, newest first; twice, since a delete must bear what is gone."""
        for type_, id_, inputs, outputs in reversed(self.made):
            self.provider.delete(type_, id_, inputs, outputs)
            self.provider.delete(type_, id_, inputs, outputs)


def free_port() -> int:
    """Return a port of this machine's loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
