"""Looking for secret values in everything that somebody without the passphrase, but with Docker, can see."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.e2e.harness.platform import Platform

Place = tuple[str, str]
"""Where a text stands, and the text."""


def forms(secret: str) -> set[str]:
    """Return how a value may be spelt: as it is, in base64, in a URL, in JSON."""
    plain = base64.b64encode(secret.encode()).decode().rstrip("=")
    return {secret, plain, quote(secret, safe=""), json.dumps(secret).strip('"')}


def leaks(places: Iterator[Place], secrets: Mapping[str, str]) -> list[str]:
    """Return which secret stands where, never its value."""
    spelt = {name: forms(value) for name, value in secrets.items()}
    return [
        f"{name} in {where}"
        for where, text in places
        for name, spellings in spelt.items()
        if any(spelling in text for spelling in spellings)
    ]


def visible(platform: Platform, since: float) -> Iterator[Place]:
    """Give everything there is to see of a platform: of Docker, of processes, of files, of what commands said."""
    yield from _docker(platform)
    yield from _events(platform, since)
    yield from _processes()
    yield from _files(platform)
    for run in platform.workspace.runs:
        yield f"the output of {' '.join(run.command)}", run.text


def _docker(platform: Platform) -> Iterator[Place]:
    api, world = platform.daemon.api, platform.world
    for item in platform.daemon.inspect(platform.workspace.stack):
        yield f"docker inspect of {item['Name']}", json.dumps(item)
        yield f"docker logs of {item['Name']}", api.logs(item["Id"]).decode(errors="replace")
        yield f"docker history of the image of {item['Name']}", json.dumps(_history(platform, item["Image"]))
    for volume in world.volumes:
        yield f"docker volume inspect {volume}", json.dumps(api.inspect_volume(volume))
    for network in world.networks:
        yield f"docker network inspect {network}", json.dumps(api.inspect_network(network))


def _events(platform: Platform, since: float) -> Iterator[Place]:
    filters: dict[str, Any] = {"label": f"slipway.stack={platform.workspace.stack}"}
    found = platform.daemon.api.events(since=int(since), until=int(time.time()), filters=filters, decode=True)
    yield "docker events", "\n".join(json.dumps(event) for event in found)


def _history(platform: Platform, image: str) -> Any:
    return platform.daemon.client.images.get(image).history()


def _processes() -> Iterator[Place]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            yield f"the arguments of process {folder.name}", (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue


def _files(platform: Platform) -> Iterator[Place]:
    workspace = platform.workspace
    for path in (*workspace.state.rglob("*"), workspace.settings_file):
        if path.is_file() and path != workspace.passphrase_file:
            yield f"the file {path.relative_to(workspace.root)}", path.read_text(encoding="utf-8", errors="replace")
