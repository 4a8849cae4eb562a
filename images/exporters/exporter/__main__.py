"""Choose the exporter."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.containers import Containers
from exporter.gateway import Certificates, Requests, listen, receive
from exporter.serving import serve
from exporter.text import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PORT = 9200


def main(arguments: Sequence[str]) -> int:
    """Serve metrics until a signal asks for the end."""
    parser = argparse.ArgumentParser(prog="slipway-exporter", description="Metrics of containers, or of the gateway.")
    chosen = parser.add_subparsers(dest="exporter", required=True)
    containers = chosen.add_parser("containers", help="what containers use, from cgroup files and /proc")
    containers.add_argument("--containers", type=Path, required=True, help="file with labels by Docker's id")
    containers.add_argument("--proc", type=Path, default=Path("/host/proc"))
    containers.add_argument("--cgroup", type=Path, default=Path("/host/cgroup"))
    gateway = chosen.add_parser("gateway", help="requests that nginx reports, and the certificates that it serves")
    gateway.add_argument("--socket", type=Path, required=True, help="socket file that nginx writes to")
    gateway.add_argument("--tls", help="host:port of HTTPS")
    gateway.add_argument("--host", action="append", default=[], help="host name whose certificate is read")
    gateway.add_argument("--every", type=float, default=60.0, help="seconds between two looks at certificates")
    for each in (containers, gateway):
        each.add_argument("--port", type=int, default=_PORT)
    said = parser.parse_args(arguments)
    metrics = _containers(said) if said.exporter == "containers" else _gateway(said)
    server = serve(said.port, metrics)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    return 0


def _containers(said: argparse.Namespace) -> Callable[[], str]:
    return Containers.load(said.containers, said.proc, said.cgroup).metrics


def _gateway(said: argparse.Namespace) -> Callable[[], str]:
    requests = Requests()
    threading.Thread(target=receive, args=(listen(said.socket), requests), daemon=True).start()
    certificates = None
    if said.tls:
        host, _, port = said.tls.rpartition(":")
        certificates = Certificates((host, int(port)), said.host, said.every)
        threading.Thread(target=certificates.watch, daemon=True).start()

    def metrics() -> str:
        page = Page()
        requests.put(page)
        if certificates is not None:
            certificates.put(page)
        return page.text()

    return metrics
