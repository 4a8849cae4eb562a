"""Building an image: by BuildKit through the docker CLI where its buildx is installed, else by the daemon's builder.

The API alone can't drive BuildKit (it wants a session over a hijacked connection), but every daemon has the classic
builder behind ``POST /build``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.provider import ProviderError
from engine.providers.docker.errors import redacted
from engine.providers.docker.remote_image import inspect_image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.providers.docker.build_context import BuildContext
    from engine.providers.docker.daemon import Daemon
    from engine.providers.handler import Limit

BUILD_TIMEOUT_S = 1200.0
_TAIL_LINES = 30


@dataclass(frozen=True)
class BuildOrder:
    """What is to be built."""

    name: str
    context: BuildContext
    args: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    platform: str = ""
    network: str = ""
    extra_hosts: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    classic: bool = False
    """Whether the program asks for the classic builder (``BuilderV1``)."""


def build_image(daemon: Daemon, order: BuildOrder, limit: Limit) -> str:
    """Build and tag an image; return its id. Raises ProviderError with the end of the build's output."""
    limit.remaining()
    if not order.classic and _has_buildx():
        _build_with_cli(daemon, order)
    else:
        _build_with_api(daemon, order, limit)
    found = inspect_image(daemon, order.name)
    if found is None:
        raise ProviderError(f"image {order.name} was built, but the daemon does not list it")
    return str(found["Id"])


def _has_buildx() -> bool:
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False)
    return asked.returncode == 0


def _build_with_cli(daemon: Daemon, order: BuildOrder) -> None:
    command = ["docker", "--host", daemon.host, "buildx", "build", "--load", "--progress", "plain", "--tag", order.name]
    command += ["--file", order.context.dockerfile]
    options = {"--target": order.target, "--platform": order.platform, "--network": order.network}
    command += [word for option, value in options.items() if value for word in (option, value)]
    command += [word for host in order.extra_hosts for word in ("--add-host", host)]
    command += [word for image in order.cache_from for word in ("--cache-from", image)]
    # Values of build arguments go by the environment: a command line can be read by every user of the machine.
    command += [word for name in order.args for word in ("--build-arg", name)]
    environment = {**os.environ, **order.args}
    try:
        done = subprocess.run(
            [*command, order.context.folder],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=BUILD_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise ProviderError(f"the build of {order.name} took longer than {BUILD_TIMEOUT_S:.0f} s") from error
    if done.returncode != 0:
        raise _failed(order, done.stderr.splitlines())


def _build_with_api(daemon: Daemon, order: BuildOrder, limit: Limit) -> None:
    archive, dockerfile = order.context.archive()
    query: dict[str, Any] = {
        "t": order.name,
        "dockerfile": dockerfile,
        "buildargs": dict(order.args),
        "target": order.target or None,
        "platform": order.platform or None,
        "networkmode": order.network or None,
        "extrahosts": ",".join(order.extra_hosts) or None,
        "cachefrom": list(order.cache_from) or None,
        "rm": True,
        "forcerm": True,
        "version": "1",
    }
    output: list[str] = []
    for line in daemon.stream(
        "POST",
        "/build",
        query=query,
        data=archive,
        headers={"Content-Type": "application/x-tar", **daemon.registry_config()},
        timeout_s=BUILD_TIMEOUT_S,
    ):
        limit.remaining()
        output += str(line.get("stream", "")).splitlines()
        if "error" in line:
            raise _failed(order, [*output, str(line["error"])])


def _failed(order: BuildOrder, output: list[str]) -> ProviderError:
    text = "\n".join(line for line in output[-_TAIL_LINES:] if line.strip())
    hint = ""
    if "requires BuildKit" in text or "the --mount option requires" in text:
        hint = "\nThis Dockerfile needs BuildKit: install docker's buildx plugin on this machine."
    return ProviderError(f"the build of {order.name} failed:\n{redacted(text, order.args.values())}{hint}")
