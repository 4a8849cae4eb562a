"""What the gateway answers, by service and status, as nginx reports each request in a datagram; and its certificates.

Nobody waits for this: what nginx can't deliver at once is lost, so these are figures and no accounts.
"""

from __future__ import annotations

import contextlib
import json
import math
import socket
import ssl
import sys
import threading
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from exporter.certificates import not_after

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from exporter.text import Page

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_MOST_PARTS = 200
"""Names of upstreams are the deployment's own, so there are few; a bound all the same."""
_DATAGRAM = 4096
_TIMEOUT_S = 5.0
_SOON_S = 5.0
_PREFIX = "to-"
"""With which the gateway begins the name of an upstream."""


class Requests:
    """Counts requests."""

    def __init__(self) -> None:
        """Start at zero."""
        self._guard = threading.Lock()
        self._answers: Counter[tuple[str, str]] = Counter()
        self._buckets: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(_BUCKETS) + 1))
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._unread = 0

    def take(self, datagram: bytes) -> None:
        """Count the request of a datagram of syslog's form, whose text is JSON."""
        try:
            said = json.loads(datagram[datagram.index(b"{") :])
            part = str(said["upstream"]).removeprefix(_PREFIX) or "gateway"
            status, seconds = int(said["status"]), float(said["seconds"])
        except (ValueError, KeyError, TypeError):
            with self._guard:
                self._unread += 1
            return
        with self._guard:
            if part not in self._seconds and len(self._seconds) >= _MOST_PARTS:
                part = "other"
            self._answers[part, str(status)] += 1
            self._seconds[part] += seconds
            place = next((index for index, bound in enumerate(_BUCKETS) if seconds <= bound), len(_BUCKETS))
            self._buckets[part][place] += 1

    def put(self, page: Page) -> None:
        """Write what was counted."""
        with self._guard:
            answers, seconds, unread = dict(self._answers), dict(self._seconds), self._unread
            buckets = {part: list(counts) for part, counts in self._buckets.items()}
        name = "slipway_gateway_requests_total"
        page.family(name, "counter", "Requests answered, by the service that they were for, and status.")
        for (part, status), count in sorted(answers.items()):
            page.sample(name, name, count, {"part": part, "status": status})
        name = "slipway_gateway_request_seconds"
        page.family(name, "histogram", "Time from the first byte of a request to the last of its answer.")
        for part, counts in sorted(buckets.items()):
            total = 0
            for bound, count in zip((*_BUCKETS, math.inf), counts, strict=True):
                total += count
                edge = "+Inf" if math.isinf(bound) else f"{bound:g}"
                page.sample(name, f"{name}_bucket", total, {"part": part, "le": edge})
            page.sample(name, f"{name}_sum", seconds[part], {"part": part})
            page.sample(name, f"{name}_count", total, {"part": part})
        page.add("slipway_gateway_unread_total", "counter", "Reports that could not be read.", unread)


class Certificates:
    """When the certificates end that the gateway serves.

    Args:
        address: Host and port of the gateway's HTTPS.
        hosts: Host names that are asked for.
        every_s: Seconds between two looks.
    """

    def __init__(self, address: tuple[str, int], hosts: Sequence[str], every_s: float) -> None:
        """Know nothing yet; whoever asks gets what was last found, and waits for nobody."""
        self._address = address
        self._hosts = hosts
        self._every_s = every_s
        self._ends: dict[str, float] = {}

    def watch(self) -> None:
        """Look for ever; soon again where one is not known yet."""
        while True:
            self.look()
            time.sleep(self._every_s if len(self._ends) == len(self._hosts) else min(self._every_s, _SOON_S))

    def look(self) -> None:
        """Find out when each ends; where nobody answers, what was known stays."""
        found = {host: end for host in self._hosts if (end := self._end_of(host)) is not None}
        self._ends = {**self._ends, **found}

    def put(self, page: Page) -> None:
        """Write when each ends."""
        name = "slipway_gateway_certificate_expiry_timestamp_seconds"
        page.family(name, "gauge", "When the certificate ends that is served for a host.")
        for host, end in self._ends.items():
            page.sample(name, name, end, {"part": "gateway", "host": host})

    def _end_of(self, host: str) -> float | None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # one that nobody trusts has an end too, and that is what is asked
        try:
            with (
                socket.create_connection(self._address, timeout=_TIMEOUT_S) as plain,
                context.wrap_socket(plain, server_hostname=host) as secure,
            ):
                certificate = secure.getpeercert(binary_form=True)
            return None if certificate is None else not_after(certificate)
        except (OSError, ValueError) as error:
            print(f"exporter: no certificate of {host}: {error}", file=sys.stderr)
            return None


def listen(path: Path) -> socket.socket:
    """Return a socket file that the gateway writes to; an old one of the same name is nobody's any more."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    made.bind(str(path))
    return made


def receive(source: socket.socket, requests: Requests) -> None:
    """Count for ever."""
    while True:
        requests.take(source.recv(_DATAGRAM))
