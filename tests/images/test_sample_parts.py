"""The sample's parts that need neither database nor queue: settings, logs, requests, events, health."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import json
import logging
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

# By name: the sample is checked where its libraries are, in its image.
config: Any = importlib.import_module("sample.config")
health: Any = importlib.import_module("sample.health")
jobs: Any = importlib.import_module("sample.jobs")
logs: Any = importlib.import_module("sample.logs")

URLS = {"DATABASE_URL": "postgresql://app:s3cret%40pw@db:5432/app", "REDIS_URL": "redis://:hunter22@cache:6379/0"}


def test_a_file_wins_over_the_variable(tmp_path: Path) -> None:
    """<NAME>_FILE is the convention, and its trailing newline is no part of the value."""
    file = tmp_path / "url"
    file.write_text("postgresql://app:other@db:5432/app\n", encoding="utf-8")
    loaded = config.Config.load({**URLS, "DATABASE_URL_FILE": str(file)}, "api")
    assert loaded.database_url == "postgresql://app:other@db:5432/app"
    assert loaded.redis_url == URLS["REDIS_URL"]


def test_roles_have_their_ports_and_needs() -> None:
    """A migration needs no queue; a set PORT counts for whoever listens."""
    database_alone = {"DATABASE_URL": URLS["DATABASE_URL"]}
    assert config.Config.load(database_alone, "migrate").redis_url == ""
    assert [config.Config.load(URLS, role).port for role in ("api", "fanout")] == [8000, 8001]
    assert config.Config.load({**URLS, "PORT": "9000"}, "fanout").port == 9000


def test_all_problems_are_reported_at_once_and_no_value_of_a_url(tmp_path: Path) -> None:
    """What is missing, what is wrong, what to set; a secret in the wrong place is not repeated."""
    wrong = {
        "DATABASE_URL_FILE": str(tmp_path / "absent"),
        "REDIS_URL": "http://:hunter22@cache",
        "PORT": "eighty",
        "LOG_LEVEL": "loud",
        "LEASE_SECONDS": "0",
    }
    with pytest.raises(config.ConfigError) as error:
        config.Config.load(wrong, "api")
    text = str(error.value)
    assert "absent, which cannot be read" in text
    assert "REDIS_URL does not hold a URL" in text
    assert "PORT is 'eighty'" in text
    assert "LOG_LEVEL is 'LOUD'" in text
    assert "LEASE_SECONDS is '0'; it must be a number from 1 to 3600" in text
    assert "hunter22" not in text


def test_a_missing_url_names_both_ways_to_set_it() -> None:
    """The error is the manual."""
    with pytest.raises(config.ConfigError, match="set DATABASE_URL, or DATABASE_URL_FILE to a file that holds it"):
        config.Config.load({}, "migrate")


def test_no_secret_in_a_repr_or_a_log_line() -> None:
    """URLs and passwords are cut out, as written and decoded, in messages, fields and tracebacks."""
    loaded = config.Config.load(URLS, "api")
    formatter = logs.JsonFormatter({"role": "api"}, loaded.secrets)
    record = logging.makeLogRecord({"msg": "tried s3cret@pw", "levelname": "INFO", "url": URLS["REDIS_URL"]})
    try:
        int("s3cret%40pw")
    except ValueError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    line = formatter.format(record)
    for secret in ("s3cret@pw", "s3cret%40pw", "hunter22"):
        assert secret not in line
        assert secret not in repr(loaded)
    fields = json.loads(line)
    assert fields["message"] == "tried ***"
    assert fields["role"] == "api"


@pytest.mark.parametrize(
    ("body", "key", "message"),
    [
        ([], None, "send a JSON object"),
        ({"text": "a", "prio": 1}, None, "unknown field 'prio'"),
        ({"text": ""}, None, "text must be 1 to 10000 characters"),
        ({"text": "a\0b"}, None, "without NUL"),
        ({"text": 5}, None, "text must be"),
        ({"text": "a", "work_ms": -1}, None, "work_ms must be a whole number"),
        ({"text": "a", "work_ms": True}, None, "work_ms must be a whole number"),
        ({"text": "a"}, "k" * 201, "Idempotency-Key must be"),
    ],
)
def test_what_is_no_job_is_refused_with_the_reason(body: object, key: str | None, message: str) -> None:
    """Before anything is stored."""
    with pytest.raises(jobs.RequestError, match=message):
        jobs.JobRequest.parse(body, key)


def test_the_digest_tells_requests_apart() -> None:
    """The same request under the same key is a repetition; another one is a mistake."""
    one, same = (jobs.JobRequest.parse({"text": "a", "work_ms": 5}, key) for key in ("k", "k2"))
    assert one.digest == same.digest
    assert one.digest != jobs.JobRequest.parse({"text": "a", "work_ms": 6}, "k").digest


def test_events_are_ordered_however_they_arrive() -> None:
    """A later fence beats progress, an end beats everything, a repetition is nothing new."""

    def event(state: str, progress: int, fence: int) -> Any:
        return jobs.Event("id", state, progress, fence)

    story = [
        event("queued", 0, 0),
        event("running", 0, 1),
        event("running", 60, 1),
        event("running", 5, 2),
        event("done", 100, 2),
    ]
    for earlier, later in itertools.pairwise(story):
        assert later.newer_than(earlier)
        assert not earlier.newer_than(later)
    assert not story[1].newer_than(story[1])
    assert story[0].newer_than(None)
    assert jobs.Event.from_json(story[2].to_json()) == story[2]


def test_work_takes_its_time_in_equal_steps_and_never_says_100_itself() -> None:
    """100 percent is said when the effect is in the database."""
    slept: list[float] = []
    said: list[int] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def report(progress: int) -> None:
        said.append(progress)

    result = asyncio.run(jobs.work(jobs.Claim("id", 1, "one two", 1000), report, sleep))
    assert sum(slept) == pytest.approx(1.0)
    assert said == sorted(said)
    assert (len(said), said[-1]) == (jobs.STEPS, 99)
    assert (result["words"], result["characters"]) == (2, 7)


def test_a_worker_is_healthy_while_its_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before the first beat, not long after the last."""
    heartbeat = tmp_path / "heartbeat"
    monkeypatch.setattr(health, "HEARTBEAT", heartbeat)
    assert health.check("worker", {}) == 1
    health.beat()
    assert health.check("worker", {}) == 0
    old = time.time() - 60
    os.utime(heartbeat, (old, old))
    assert health.check("worker", {}) == 1


def test_a_check_finds_the_role_that_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One health check in the image serves all roles."""
    monkeypatch.setattr(health, "_ROLE", tmp_path / "role")
    monkeypatch.setattr(health, "HEARTBEAT", tmp_path / "heartbeat")
    assert health.check(None, {}) == 2
    health.remember_role("worker")
    assert health.check(None, {}) == 1
    health.beat()
    assert health.check(None, {}) == 0
    assert "none has started yet" in capsys.readouterr().err


def test_a_server_is_healthy_when_it_answers() -> None:
    """On its own port; 200 is healthy, all else and no answer is not."""
    statuses = [200, 503]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses.pop(0))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        environment = {"PORT": str(server.server_port)}
        try:
            assert [health.check("api", environment), health.check("api", environment)] == [0, 1]
        finally:
            server.shutdown()
            thread.join()
    assert health.check("api", environment) == 1


def test_the_entrypoint_looks_at_the_same_heartbeat() -> None:
    """It answers without Python, so that it has the file and the age once more, in shell."""
    text = (Path(health.__file__).parents[1] / "entrypoint").read_text(encoding="utf-8")
    assert f"stat -c %Y {health.HEARTBEAT} " in text
    assert f"-le {health.HEARTBEAT_STALE_SECONDS:.0f} ]" in text
