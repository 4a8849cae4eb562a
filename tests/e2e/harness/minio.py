"""MinIO, a real S3 server, at an address of this machine that every container with a way out reaches.

It is built from its Go module once, outside the repository. It stays when a platform and its networks go.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import pytest

from operate import image_lock
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.s3 import S3, S3Refused
from tests.e2e.harness.waiting import until

if TYPE_CHECKING:
    from types import TracebackType

    from docker.models.containers import Container

    from tests.e2e.harness.docker_view import Daemon

MODULE: Final = "github.com/minio/minio"
VERSION: Final = "v0.0.0-20260212201848-7aac2a2c5b7c"
_BUILD_LIMIT_S: Final = 1200


@dataclass(frozen=True)
class Account:
    """Who may use it; made up for each server."""

    key: str = field(default_factory=lambda: f"key{secrets.token_hex(6)}")
    """Access key."""
    secret: str = field(default_factory=lambda: secrets.token_hex(20))
    """Secret key."""


class Minio:
    """An object store in a container of its own.

    Args:
        daemon: Docker.
        owner: The stack, or whatever else it is labelled with for whoever looks for leftovers.
        size_mib: What it can hold, in memory.
    """

    def __init__(self, daemon: Daemon, owner: str, *, size_mib: int = 512) -> None:
        self._daemon = daemon
        self._owner = owner
        self._size_mib = size_mib
        self.account = Account()
        self.host = host_address(daemon)
        """An address of this machine, for containers."""
        self.address = f"{self.host}:{free_port()}"
        """``host:port``, for containers and this machine."""
        self._container: Container | None = None

    def __enter__(self) -> Self:
        """Start it and wait until it answers."""
        self._container = self._daemon.client.containers.run(
            image_lock.own_reference(image_lock.BASE),
            ["/minio", "server", "/data", "--address", self.address, "--quiet"],
            environment={
                "MINIO_ROOT_USER": self.account.key,
                "MINIO_ROOT_PASSWORD": self.account.secret,
                "HOME": "/tmp",  # noqa: S108 - inside the container
            },
            volumes={str(binary()): {"bind": "/minio", "mode": "ro"}},
            # What is full is full, and needs no root to make.
            tmpfs={"/data": f"size={self._size_mib}m,mode=1777", "/tmp": "size=16m,mode=1777"},  # noqa: S108 - inside the container
            network_mode="host",  # bridges are kept apart from one another, and this one outlives the platform's
            labels={"slipway.test": self._owner},
            detach=True,
        )
        until(self._answers, "MinIO answers")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove it with all that it holds."""
        if self._container is not None:
            self._container.remove(force=True, v=True)

    @property
    def s3(self) -> S3:
        """The account, to look at what is stored."""
        return S3(self.address, self.account.key, self.account.secret)

    def _answers(self) -> bool:
        assert self._container is not None
        self._container.reload()
        assert self._container.status == "running", self._container.logs().decode(errors="replace")[-2000:]
        try:
            return bool(self.s3.names("none"))
        except OSError:
            return False
        except S3Refused as refused:
            return "NoSuchBucket" in str(refused)


def host_address(daemon: Daemon) -> str:
    """Return this machine's address on the default bridge; until its first container Docker tells the subnet alone."""
    config: dict[str, str] = daemon.api.inspect_network("bridge")["IPAM"]["Config"][0]
    return config.get("Gateway") or str(next(ipaddress.ip_network(config["Subnet"]).hosts()))


def binary() -> Path:
    """Return MinIO's program, building it if this machine has not yet; skip, with the reason, where that fails."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway-test"
    found = cache / f"minio-{VERSION}"
    if found.exists():
        return found
    if shutil.which("go") is None:
        pytest.skip(f"MinIO is built from its Go module, and there is no go on PATH ({found} would do as well)")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "minio.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process of pytest may be at it
        if not found.exists():
            _build(cache / "minio-build", found)
    return found


def _build(folder: Path, found: Path) -> None:
    """Build it in a module of its own: its replace directives keep ``go install`` from doing it."""
    folder.mkdir(exist_ok=True)
    (folder / "go.mod").write_text("module slipway.test/minio\n\ngo 1.24\n", encoding="utf-8")
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}  # static: it runs on any base
    for command in (
        ("go", "get", "-tool", f"{MODULE}@{VERSION}"),
        ("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", "minio", MODULE),
    ):
        try:
            run = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=_BUILD_LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"MinIO can't be built here: {' '.join(command)} took longer than {_BUILD_LIMIT_S} s")
        if run.returncode:
            pytest.skip(f"MinIO can't be built here: {' '.join(command)}: {run.stderr[-500:]}")
    (folder / "minio").rename(found)
