"""The measurements themselves, a function each; all print what they do as they go."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import compose
import yaml
from prober import Load
from scratch import Scratch, timed
from table import Row

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

PORT = 18700
_RATE = 200.0


def say(text: str) -> None:
    """Print a line of progress at once."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def _starter(scratch: Scratch, release: str = "one") -> None:
    environment = {"env": {"RELEASE": release}}
    scratch.configure(
        "starter",
        {"gateway": {"publish": f"127.0.0.1:{PORT}"}, "services": {"api": environment}},
        environment="dev",
    )


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


def release(client: DockerClient, scratch: Scratch, folder: Path, engines: list[str], seconds: float) -> list[Row]:
    """Measure what a client sees during releases of the API under a constant load, and quietly before them."""
    failed = Row("requests failed during releases", unit="", budget="0")
    slowest = Row("p99 during releases, ratio to the quiet p99 of the same tool", unit="x", budget="3", peer="")
    tools: list[str] = [*engines, *([] if compose.lack() else ["compose"])]
    for tool in tools:
        releases = 0
        if tool == "compose":
            _starter(scratch)
            scratch.slipway("up", "--yes")
            file = compose.write(client, scratch.stack, folder, PORT)
            scratch.destroy()
            command = ("docker", "compose", "-f", str(file), "up", "-d", "--wait")
            timed(*command, cwd=folder)
        else:
            _starter(scratch)
            scratch.slipway("up", "--yes", engine=tool)
        with Load(PORT, "/health", _RATE) as quiet:
            time.sleep(10)  # a span of load, not a wait for something
        until = time.monotonic() + seconds
        with Load(PORT, "/health", _RATE) as load:
            while time.monotonic() < until:
                releases += 1
                if tool == "compose":
                    document = yaml.safe_load(file.read_text())
                    environment = [
                        line for line in document["services"]["api"]["environment"] if "RELEASE=" not in line
                    ]
                    document["services"]["api"]["environment"] = [*environment, f"RELEASE=r{releases}"]
                    file.write_text(yaml.safe_dump(document, sort_keys=False))
                    timed(*command, cwd=folder)
                else:
                    _starter(scratch, f"r{releases}")
                    scratch.slipway("up", "--yes", engine=tool)
        answers = load.answers
        failed.work = f"requests failed during releases, {_RATE:.0f} requests/s"
        failed.add(tool, len(answers.failed))
        failed.notes.append(f"{tool}: {len(answers.failed)} of {answers.sent} failed in {releases} releases")
        slowest.add(tool, answers.percentile(0.99) / quiet.answers.percentile(0.99))
        before, during = (found.percentile(0.99) * 1000 for found in (quiet.answers, answers))
        slowest.notes.append(f"{tool}: p99 quiet {before:.1f} ms, during {during:.1f} ms")
        say(f"{failed.notes[-1]}; {slowest.notes[-1]}")
        if tool == "compose":
            timed("docker", "compose", "-f", str(file), "down", "-v", "--timeout", "2", cwd=folder)
        else:
            scratch.destroy(tool)
    return [failed, slowest]
