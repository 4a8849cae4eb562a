"""The measurements themselves, a function each; all print what they do as they go."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import compose
import yaml
from scratch import Scratch, timed
from table import Row

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

PORT = 18700


def say(text: str) -> None:
    """Print a line of progress at once."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def _starter(scratch: Scratch) -> None:
    scratch.configure("starter", {"gateway": {"publish": f"127.0.0.1:{PORT}"}}, environment="dev")


def start_and_unchanged(
    client: DockerClient, scratch: Scratch, folder: Path, engines: list[str], runs: int
) -> list[Row]:
    """Measure the starter from nothing to healthy, and an ``up`` with nothing to do, alternating between the tools."""
    start = Row("starter from nothing to healthy, images present", budget="embedded 0.8, CLI 2.5")
    unchanged = Row("unchanged up", budget="embedded 1.0, CLI 2.0")
    peer = compose.lack()
    file = None
    for index in range(runs):
        for engine in engines:
            _starter(scratch)
            start.add(engine, scratch.slipway("up", "--yes", engine=engine).seconds)
            unchanged.add(engine, scratch.slipway("up", "--yes", engine=engine).seconds)
            if file is None and peer is None:
                file = compose.write(client, scratch.stack, folder, PORT)
            scratch.destroy(engine)
            _tell(index, engine, start, unchanged)
        if file is None:
            continue
        command = ("docker", "compose", "-f", str(file))
        start.add("compose", timed(*command, "up", "-d", "--wait", cwd=folder).seconds)
        unchanged.add("compose", timed(*command, "up", "-d", "--wait", cwd=folder).seconds)
        timed(*command, "down", "-v", "--timeout", "2", cwd=folder)
        _tell(index, "compose", start, unchanged)
    if peer:
        start.notes.append(f"compose not measured: {peer}")
    return [start, unchanged]


def _tell(index: int, tool: str, start: Row, unchanged: Row) -> None:
    say(f"run {index + 1}: {tool} {start.figures[tool][-1]:.2f} s, unchanged {unchanged.figures[tool][-1]:.2f} s")


def _wide(containers: int) -> dict[str, Any]:
    service = {
        "image": "slipway/sample",
        "command": ["api"],
        "port": 8000,
        "replicas": 5,
        "memory": "64MiB",
        "cpus": 0.1,
        "health": {"path": "/health"},
        "secrets": ["key"],
        "files": {"/etc/app/app.conf": "level: info\n"},
    }
    return {
        "name": "wide",
        "protect_data": False,
        "secrets": {"key": {"source": "generated"}},
        "services": {f"s{index}": service for index in range(containers // 5)},
    }


def width(scratch: Scratch, engines: list[str], sizes: list[int]) -> list[Row]:
    """Measure a preview of many containers, five replicas a service, files and secrets in each service."""
    rows = []
    for size in sizes:
        (scratch.root / "blueprints" / "wide.yaml").write_text(yaml.safe_dump(_wide(size)))
        row = Row(f"preview of {size} containers", budget="1,000: embedded 10 s, CLI 45 s", peer="")
        for engine in engines:
            scratch.configure("wide", {})
            run = scratch.slipway("preview", "--json", engine=engine)
            steps = len(json.loads(run.output[run.output.index("{") : run.output.rindex("}") + 1])["steps"])
            row.add(engine, run.seconds)
            row.work = f"preview of {size} containers ({steps} resources)"
            say(f"{row.work}: {engine} {run.seconds:.2f} s")
            (scratch.root / f"Pulumi.{scratch.stack}.yaml").unlink()
        rows.append(row)
    return rows
