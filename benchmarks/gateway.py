"""The gateway's configuration beside one written by hand with the same features, on the same nginx: paired runs of wrk.

``python -m benchmarks.gateway [ROUNDS]`` prints a table. Everything listens on 127.0.0.1, and is removed at the end.
"""

from __future__ import annotations

import re
import socket
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.error import URLError
from urllib.request import urlopen

import docker

from components.nginx import Backend, GatewayRoute, Server, render
from components.nginx.headers import SECURITY
from settings import load_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS: Final = 16
SECONDS: Final = 2
_WAIT_S: Final = 15.0
_OURS: Final = "slipway"
_HAND: Final = "by hand"
_MAPS: Final = "".join(
    f'  map $upstream_http_{name.lower().replace("-", "_")} $own{number} {{ "" "{value}"; default ""; }}\n'
    f"  add_header {name} $own{number} always;\n"
    for number, (name, value) in enumerate(SECURITY.items())
)
"""Each security header unless the service sends it: the one way that nginx has."""
_BY_HAND: Final = """\
daemon off; pid /tmp/nginx.pid; error_log /dev/stderr warn; worker_processes 2;
events { worker_connections 2000; }
http {
  client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u;
  scgi_temp_path /tmp/s;
  log_format json escape=json '{"time":"$time_iso8601","id":"$id","remote":"$remote_addr","host":"$host",'
    '"method":"$request_method","uri":"$request_uri","status":$status,"bytes":$body_bytes_sent,'
    '"seconds":$request_time,"upstream":"$upstream_addr","upstream_status":"$upstream_status",'
    '"upstream_seconds":"$upstream_response_time"}';
  access_log /dev/stdout json buffer=32k flush=1s;
  server_tokens off; tcp_nodelay on; gzip on; gzip_types application/json text/css; client_max_body_size 16m;
  map $http_x_request_id $id { default $request_id; "~^[A-Za-z0-9_-]{8,64}$" $http_x_request_id; }
  upstream api { server 127.0.0.1:UPSTREAM max_fails=2 fail_timeout=2s; keepalive 32; }
MAPS  add_header X-Request-Id $id always;
  server {
    listen 127.0.0.1:PORT;
    location = /health { return 200; }
    location = /maintenance { internal; return 503 "Down for maintenance.\n"; }
    location / {
      if (-f /tmp/maintenance) { return 503; }
      error_page 503 /maintenance;
      proxy_pass http://api; proxy_http_version 1.1;
      proxy_set_header Host $host; proxy_set_header X-Request-Id $id; proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host; proxy_set_header Connection "";
      proxy_next_upstream error timeout; proxy_next_upstream_tries 3;
    }
  }
}
"""
_UPSTREAM: Final = """\
daemon off; pid /tmp/nginx.pid; worker_processes 1; error_log /dev/stderr warn;
events { worker_connections 2000; }
http {
  client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u;
  scgi_temp_path /tmp/s; access_log off; keepalive_requests 1000000;
  server { listen 127.0.0.1:PORT; location / { default_type application/json; return 200 '{"status":"ok"}'; } }
}
"""


def _ports(count: int) -> list[int]:
    with ExitStack() as stack:
        return [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]


@contextmanager
def _nginx(image: str, config: str, port: int) -> Iterator[str]:
    """Run nginx on the host's network until the end of the block, and give the container's name."""
    name = f"slipway-bench-nginx-{port}"
    run = ["docker", "run", "--rm", "-i", f"--name={name}", "--network=host", "--tmpfs=/tmp", "--user=101:101"]
    start = [*run, "--entrypoint=sh", image, "-c", "cat >/tmp/nginx.conf && exec nginx -c /tmp/nginx.conf </dev/null"]
    process = subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        process.stdin.write(config)
        process.stdin.close()
        _until_it_answers(port)
        yield name
    finally:
        process.terminate()
        process.wait(30)


def _until_it_answers(port: int) -> None:
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                answer.read()
                return
        except URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@dataclass(frozen=True)
class Figures:
    """One run of wrk."""

    rate: float
    """Requests a second."""
    p99_ms: float
    cpu_us: float
    """Processor time of nginx for a request, in microseconds: what another load on the machine disturbs least."""


def _cpu_s(client: docker.DockerClient, container: str) -> float:
    """Return the processor time of a container's processes so far, in seconds."""
    return (
        float(client.api.stats(container, stream=False, one_shot=True)["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9
    )


def _wrk(client: docker.DockerClient, container: str, port: int, seconds: int) -> Figures:
    command = ["wrk", "--latency", "-t1", "-c32", f"-d{seconds}s", f"http://127.0.0.1:{port}/"]
    before = _cpu_s(client, container)
    text = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=True).stdout
    used = _cpu_s(client, container) - before
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(text)
    found = {
        "rate": re.search(r"Requests/sec:\s+([\d.]+)", text),
        "slow": re.search(r"99%\s+([\d.]+)(us|ms|s)", text),
        "count": re.search(r"(\d+) requests in", text),
    }
    rate, slow, count = found["rate"], found["slow"], found["count"]
    if rate is None or slow is None or count is None:
        raise RuntimeError(text)
    p99 = float(slow[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[slow[2]]
    return Figures(float(rate[1]), p99, used / int(count[1]) * 1e6)


@contextmanager
def running(image: str) -> Iterator[list[tuple[str, str, int]]]:
    """Run both configurations before one upstream, and give name, container and port of each."""
    upstream, ours, hand, status = _ports(4)
    text = render(
        [GatewayRoute(upstream="api", services=["api"])],
        {"api": [Backend(address=f"127.0.0.1:{upstream}")]},
        Server(headers=SECURITY),
    )
    text = text.replace("listen 8080", f"listen 127.0.0.1:{ours}").replace("listen 8081", f"listen 127.0.0.1:{status}")
    by_hand = _BY_HAND.replace("MAPS", _MAPS).replace("UPSTREAM", str(upstream)).replace("PORT", str(hand))
    with (
        _nginx(image, _UPSTREAM.replace("PORT", str(upstream)), upstream),
        _nginx(image, text, ours) as one,
        _nginx(image, by_hand, hand) as other,
    ):
        yield [(_OURS, one, ours), (_HAND, other, hand)]


def measure(image: str, rounds: int = ROUNDS, seconds: int = SECONDS) -> dict[str, list[Figures]]:
    """Measure both configurations in turns; the first of a round is the last of the next.

    Many short pairs, since another load on the machine is rarely the same for both halves of one.
    """
    client = docker.from_env()
    found: dict[str, list[Figures]] = {_OURS: [], _HAND: []}
    with running(image) as pair:
        for _, container, port in pair:
            _wrk(client, container, port, 1)
        for number in range(rounds):
            for name, container, port in pair[:: 1 if number % 2 else -1]:
                found[name].append(_wrk(client, container, port, seconds))
    return found


def table(found: dict[str, list[Figures]]) -> str:
    """Return the table, with the median of the paired ratios."""
    rows = [
        "| configuration | requests/s (median) | p99 ms (median) | CPU us a request (median) |",
        "|---|---|---|---|",
    ]
    for name, runs in found.items():
        rate, slow, cpu = (statistics.median(getattr(run, key) for run in runs) for key in ("rate", "p99_ms", "cpu_us"))
        rows.append(f"| {name} | {rate:,.0f} | {slow:.2f} | {cpu:.1f} |")
    pairs = list(zip(found[_OURS], found[_HAND], strict=True))
    rates = [ours.rate / hand.rate for ours, hand in pairs]
    costs = [hand.cpu_us / ours.cpu_us for ours, hand in pairs]
    rows.append("")
    for what, ratios in (("requests/s", rates), ("requests for the same processor time", costs)):
        middle = statistics.median(ratios)
        rows.append(f"ratio of the pairs, {what}: median {middle:.3f}, {min(ratios):.3f} to {max(ratios):.3f}")
    return "\n".join(rows)


def main() -> int:
    """Measure on an nginx of the catalogue that is on this machine, and print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    for image in load_catalogue(Path(__file__).resolve().parents[1]).images["nginx"].values():
        there = ["docker", "image", "inspect", image.reference]
        if subprocess.run(there, capture_output=True, timeout=30, check=False).returncode == 0:
            sys.stdout.write(table(measure(image.reference, rounds)) + "\n")
            return 0
    sys.stderr.write("no nginx image of the catalogue is on this machine: slipway images build\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
