"""The prober against a server that does well or badly: what it counts, and that it counts it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from operate.probe import Probe, Probing, Summary, run
from operate.probe.model import Address, CannotProbe
from operate.probe.process import ProberDied
from tests.operate.probe_server import Asked, Handler, Server, answer, chunked, farewell, receipt, upgraded

END = b"event: end\ndata: -\n\n"


async def fine(_asked: Asked) -> bytes:
    """Answer."""
    return answer(b"ok", X_Release="one")


def probed(handlers: dict[str, Handler], path: str = "/", seconds: float = 0.5, **asked: Any) -> tuple[Summary, Server]:
    """Probe a server and return what was found, and the server."""
    with Server({"/": fine, **handlers}) as server:
        asked.setdefault("rate", 40.0)
        summary = run(Probe(urls=(server.url(path),), seconds=seconds, timeout_s=5, **asked))
    return summary, server


def test_good_answers_are_good() -> None:
    """As many as the rate says, none failed, each on a connection of its own, the release told."""
    summary, server = probed({})
    assert summary.good
    assert summary.sent == summary.kinds["get"].sent == 20
    assert (summary.failed, server.connections) == (0, 20)
    assert summary.releases == {"one": 20}
    assert summary.kinds["get"].p99_ms is not None


def test_the_loop_is_open() -> None:
    """Requests are sent although none was answered: this server answers the first only when the tenth has come."""
    enough = asyncio.Event()

    async def stall(asked: Asked) -> bytes:
        if asked.number >= 10:
            enough.set()
        await enough.wait()
        return answer(b"at last")

    summary, _ = probed({"/": stall})
    assert (summary.sent, summary.failed) == (20, 0)
    slowest, p50 = summary.kinds["get"].slowest_ms, summary.kinds["get"].p50_ms
    assert slowest is not None
    assert p50 is not None
    assert slowest > p50


def test_each_way_to_fail_is_counted() -> None:
    """A status, a connection closed without a word, an answer that is cut."""

    async def bad(asked: Asked) -> bytes:
        if asked.number == 1:
            return answer(b'{"error": "no"}', 503, Content_Type="application/json")
        if asked.number == 2:
            return b""
        if asked.number == 3:
            asked.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            return b""
        return answer(b"ok")

    summary, _ = probed({"/": bad})
    assert not summary.good
    assert (summary.sent, summary.failed) == (20, 3)
    assert summary.errors == {
        'get: status 503: {"error": "no"}': 1,
        "get: the connection was closed without an answer": 1,
        "get: the answer ended after 4 bytes of a piece": 1,
    }


def test_nobody_there_fails_every_request() -> None:
    """And is a gap."""
    with Server({}) as server:
        port = server.port
    summary = run(Probe(urls=(f"http://127.0.0.1:{port}/",), seconds=1.5, rate=20))
    assert summary.failed == summary.sent == 30
    assert len(summary.gaps) == 1


def test_no_redirect_is_followed() -> None:
    """It goes to the addresses that it was given."""

    async def lead(_asked: Asked) -> bytes:
        return answer(b"", 302, Location="/elsewhere")

    summary, server = probed({"/": lead, "/elsewhere": fine})
    assert summary.failed == 0
    assert server.counts["/elsewhere"] == 0


class Ledger:
    """Counts POSTs, some of them in a wrong way."""

    def __init__(self, *, twice: int = 0, forget: int = 0, cut: int = 0) -> None:
        self.seen: Counter[str] = Counter()
        self._twice, self._forget, self._cut = twice, forget, cut

    async def __call__(self, asked: Asked) -> bytes:
        """Count a body, or tell what was counted."""
        if asked.method == "GET":
            return answer(json.dumps({"arrived": self.seen}).encode())
        if asked.number != self._forget:
            self.seen[json.loads(asked.body)["id"]] += 2 if asked.number == self._twice else 1
        return receipt(asked.body[: -self._cut] if self._cut else asked.body)


def test_posts_arrive_once() -> None:
    """Whole, and each once."""
    ledger = Ledger()
    summary, _ = probed({"/in": ledger}, post="/in", post_rate=20.0)
    assert summary.good
    assert summary.kinds["post"].sent == len(ledger.seen) == 10


@pytest.mark.parametrize(("ledger", "found"), [(Ledger(twice=3), (1, 0, 0)), (Ledger(forget=3), (0, 1, 0))])
def test_posts_that_arrive_twice_or_never(ledger: Ledger, found: tuple[int, int, int]) -> None:
    """Each is told, and fails the run although every answer was good."""
    summary, _ = probed({"/in": ledger}, post="/in", post_rate=20.0)
    assert (summary.duplicates, summary.lost, summary.failed) == found
    assert not summary.good


def test_a_post_that_arrives_in_part_failed() -> None:
    """The server says what arrived."""
    summary, _ = probed({"/in": Ledger(cut=1)}, post="/in", post_rate=20.0)
    assert summary.kinds["post"].failed == 10


def test_where_it_is_not_known_whether_posts_arrived_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the run is not good either."""
    monkeypatch.setattr("operate.probe.load._ASKED_S", 0.0)

    async def silent(asked: Asked) -> bytes:
        return receipt(asked.body) if asked.method == "POST" else answer(b"no", 404)

    summary, _ = probed({"/in": silent}, post="/in", post_rate=20.0)
    assert summary.failed == 0
    assert not summary.good
    assert summary.unsaid == "which POSTs arrived is not known: status 404"


def test_a_post_on_a_dead_connection_is_not_sent_again() -> None:
    """It failed, and it arrived once."""
    arrived: list[bytes] = []

    async def drop(asked: Asked) -> bytes:
        if asked.method == "GET":
            return answer(b'{"arrived": {}}')
        arrived.append(asked.body)
        return b""

    summary, _ = probed({"/in": drop}, post="/in", post_rate=20.0, reuse=True)
    assert summary.kinds["post"].failed == len(arrived) == 10


def test_a_get_on_a_kept_connection_that_was_closed_is_sent_again() -> None:
    """As every client does; it is told apart."""

    async def close_some(asked: Asked) -> bytes:
        if asked.number == 2:  # the first one on a kept connection
            asked.writer.close()
            return b""
        return answer(b"ok")

    summary, server = probed({"/": close_some}, reuse=True)
    assert summary.good
    assert summary.kinds["get"].retried == 1
    assert server.connections < summary.sent


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (chunked(b"event: tick\n\n", END), None),
        (chunked(b"event: tick\n\n", END, whole=False), "stream: the answer ended after 0 bytes of a piece"),
        (chunked(b"event: tick\n\n"), "stream: the stream ended without its last event, after 13 bytes"),
    ],
)
def test_a_stream_is_whole_or_failed(said: bytes, error: str | None) -> None:
    """Whole is what has its last event, and the end of its last piece."""

    async def stream(asked: Asked) -> bytes:
        asked.writer.write(said)
        return b""

    summary, _ = probed({"/stream": stream}, stream="/stream", stream_every_s=10.0)
    assert summary.kinds["stream"].failed == (0 if error is None else 1)
    assert list(summary.errors) == ([] if error is None else [error])


async def _held(asked: Asked) -> bytes:
    """Answer pings until the client says good-bye."""
    asked.writer.write(upgraded(asked))
    while True:
        first, second = await asked.reader.readexactly(2)
        mask = await asked.reader.readexactly(4)
        masked = await asked.reader.readexactly(second & 0x7F)
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(masked))
        if first & 0x0F == 8:
            asked.writer.write(farewell(1000))
            return b""
        asked.writer.write(bytes([0x8A, len(payload)]) + payload)


def test_a_websocket_that_stays_is_good() -> None:
    """It is opened once."""
    summary, server = probed({"/ws": _held}, websocket="/ws")
    assert summary.good
    assert (server.counts["/ws"], summary.told) == (1, 0)


@pytest.mark.parametrize("code", [1001, 1012])
def test_a_websocket_that_is_told_comes_back(code: int) -> None:
    """At once, and nothing failed."""

    async def socket(asked: Asked) -> bytes:
        if asked.number > 1:
            return await _held(asked)
        asked.writer.write(upgraded(asked) + farewell(code))
        return b""

    summary, server = probed({"/ws": socket}, websocket="/ws")
    assert summary.good
    assert (server.counts["/ws"], summary.told) == (2, 1)


@pytest.mark.parametrize(
    ("last", "error"), [(b"", "websocket: cut off without a word"), (farewell(1011), "websocket: closed with 1011")]
)
def test_a_websocket_that_is_cut_failed(last: bytes, error: str) -> None:
    """An end without a word, or with that of an error."""

    async def socket(asked: Asked) -> bytes:
        if asked.number > 1:
            return await _held(asked)
        asked.writer.write(upgraded(asked) + last)
        return b""

    summary, _ = probed({"/ws": socket}, websocket="/ws")
    assert summary.errors == {error: 1}


def test_an_upload_arrives_whole_or_failed() -> None:
    """The first one does, the second is refused halfway."""

    async def take(asked: Asked) -> bytes:
        return receipt(asked.body) if asked.number == 1 else receipt(asked.body[1:])

    summary, _ = probed({"/up": take}, upload="/up", upload_every_s=0.3, upload_mib=2)
    assert (summary.kinds["upload"].sent, summary.kinds["upload"].failed) == (2, 1)


def test_every_request_is_written_down(tmp_path: Path) -> None:
    """One a line, with when it was due, sent and done."""
    file = tmp_path / "records.jsonl"
    summary, _ = probed({}, records=str(file))
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(records) == summary.sent
    for record in records:
        assert record["due"] <= record["sent"] + 0.001
        assert record["sent"] <= record["done"]
        assert (record["kind"], record["status"], record["bytes"], record["by"]) == ("get", 200, 2, "one")


def _await(server: Server, requests: int) -> None:
    """Wait until that many have come."""
    deadline = time.monotonic() + 20
    while server.counts["/"] < requests:
        assert time.monotonic() < deadline, "the prober does not send"
        time.sleep(0.01)


def test_as_a_process_it_takes_marks_and_ends_when_told() -> None:
    """What is due after a mark belongs to it."""
    with Server({"/": fine}) as server:
        with Probing(Probe(urls=(server.url(),), rate=50)) as probing:
            _await(server, 5)
            probing.mark("during")
            _await(server, 20)
        sent = server.counts["/"]
    assert list(probing.summary.phases) == ["before", "during"]
    assert sum(phase.sent for phase in probing.summary.phases.values()) == probing.summary.sent == sent
    assert all(phase.sent for phase in probing.summary.phases.values())


def test_a_process_that_dies_says_why(tmp_path: Path) -> None:
    """And is not taken for one that found nothing."""
    probe = Probe(urls=("http://127.0.0.1:1/",), records=str(tmp_path / "no" / "file"))
    with pytest.raises(ProberDied, match=r"can.t write .*No such file"), Probing(probe):
        pass


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"urls": ()}, "no URL"),
        ({"urls": ("ftp://127.0.0.1/",)}, "no URL of HTTP"),
        ({"urls": ("127.0.0.1:80",)}, "no URL of HTTP"),
        ({"urls": ("http:///x",)}, "names no host"),
        ({"urls": ("http://127.0.0.1/",), "rate": 0}, "rate is 0"),
        ({"urls": ("http://127.0.0.1/",), "post_rate": 1e6}, "post_rate is 1e\\+06"),
        ({"urls": ("http://127.0.0.1/",), "connect": "127.0.0.1:http"}, "no address to connect to"),
    ],
)
def test_what_can_not_be_is_refused(wrong: dict[str, Any], message: str) -> None:
    """With what is allowed."""
    with pytest.raises(CannotProbe, match=message):
        Probe(**wrong)


def test_an_address_is_read() -> None:
    """Default ports, queries, and another place to connect to."""
    assert Address.parse("http://box/a?b=1") == Address(("box", 80), "box", "box", "/a?b=1", tls=False)
    one = Address.parse("https://one.test:8443", "127.0.0.1:18600")
    assert Address.parse("http://one.test:81/", "[::1]").connect == ("::1", 81)
    assert one == Address(("127.0.0.1", 18600), "one.test:8443", "one.test", "/", tls=True)
