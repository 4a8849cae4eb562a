"""``slipway probe``, and ``--probe`` of a deployment, against a server that is real and engines that are not."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import API, UNCHANGED, step, summary
from tests.operate.fake_docker import entry
from tests.operate.probe_server import Asked, Server, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.conftest import FakeWorkplace, Said

    Slipway = Callable[..., Said]

REPLACED = [
    step("resourcePreEvent", "create-replacement"),
    step("resOutputsEvent", "create-replacement"),
    step("resourcePreEvent", "delete-replaced"),
    step("resOutputsEvent", "delete-replaced"),
    summary(replace=1, same=2),
]


async def _fine(_asked: Asked) -> bytes:
    return answer(b"ok")


async def _fails_later(asked: Asked) -> bytes:
    return answer(b"ok") if asked.number <= 10 else answer(b"no", 502)


@pytest.fixture
def server(work: FakeWorkplace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serve where the gateway of the stack would."""
    monkeypatch.setattr("cli.release_probe._QUIET_S", 0.2)
    monkeypatch.setattr("cli.release_probe._FIRST", 2)
    api = entry("api-0", labels={"slipway.part": "api", "slipway.role": "replica"})
    work.knows({**api, "urn": API, "id": work.api.things[0]["Id"]})
    work.engine.events = REPLACED
    with Server({"/health": _fine, "/broken": _fails_later}) as running:
        file = work.root / "blueprints" / "shop.yaml"
        file.write_text(file.read_text().replace("18510", str(running.port)))
        yield running


def test_a_summary_for_people(slipway: Slipway, server: Server) -> None:
    """A line for each kind, and how many failed; exit code 0."""
    said = slipway("probe", server.url("/health"), "--rate", "20", "--seconds", "0.5")
    assert said.code == 0
    assert said.out.splitlines()[0].split() == ["WHEN", "SECONDS", "KIND", "SENT", "FAILED", "P50", "P99", "SLOWEST"]
    assert said.out.splitlines()[1].split()[2:5] == ["get", "10", "0"]
    assert re.search(r"^10 requests in [\d.]+ s: 0 failed$", said.out, re.MULTILINE)


def test_a_summary_for_programs(slipway: Slipway, server: Server) -> None:
    """As one JSON object; exit code 1, since requests failed."""
    said = slipway("probe", server.url("/broken"), "--rate", "40", "--seconds", "0.5", "--json")
    found = json.loads(said.out)
    assert (said.code, found["sent"], found["failed"], found["good"]) == (1, 20, 10, False)
    assert found["errors"] == {"get: status 502": 10}


def test_no_address_is_guessed(slipway: Slipway) -> None:
    """The user names it."""
    assert slipway("probe").code == 2
    said = slipway("probe", "127.0.0.1:1")
    assert said.code == 2
    assert said.err.startswith("error: '127.0.0.1:1' is no URL of HTTP\n  allowed: ")


def test_up_tells_records_and_prints_what_was_noticed(slipway: Slipway, work: FakeWorkplace, server: Server) -> None:
    """On the terminal, and in the record of the release."""
    said = slipway("up", "--probe")
    assert said.code == 0
    assert f"probing http://127.0.0.1:{server.port}/health: " in said.out
    rows = [line.split() for line in said.out.splitlines() if line.startswith(("before", "during", "after"))]
    assert [row[0] for row in rows] == ["before", "during", "after"]
    assert all(row[3] == "0" for row in rows)
    assert "released start-first: api (" in said.out
    (record,) = json.loads(slipway("releases", "--json").out)
    assert record["strategy"] == {"api": "start-first"}
    assert record["probe"]["failed"] == 0
    assert record["probe"]["sent"] > 10
    assert work.engine.asked[-1][0] == "up"


def test_up_with_lost_requests_is_recorded_and_fails(slipway: Slipway, server: Server) -> None:
    """The deployment stands; the exit code is 1."""
    said = slipway("up", "--probe=/broken", "--json")
    assert said.code == 1
    assert "error: deployed; but requests failed meanwhile, see above" in said.err
    event = json.loads(said.out.strip().splitlines()[-1])["releaseEvent"]
    assert event["release"] == 1
    assert event["probe"]["failed"] > 0
    assert event["probe"]["url"] == f"http://127.0.0.1:{server.port}/broken"


def test_a_path_that_never_answered_is_refused(slipway: Slipway, work: FakeWorkplace, server: Server) -> None:
    """Before anything is changed: otherwise each deployment would seem to lose everything."""

    async def missing(_asked: Asked) -> bytes:
        return answer(b"no", 404)

    server._handlers["/nowhere"] = missing
    said = slipway("up", "--probe=/nowhere")
    assert said.code == 2
    assert "does not answer well even now: get: status 404\n  fix: " in said.err
    assert work.engine.asked == []


def test_a_first_deployment_is_not_probed(slipway: Slipway, work: FakeWorkplace) -> None:
    """Nothing answers yet, so nothing can be lost."""
    said = slipway("up", "--probe")
    assert said.code == 0
    assert "nothing answers at http://127.0.0.1:18510/health yet: this deployment is not probed" in said.out
    assert work.engine.asked[-1][0] == "up"


def test_without_a_gateway_there_is_nothing_to_probe(slipway: Slipway, work: FakeWorkplace) -> None:
    """And it is said with what to do."""
    file = work.root / "blueprints" / "shop.yaml"
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if "gateway" not in line))
    said = slipway("up", "--probe")
    assert said.code == 2
    assert "this platform has none\n  fix: deploy without --probe" in said.err


@pytest.mark.parametrize("command", [("up", "--probe", "health"), ("restart", "--probe", "api")])
def test_what_is_no_path_is_refused(slipway: Slipway, command: tuple[str, ...]) -> None:
    """A name after --probe is taken for its path, which it must not be."""
    said = slipway(*command)
    assert said.code == 2
    assert "is no path" in said.err


def test_nobody_is_probed_unasked(slipway: Slipway, work: FakeWorkplace, server: Server) -> None:
    """And nothing is said of it."""
    work.engine.events = UNCHANGED
    said = slipway("up")
    assert "PROBE" not in said.out
    assert not server.counts
