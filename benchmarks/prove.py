"""What clients notice of releases, scalings, configurations and renewals under a constant load, beside Compose.

The platform is the starter, with routes for each kind of request that the prober knows. Certificates come from Pebble,
Let's Encrypt's authority for tests, on the platform's own network. Everything listens on 127.0.0.1 and is removed.
"""

from __future__ import annotations

import json
import secrets
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import compose
import yaml
from rows import say
from scratch import timed

from operate.probe import Probe, Probing
from tests.e2e.harness import certificates
from tests.e2e.harness.docker_view import Daemon
from tests.e2e.harness.pebble import DIRECTORY, Pebble
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from operate.probe import Phase, Summary

HTTP_PORT: Final = 18701
HTTPS_PORT: Final = 18702
HOST: Final = "one.slipway.test"
_GETS: Final = 180.0
_POSTS: Final = 20.0
_OVER_HTTP: Final = 8
"""GETs over HTTP for each over HTTPS."""
_QUIET: Final = "quiet"
_REPLICAS: Final = (3, 4, 2, 3, 2)
_ROUTES: Final = [
    {"path": "/", "to": "api"},
    {"path": "/ws", "to": "fanout", "websocket": True, "timeout": "3600s"},
    {"path": "/probe/socket", "to": "api", "websocket": True, "timeout": "3600s"},
    {"path": "/probe/stream", "to": "api", "streaming": True},
    {"path": "/probe/upload", "to": "api", "stream_upload": True, "max_body": "64MiB"},
]


@dataclass(frozen=True)
class Counts:
    """How many changes of each kind."""

    releases: int = 10
    scalings: int = 5
    configurations: int = 2
    renewals: int = 2
    quiet_s: float = 20.0


@dataclass
class Proof:
    """What the prober saw of one tool."""

    tool: str
    summary: Summary
    changes: dict[str, int] = field(default_factory=dict)

    @property
    def quiet_ms(self) -> float:
        """p99 of GETs while nothing changed."""
        return _p99(self.summary.phases[_QUIET]) or float("nan")

    @property
    def good(self) -> bool:
        """Whether nothing failed, nothing arrived twice, and p99 stayed within three times the quiet one."""
        return self.summary.good and all(ratio <= 3 for _, _, ratio in self.ratios())  # noqa: PLR2004 - the budget

    def ratios(self) -> Iterator[tuple[str, float, float]]:
        """Yield p99 and its ratio to the quiet one, for each kind of change."""
        for name, phase in self.summary.phases.items():
            p99 = _p99(phase)
            if name in self.changes and p99 is not None:
                yield name, p99, p99 / self.quiet_ms


def _p99(phase: Phase) -> float | None:
    return phase.kinds["get"].p99_ms if "get" in phase.kinds else None


def prove(engines: list[str], counts: Counts, records: Path | None) -> list[Proof]:
    """Put each engine, and Compose where it can be had, through the same changes."""
    proofs: list[Proof] = []
    with tempfile.TemporaryDirectory(prefix="slipway-prove-") as name:
        for engine in engines:
            file = Path(name) / engine
            file.mkdir()
            proofs.append(_slipway(engine, file, counts, records, Path(name) if engine == engines[0] else None))
            say(_line(proofs[-1]))
        if lack := compose.lack():
            say(f"Compose is not measured: {lack}")
            return proofs
        for told in (False, True):
            proofs.append(_compose(Path(name) / "peer", counts, records, told=told))
            say(_line(proofs[-1]))
    return proofs


def _probe(urls: tuple[str, ...], records: Path | None, tool: str, **more: Any) -> Probe:
    return Probe(
        urls=urls,
        rate=_GETS,
        post="/probe/received",
        post_rate=_POSTS,
        stream="/probe/stream?seconds=10",
        websocket="/probe/socket",
        websockets=5,
        upload="/probe/upload",
        connect="127.0.0.1",
        records=str(records / f"{tool.replace(' ', '-')}.jsonl") if records else None,
        **more,
    )


def _blueprint(
    workspace: Workspace, release: str, headers: dict[str, str], tls: dict[str, Any] | None
) -> dict[str, Any]:
    content = workspace.read("starter")
    content["services"]["api"]["env"]["RELEASE"] = release
    # The other certificates of a host would be waited for: ten seconds are the longest that a request takes here.
    content["gateway"] |= {"routes": _ROUTES, "headers": headers, "hosts": [HOST], "drain": "12s"}
    content["environments"] = {"dev": {"protect_data": False, "gateway": {"publish": f"127.0.0.1:{HTTP_PORT}"}}}
    if tls is not None:
        content["environments"]["dev"]["gateway"]["tls"] = tls
    return content


def _slipway(engine: str, folder: Path, counts: Counts, records: Path | None, peer: Path | None) -> Proof:
    """Deploy the starter, then its HTTPS, and change it under load; the peer's file is written from what runs."""
    daemon = Daemon()
    stack = f"bench-{engine}-{secrets.token_hex(3)}"
    workspace = Workspace(folder / "project", stack, {}, environment="dev")
    platform = Platform(daemon, workspace, engine, HTTP_PORT)
    headers: dict[str, str] = {}
    with ExitStack() as cleanup:
        cleanup.callback(daemon.sweep, stack)
        platform.deploy(_blueprint(workspace, "r0", headers, None)).ended()
        if peer is not None:
            (peer / "peer").mkdir()
            compose.write(daemon.client, stack, peer / "peer", HTTP_PORT)
        pebble = cleanup.enter_context(Pebble(daemon, stack, set()))
        (workspace.root / "ca.pem").write_text(pebble.trust, encoding="utf-8")
        acme = {"email": "ops@slipway.test", "agree_terms": True, "directory": DIRECTORY, "ca_bundle": "ca.pem"}
        tls = {"mode": "acme", "publish": f"127.0.0.1:{HTTPS_PORT}", "hosts": [HOST], "redirect": False, "acme": acme}
        platform.deploy(_blueprint(workspace, "r0", headers, tls)).ended()
        root = folder / "root.pem"
        root.write_text(pebble.root(), encoding="utf-8")
        urls = (f"http://{HOST}:{HTTP_PORT}/health",) * _OVER_HTTP + (f"https://{HOST}:{HTTPS_PORT}/health",)
        replicas, numbers, notes = cycle(_REPLICAS), iter(range(1, 1000)), iter(range(1, 1000))
        last = "r0"

        def release() -> None:
            nonlocal last
            last = f"r{next(numbers)}"
            platform.deploy(_blueprint(workspace, last, headers, tls)).ended()

        def scale() -> None:
            options = ("--engine", engine, "--yes")
            platform.slipway.ask("scale", f"api={next(replicas)}", *options).ended()

        def configure() -> None:
            # The gateway's alone: another value for the API would be a release besides.
            headers["X-Change"] = str(next(notes))
            platform.deploy(_blueprint(workspace, last, headers, tls)).ended()

        def renew() -> None:
            certificates.renew(platform, HTTPS_PORT, [HOST])

        plan = {
            "release": (release, counts.releases),
            "scaling": (scale, counts.scalings),
            "configuration": (configure, counts.configurations),
            "renewal": (renew, counts.renewals),
        }
        probe = _probe(urls, records, f"slipway {engine}", trust=str(root))
        return Proof(f"slipway, {engine}", *_live_through(probe, plan, counts.quiet_s))


def _compose(folder: Path, counts: Counts, records: Path | None, *, told: bool) -> Proof:
    """Do to Compose what its users do: another environment, another number; and then, if told, nginx -s reload."""
    file = folder / "compose.yaml"
    up = ("docker", "compose", "-f", str(file), "up", "-d", "--wait")
    numbers, replicas = iter(range(1, 1000)), cycle(_REPLICAS)

    def after() -> None:
        if told:
            reload = ("nginx", "-c", "/etc/nginx/conf.d/live.conf", "-s", "reload")
            timed("docker", "compose", "-f", str(file), "exec", "-T", "gateway", *reload, cwd=folder)

    def release() -> None:
        document = yaml.safe_load(file.read_text())
        lines = [line for line in document["services"]["api"]["environment"] if not line.startswith("RELEASE=")]
        document["services"]["api"]["environment"] = [*lines, f"RELEASE=r{next(numbers)}"]
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        timed(*up, cwd=folder)
        after()

    def scale() -> None:
        document = yaml.safe_load(file.read_text())
        document["services"]["api"]["deploy"] = {"replicas": next(replicas)}
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        timed(*up, cwd=folder)
        after()

    tool = "compose, then nginx -s reload" if told else "compose"
    try:
        timed(*up, cwd=folder)
        plan = {"release": (release, counts.releases), "scaling": (scale, counts.scalings)}
        probe = _probe((f"http://{HOST}:{HTTP_PORT}/health",), records, tool)
        return Proof(tool, *_live_through(probe, plan, counts.quiet_s))
    finally:
        timed("docker", "compose", "-f", str(file), "down", "-v", "--timeout", "2", cwd=folder)


def _live_through(
    probe: Probe, plan: dict[str, tuple[Callable[[], None], int]], quiet_s: float
) -> tuple[Summary, dict[str, int]]:
    """Make all changes of a plan one after the other under load, with a quiet time before them."""
    with Probing(probe) as probing:
        time.sleep(quiet_s / 4)  # until connections and caches are warm: a span of load, not a wait
        probing.mark(_QUIET)
        time.sleep(quiet_s)  # as above
        for name, (change, count) in plan.items():
            probing.mark(name)
            for number in range(count):
                change()
                say(f"{name} {number + 1} of {count}")
        probing.mark("end")
        time.sleep(2)  # as above
    return probing.summary, {name: count for name, (_, count) in plan.items()}


def _line(proof: Proof) -> str:
    summary = proof.summary
    return f"{proof.tool}: {summary.sent} requests, {summary.failed} failed, {summary.duplicates} twice"


def render(proofs: list[Proof]) -> str:
    """Return the tables."""
    lines = [
        "| tool | changes | requests | failed | POSTs twice, lost | websockets told, cut | longest silence |",
        "|---|---|---|---|---|---|---|",
    ]
    for proof in proofs:
        summary = proof.summary
        changes = ", ".join(f"{count} {name}s" for name, count in proof.changes.items())
        sockets = summary.kinds["websocket"]
        cells = [
            proof.tool,
            changes,
            f"{summary.sent:,}",
            f"{summary.failed:,}",
            f"{summary.duplicates}, {summary.lost}",
            f"{summary.told}, {sockets.failed}",
            f"{max(summary.gaps, default=0.0):.1f} s",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "| tool | during | seconds | p50 | p99 | ratio to the quiet p99 (budget 3) |",
        "|---|---|---|---|---|---|",
    ]
    for proof in proofs:
        ratios = {name: ratio for name, _, ratio in proof.ratios()}
        for name, phase in proof.summary.phases.items():
            get = phase.kinds.get("get")
            if get is None or get.p99_ms is None or name not in {_QUIET, *ratios}:
                continue
            ratio = f"{ratios[name]:.1f}" if name in ratios else ""
            times = f"{get.p50_ms:.1f} ms | {get.p99_ms:.1f} ms"
            lines.append(f"| {proof.tool} | {name} | {phase.seconds:.0f} | {times} | {ratio} |")
    for proof in proofs:
        lines += ["", f"{proof.tool}: {json.dumps(proof.summary.errors)}"] if proof.summary.errors else []
    return "\n".join(lines)
