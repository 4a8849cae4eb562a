"""Workers over several releases: each job runs once, to its end, by the generation that took it.

What decides is the order (new ones first, then the stop signal of the old ones) and the grace, which other scenarios
show on both engines: one engine shows it here.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import pytest

from tests.e2e.conftest import Stacks
from tests.e2e.harness import starter
from tests.e2e.harness.blueprints import IMAGE, Blueprint, service, small
from tests.e2e.harness.engines import EMBEDDED
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.waiting import until

pytestmark = pytest.mark.e2e

_RELEASES = 2
_QUERY = """
SELECT json_agg(row_to_json(found)) FROM (
    SELECT id, state, fence, (SELECT count(*) FROM effects WHERE job_id = id) AS done,
           (SELECT max(release) FROM effects WHERE job_id = id) AS release
    FROM jobs WHERE id IN ($jobs)) AS found
"""
_STORES = {"DATABASE_URL": "${databases.main.url}", "REDIS_URL": "${caches.queue.url}"}


def _blueprint(port: int, release: str, grace: str = "30s") -> Blueprint:
    content = small(port, replicas=1)
    content["databases"] = {"main": {"engine": "postgres", "memory": "256MiB", "health_interval": "1s"}}
    content["jobs"] = {"migrate": {"image": IMAGE, "command": ["migrate"], "env": _STORES}}
    patient = {"interval": "1s", "timeout": "10s", "wait": "60s"}
    content["services"]["api"] = service(
        env=_STORES, needs={"migrate": "completed"}, health={"path": "/health", **patient}
    )
    content["workers"] = {
        "runner": {
            "image": IMAGE,
            "command": ["worker"],
            "replicas": 2,
            "memory": "128MiB",
            "env": {**_STORES, "RELEASE": release},
            "needs": {"migrate": "completed"},
            "health": {"command": ["sample", "healthcheck", "worker"], **patient},
            "stop_grace": grace,
        }
    }
    return content


@dataclass
class Life:
    """The platform that these scenarios share."""

    platform: Platform
    seconds: float = 0.0
    """How long the last release of the workers took."""

    def release(self, name: str, grace: str = "30s") -> Any:
        """Deploy another release of the workers, and of nothing else."""
        run = self.platform.deploy(_blueprint(self.platform.port, name, grace)).ended()
        self.seconds = run.seconds
        return run

    def rows(self, jobs: list[str]) -> list[dict[str, Any]]:
        """Return what the database has of some jobs: state, how often taken, how often done, by which releases."""
        wanted = ",".join(f"'{job}'" for job in jobs)
        query = _QUERY.replace("$jobs", wanted)
        main = self.platform.world.of("main")[0].id
        code, text = self.platform.daemon.exec(main, "psql", "-U", "main", "-d", "main", "-Atc", query)
        assert code == 0, text
        found: list[dict[str, Any]] = json.loads(text)
        return found

    def await_done(self, jobs: list[str]) -> list[dict[str, Any]]:
        """Wait until all of them are over, and return their rows."""
        until(lambda: all(row["state"] in {"done", "failed"} for row in self.rows(jobs)), "all jobs are over", 120)
        return self.rows(jobs)


@pytest.fixture(scope="module")
def life(stacks: Stacks) -> Iterator[Life]:
    """Deploy a platform with two workers."""
    port = free_port()
    platform = stacks.new(EMBEDDED, _blueprint(port, "release-0"), port=port)
    platform.up().ended()
    yield Life(platform)
    stacks.remove(platform)


class Client:
    """Submits jobs, one after another, until its context ends: there are always some in hand and some waiting."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._submit, daemon=True)
        self.jobs: list[str] = []
        self.errors: list[str] = []

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join()

    def has(self, number: int) -> bool:
        """Whether it has submitted so many."""
        return len(self.jobs) >= number

    def _submit(self) -> None:
        while not self._stop.wait(0.5):
            try:
                self.jobs.append(starter.submit(self._platform, f"job {len(self.jobs)}", work_ms=700))
            except (AssertionError, OSError) as error:
                self.errors.append(str(error))


def test_each_job_runs_once_to_its_end_over_several_releases(life: Life) -> None:
    """None lost, none twice, none cut short: whoever took a job ended it, though its successors were there already."""
    with Client(life.platform) as client:
        for number in range(1, _RELEASES + 1):
            run = life.release(f"release-{number}")
            assert "was killed" not in run.text
            wanted = len(client.jobs) + 2
            until(partial(client.has, wanted), "more jobs are there")
    assert not client.errors
    rows = life.await_done(client.jobs)
    assert len(rows) == len(client.jobs) >= 10
    assert {row["state"] for row in rows} == {"done"}
    wrong = [row for row in rows if (row["fence"], row["done"]) != (1, 1)]
    assert not wrong, f"taken or done more than once: {wrong}"
    assert {row["release"] for row in rows} == {f"release-{number}" for number in range(_RELEASES + 1)}


def test_a_job_that_is_longer_than_the_grace_is_told_and_done_again(life: Life) -> None:
    """Its worker is killed, which the message says; the next generation takes it over, once."""
    life.release("patient", grace="2s")
    # Longer than a release takes here, so that it is still in hand when the signal comes.
    job = starter.submit(life.platform, "long", work_ms=int(1000 * max(6.0, 2.5 * life.seconds)))
    until(lambda: life.rows([job])[0]["state"] == "running", "it is in hand")
    old = life.platform.world.of("runner")
    run = life.release("next", grace="30s")
    told = [seen.name for seen in old if f"{seen.name} (workers runner) did not end within 2 s of SIGTERM" in run.err]
    assert len(told) == 1, run
    assert "what it had in hand was cut short" in run.err
    (row,) = life.await_done([job])
    assert (row["state"], row["fence"], row["done"], row["release"]) == ("done", 2, 1, "next")
    life.platform.assert_settled()
