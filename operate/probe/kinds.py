"""What one request of each kind is, and when it is good."""

from __future__ import annotations

import hashlib
import json
import secrets
import ssl
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from operate.probe import websocket
from operate.probe.client import Client, Told
from operate.probe.model import Address, CannotProbe, Kind, Record

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from operate.probe.client import Answer
    from operate.probe.model import Probe

_LONGEST_STREAM_S: Final = 120.0
_END: Final = b"event: end"
_UPLOAD_S: Final = 60.0
_REASON: Final = 100
_GOOD: Final = range(200, 400)


class Asker:
    """Sends one request of a kind and says what became of it.

    Args:
        probe: What is asked for.
    """

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        tls = _tls(probe)
        addresses = [Address.parse(url, probe.connect) for url in probe.urls]
        self._gets = [(Client(address, tls, probe.timeout_s, probe.reuse), address.path) for address in addresses]
        self._client = Client(addresses[0], tls, probe.timeout_s)
        self._turn = 0
        self._payload = secrets.token_bytes(1024 * 1024) * probe.upload_mib if probe.upload else b""
        self._digest = hashlib.sha256(self._payload).hexdigest()
        self.run = secrets.token_hex(6)
        """Marks the POSTs of this run."""
        self.posted: set[str] = set()
        """Those that were answered."""

    async def close(self) -> None:
        """Close kept connections, and wait until all have ended."""
        for client in (self._client, *(client for client, _ in self._gets)):
            await client.close()

    async def get(self, due: float, clock: Callable[[], float]) -> Record:
        """GET the next URL."""
        client, path = self._gets[self._turn % len(self._gets)]
        self._turn += 1
        return await _timed(Kind.GET, due, clock, lambda: client.ask("GET", path))

    async def post(self, due: float, clock: Callable[[], float]) -> Record:
        """POST a body with an id of its own; the answer must tell its length and digest."""
        name = secrets.token_hex(8)
        body = json.dumps({"run": self.run, "id": name, "filling": secrets.token_hex(512)}).encode()

        async def send() -> Answer:
            answer = await self._client.ask("POST", str(self._probe.post), body, {"Content-Type": "application/json"})
            if answer.status in _GOOD:
                _compare(answer, len(body), hashlib.sha256(body).hexdigest())
                self.posted.add(name)
            return answer

        return await _timed(Kind.POST, due, clock, send)

    async def stream(self, due: float, clock: Callable[[], float]) -> Record:
        """Read a stream to its end, and see that it says that it is the end."""

        async def read() -> Answer:
            accept = {"Accept": "text/event-stream"}
            answer = await self._client.ask("GET", str(self._probe.stream), headers=accept, total_s=_LONGEST_STREAM_S)
            if answer.status in _GOOD and _END not in answer.body:
                raise Told(f"the stream ended without its last event, after {len(answer.body)} bytes")
            return answer

        return await _timed(Kind.STREAM, due, clock, read)

    async def upload(self, due: float, clock: Callable[[], float]) -> Record:
        """Send a large body; the answer must tell its length and digest."""

        async def send() -> Answer:
            answer = await self._client.ask("POST", str(self._probe.upload), self._payload, total_s=_UPLOAD_S)
            if answer.status in _GOOD:
                _compare(answer, len(self._payload), self._digest)
            return answer

        record = await _timed(Kind.UPLOAD, due, clock, send)
        return replace(record, bytes=len(self._payload))

    async def socket(self, due: float, clock: Callable[[], float], stop: asyncio.Event) -> Record:
        """Hold a websocket for as long as the server does."""
        sent = clock()
        code, error = 0, ""
        try:
            code = await websocket.hold(self._client, str(self._probe.websocket), stop)
        except Told as told:
            error = str(told)
        return Record(Kind.WEBSOCKET, due, sent, clock(), status=code, error=error)

    async def arrived(self) -> tuple[int, int]:
        """Ask the server which POSTs came, and return how many came twice, and how many answered ones never.

        Raises:
            Told: It does not say.
        """
        path = str(self._probe.post)
        answer = await self._client.ask("GET", f"{path}{'&' if '?' in path else '?'}run={self.run}")
        if answer.status not in _GOOD:
            raise Told(f"status {answer.status}")
        try:
            counts: dict[str, int] = json.loads(answer.body)["arrived"]
        except (ValueError, KeyError, TypeError):
            raise Told('an answer without {"arrived": {id: count}}') from None
        return sum(count - 1 for count in counts.values()), len(self.posted - counts.keys())


async def _timed(kind: Kind, due: float, clock: Callable[[], float], ask: Callable[[], Awaitable[Answer]]) -> Record:
    sent = clock()
    try:
        answer = await ask()
    except Told as told:
        return Record(kind, due, sent, clock(), error=str(told))
    error = "" if answer.status in _GOOD else f"status {answer.status}{_reason(answer)}"
    by = answer.headers.get("x-release", "")
    return Record(kind, due, sent, clock(), answer.status, len(answer.body), error, answer.retried, by)


def _reason(answer: Answer) -> str:
    """Return the beginning of what a program answered to say why; a page for people says nothing of the kind."""
    kind = answer.headers.get("content-type", "")
    text = " ".join(answer.body[:_REASON].decode(errors="replace").split())
    return f": {text}" if text and kind.startswith(("application/json", "text/plain")) else ""


def _compare(answer: Answer, length: int, digest: str) -> None:
    try:
        said = json.loads(answer.body)
        there = (said["bytes"], said["sha256"])
    except (ValueError, KeyError, TypeError):
        raise Told('an answer without {"bytes": …, "sha256": …}') from None
    if there != (length, digest):
        raise Told(f"{there[0]} bytes of {length} arrived, or others")


def _tls(probe: Probe) -> ssl.SSLContext | None:
    if not any(url.startswith("https:") for url in probe.urls):
        return None
    try:
        context = ssl.create_default_context(cafile=probe.trust)
    except OSError as error:
        raise CannotProbe(f"can't read certificates from {probe.trust}: {error.strerror or error}") from None
    if not probe.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def unix_clock() -> Callable[[], float]:
    """Return a clock of Unix time that no change of the system's clock moves."""
    offset = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset
