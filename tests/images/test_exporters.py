"""Slipway's own exporters: figures from files of both versions of cgroups, counted requests, ends of certificates."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import threading
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from operate.image_lock import IMAGES_FOLDER
from tests.e2e.harness.tls import make_certificate

sys.path.insert(0, str(IMAGES_FOLDER / "exporters"))

from exporter.certificates import not_after
from exporter.containers import Containers
from exporter.gateway import Requests, listen, receive
from exporter.serving import serve
from exporter.text import Page

if TYPE_CHECKING:
    from collections.abc import Mapping

ID = "ab" * 32
GONE = "cd" * 32
BOOTED = 1_700_000_000
KNOWN: Mapping[str, Mapping[str, str]] = {
    ID: {"part": "api", "kind": "service", "replica": "0"},
    GONE: {"part": "api", "kind": "service", "replica": "1"},
}
NET = "Inter-|\n face |\n    lo: 9 0 0 0 0 0 0 0 9 0 0 0 0 0 0 0\n  eth0: 100 1 0 0 0 0 0 0 200 2 0 0 0 0 0 0\n"


def write(root: Path, tree: Mapping[str, str]) -> None:
    for path, text in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def proc(root: Path, cgroup: str) -> Path:
    ticks = os.sysconf("SC_CLK_TCK")

    def stat(started: int) -> str:
        return f"7 (a ) name) S {' '.join(['0'] * 18)} {started * ticks} 0\n"

    write(
        root,
        {
            "stat": f"cpu 0\nbtime {BOOTED}\n",
            "1/cgroup": "0::/init.scope\n",
            "1/net/dev": NET,
            "7/cgroup": cgroup,
            "7/stat": stat(60),
            "7/net/dev": NET,
            "9/cgroup": cgroup,
            "9/stat": stat(90),
            "9/net/dev": NET,
        },
    )
    return root


def samples(text: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in text.splitlines() if line[0] != "#")
    return {name: float(value) for name, _, value in lines}


def of(name: str, identity: str = ID, replica: int = 0) -> str:
    return f'slipway_container_{name}{{part="api",kind="service",replica="{replica}",container="{identity[:12]}"}}'


EXPECTED = {
    "running": 1.0, "processes": 2.0, "start_time_seconds": BOOTED + 60.0, "cpu_seconds_total": 2.5,
    "cpu_throttled_seconds_total": 0.5, "cpu_limit_cpus": 1.5, "memory_bytes": 700.0, "memory_limit_bytes": 4096.0,
    "oom_kills_total": 3.0, "network_receive_bytes_total": 100.0, "network_transmit_bytes_total": 200.0,
}  # fmt: skip


def test_containers_under_version_2(tmp_path: Path) -> None:
    """As systemd keeps them, and with a private namespace, in which a path begins with ``/..``."""
    group = f"cgroup/system.slice/docker-{ID}.scope"
    write(
        tmp_path,
        {
            "cgroup/cgroup.controllers": "cpu memory\n",
            f"{group}/cpu.stat": "usage_usec 2500000\nthrottled_usec 500000\n",
            f"{group}/cpu.max": "150000 100000\n",
            f"{group}/memory.current": "1000\n",
            f"{group}/memory.stat": "anon 1\ninactive_file 300\n",
            f"{group}/memory.max": "4096\n",
            f"{group}/memory.events": "oom 4\noom_kill 3\n",
        },
    )
    found = Containers(KNOWN, proc(tmp_path / "proc", f"0::/../docker-{ID}.scope\n"), tmp_path / "cgroup").metrics()
    assert {name: samples(found)[of(name)] for name in EXPECTED} == EXPECTED


def test_containers_under_version_1(tmp_path: Path) -> None:
    tree = {
        f"cpuacct/docker/{ID}/cpuacct.usage": "2500000000\n",
        f"cpu/docker/{ID}/cpu.stat": "nr_periods 1\nthrottled_time 500000000\n",
        f"cpu/docker/{ID}/cpu.cfs_quota_us": "150000\n",
        f"cpu/docker/{ID}/cpu.cfs_period_us": "100000\n",
        f"memory/docker/{ID}/memory.usage_in_bytes": "1000\n",
        f"memory/docker/{ID}/memory.stat": "total_inactive_file 300\n",
        f"memory/docker/{ID}/memory.limit_in_bytes": "4096\n",
        f"memory/docker/{ID}/memory.oom_control": "oom_kill_disable 0\noom_kill 3\n",
    }
    write(tmp_path / "cgroup", tree)
    found = Containers(KNOWN, proc(tmp_path / "proc", f"4:memory:/docker/{ID}\n"), tmp_path / "cgroup").metrics()
    assert {name: samples(found)[of(name)] for name in EXPECTED} == EXPECTED


def test_no_limit_is_no_figure(tmp_path: Path) -> None:
    """A share of a limit that there is not would be nonsense."""
    group = f"cgroup/docker/{ID}"
    tree = {"cgroup/cgroup.controllers": "", f"{group}/cpu.max": "max 100000\n", f"{group}/memory.max": "max\n"}
    write(tmp_path, tree)
    found = Containers(KNOWN, proc(tmp_path / "proc", f"0::/docker/{ID}\n"), tmp_path / "cgroup").metrics()
    assert "limit" not in found


def test_a_container_that_has_ended_is_still_told_of(tmp_path: Path) -> None:
    """Its silence is the alert; others' containers are nobody's business."""
    write(tmp_path, {"cgroup/cgroup.controllers": ""})
    stranger = "ef" * 32
    found = Containers(KNOWN, proc(tmp_path / "proc", f"0::/docker/{stranger}\n"), tmp_path / "cgroup").metrics()
    values = samples(found)
    assert values[of("running", GONE, 1)] == 0.0
    assert stranger[:12] not in found
    assert values['slipway_host_network_receive_bytes_total{device="eth0"}'] == 100.0


def report(**said: Any) -> bytes:
    return b"<190>Nov 29 12:00:00 gateway: " + json.dumps(said).encode()


def page_of(requests: Requests) -> dict[str, float]:
    page = Page()
    requests.put(page)
    return samples(page.text())


def test_requests_are_counted_by_service_and_status() -> None:
    requests = Requests()
    for seconds in (0.001, 0.2, 99.0):
        requests.take(report(upstream="to-api", status=200, seconds=seconds))
    requests.take(report(upstream="", status=404, seconds=0.0))
    values = page_of(requests)
    assert values['slipway_gateway_requests_total{part="api",status="200"}'] == 3
    assert values['slipway_gateway_requests_total{part="gateway",status="404"}'] == 1
    bucket = 'slipway_gateway_request_seconds_bucket{part="api",le="%s"}'
    assert [values[bucket % edge] for edge in ("0.005", "0.25", "60", "+Inf")] == [1, 2, 2, 3]
    assert values['slipway_gateway_request_seconds_count{part="api"}'] == 3


@pytest.mark.parametrize("datagram", [b"", b"<190>no json", b'{"upstream": "to-api"}', b'{"status": "x"'])
def test_what_can_not_be_read_is_counted_too(datagram: bytes) -> None:
    requests = Requests()
    requests.take(datagram)
    assert page_of(requests) == {"slipway_gateway_unread_total": 1}


def test_the_number_of_series_is_bounded() -> None:
    requests = Requests()
    for number in range(300):
        requests.take(report(upstream=f"to-{number}", status=200, seconds=0.0))
    parts = {name for name in page_of(requests) if "requests_total" in name}
    assert len(parts) == 201
    assert 'slipway_gateway_requests_total{part="other",status="200"}' in parts


def test_reports_come_over_a_socket_file(tmp_path: Path) -> None:
    """A second exporter takes the place of one that was killed, and left its file."""
    import socket  # noqa: PLC0415 - here alone

    path = tmp_path / "requests.sock"
    listen(path).close()
    source, requests = listen(path), Requests()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(str(path))
        sender.send(report(upstream="to-api", status=500, seconds=0.1))
        requests.take(source.recv(4096))
    source.close()
    assert page_of(requests)['slipway_gateway_requests_total{part="api",status="500"}'] == 1
    assert callable(receive)


def test_when_a_certificate_ends() -> None:
    """As another library reads it."""
    pem, _ = make_certificate("app.example.org", days=40)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    assert not_after(certificate.public_bytes(Encoding.DER)) == certificate.not_valid_after_utc.timestamp()
    assert dt.datetime.now(dt.UTC).timestamp() < not_after(certificate.public_bytes(Encoding.DER))


@pytest.mark.parametrize("data", [b"", b"no certificate at all", b"\x30\x03\x02\x01\x01", b"\x30\x82\xff\xff\x00"])
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="it"):
        not_after(data)


def test_labels_are_escaped() -> None:
    page = Page()
    page.add("a", "gauge", "A.", 1, {"b": 'x"\\\n'})
    assert page.text().splitlines()[-1] == 'a{b="x\\"\\\\\\n"} 1'


def test_two_pages_are_served() -> None:
    """And what fails is said, with a status that Prometheus takes for a failure."""

    def failing() -> str:
        raise OSError("no such file")

    for metrics, status in ((lambda: "a 1\n", 200), (failing, 500)):
        server = serve(0, metrics)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            assert urllib.request.urlopen(f"{address}/health", timeout=5).status == 200  # noqa: S310
            opener = urllib.request.build_opener(_Unchanged())
            assert opener.open(f"{address}/metrics", timeout=5).status == status
            assert opener.open(f"{address}/else", timeout=5).status == 404
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Unchanged(urllib.request.HTTPErrorProcessor):
    """Lets every status through."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        del request
        return response
