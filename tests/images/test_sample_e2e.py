"""The sample over a real database and queue: what it promises, with processes killed on the way."""

from __future__ import annotations

import http.client
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from docker.models.containers import Container

pytestmark = pytest.mark.e2e

PASSWORD = "p/w:with@signs"
WRITTEN = "p%2Fw%3Awith%40signs"
# Runs where the sample's own libraries are: prints each message of a job's stream, then the code it closed with.
STREAM = """
import asyncio, sys, aiohttp
async def main():
    async with aiohttp.ClientSession() as session, session.ws_connect(sys.argv[1]) as socket:
        async for message in socket:
            print(message.data, flush=True)
        print("closed", socket.close_code, flush=True)
asyncio.run(main())
"""


class Platform:
    """A database, a queue, and as much of the sample as a test asks for."""

    def __init__(self, lab: Any, secrets: Path) -> None:
        """Start the stores and migrate; the URLs come from files, as Slipway brings them."""
        self._lab = lab
        self._network = lab.network()
        self._secrets = secrets
        for name, url in {
            "database": f"postgresql://app:{WRITTEN}@db:5432/app",
            "queue": f"redis://:{WRITTEN}@queue:6379/0",
            "password": PASSWORD,
            "queue.conf": f"requirepass {PASSWORD}\n",
        }.items():
            (secrets / name).write_text(url, encoding="utf-8")
            (secrets / name).chmod(0o444)
        secrets.chmod(0o755)
        volumes = {lab.volume(): {"bind": "/var/lib/postgresql/data"}, **self._mount()}
        environment = {"POSTGRES_USER": "app", "POSTGRES_PASSWORD_FILE": "/run/secrets/password"}
        self.database = self._store("postgres", "db", None, volumes=volumes, environment=environment)
        self.queue = self._store("redis", "queue", ["/run/secrets/queue.conf"], volumes=self._mount())
        assert lab.ends(self.role("migrate"))[0] == 0

    def role(self, role: str, **environment: str) -> Container:
        """Start one process of the sample."""
        settings = {"DATABASE_URL_FILE": "/run/secrets/database", "REDIS_URL_FILE": "/run/secrets/queue", **environment}
        ports = {"8000/tcp": ("127.0.0.1", None)} if role == "api" else {}
        container: Container = self._lab.run(
            "sample",
            [role],
            environment=settings,
            volumes=self._mount(),
            ports=ports,
            network=self._network.name,
        )
        return container

    def call(self, api: Container, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Ask the API; return the status and the decoded body."""
        connection = http.client.HTTPConnection("127.0.0.1", self._lab.port(api, 8000), timeout=10)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {key.replace("_", "-"): value for key, value in headers.items()})
            response = connection.getresponse()
            answer = response.read().decode()
            is_json = response.headers.get_content_type() == "application/json"
            return response.status, json.loads(answer) if is_json else answer
        finally:
            connection.close()

    def sql(self, statement: str) -> str:
        """Return what the database answers."""
        answer: str = self._lab.sh(self.database, "psql", "-XAtU", "app", "-c", statement)
        return answer.strip()

    def worker_of(self, job: str, least_progress: int = 0) -> str:
        """Return who works on a job that has come so far, or nothing."""
        query = "SELECT worker FROM jobs WHERE id = '{}' AND state = 'running' AND progress >= {}"
        return self.sql(query.format(job, least_progress))

    def stream(self, fanout: Container, job: str) -> Container:
        """Start a client of the fan-out; its log is what it received."""
        url = f"ws://{fanout.name}:8001/ws?job={job}"
        client: Container = self._lab.run(
            "sample", ["-c", STREAM, url], entrypoint="python3", network=self._network.name
        )
        return client

    def _mount(self) -> dict[str, dict[str, str]]:
        return {str(self._secrets): {"bind": "/run/secrets", "mode": "ro"}}

    def _store(self, image: str, alias: str, command: list[str] | None, **options: Any) -> Container:
        alone = self._lab.client.api.create_endpoint_config(aliases=[alias])
        joined = {"network": self._network.name, "networking_config": {self._network.name: alone}}
        container: Container = self._lab.run(image, command, **joined, **options)
        return container


@pytest.fixture
def platform(lab: Any, tmp_path: Path) -> Platform:
    """The stores with the schema in place."""
    return Platform(lab, tmp_path)


def crash(container: Container) -> None:
    """End a container's first process as a crash would: not through Docker."""
    container.reload()
    os.kill(container.attrs["State"]["Pid"], signal.SIGKILL)


def test_a_job_goes_all_the_way(lab: Any, platform: Platform) -> None:
    """Submitted, queued, done, and its progress streamed: the current state first, rising, to the end."""
    api, fanout = platform.role("api"), platform.role("fanout")
    workers = [platform.role("worker", REPLICA=name) for name in ("w1", "w2")]
    for container in (api, fanout, *workers):
        lab.healthy(container)
    assert platform.call(api, "GET", "/ready")[0] == 200
    status, job = platform.call(api, "POST", "/jobs", {"text": "one two", "work_ms": 8000})
    assert (status, job["state"]) == (202, "queued")
    code, received = lab.ends(platform.stream(fanout, job["id"]))
    assert code == 0
    *messages, closed = received.strip().splitlines()
    events = [json.loads(message) for message in messages]
    assert events[-1]["state"] == "done"
    assert [event["progress"] for event in events] == sorted(event["progress"] for event in events)
    assert len(events) > 2, "the stream came too late to show progress"
    assert closed == "closed 1000"
    job = platform.call(api, "GET", f"/jobs/{job['id']}")[1]
    assert (job["state"], job["result"]["words"], job["worker"] in {"w1", "w2"}) == ("done", 2, True)
    page = platform.call(api, "GET", "/")[1]
    assert "<title>Slipway sample</title>" in page
    assert "http" not in page
    assert 'sample_jobs{state="done"} 1.0' in platform.call(api, "GET", "/metrics")[1]


def test_no_secret_is_in_a_log_an_environment_or_an_inspection(lab: Any, platform: Platform) -> None:
    """Also while everything fails: the database is stopped."""
    roles = [platform.role(role, LOG_LEVEL="DEBUG") for role in ("api", "worker", "fanout")]
    for container in roles:
        lab.healthy(container)
    platform.database.stop(timeout=30)
    platform.queue.stop(timeout=30)
    assert platform.call(roles[0], "POST", "/jobs", {"text": "a"})[0] == 503
    assert platform.call(roles[0], "GET", "/ready")[0] == 503
    assert platform.call(roles[0], "GET", "/health")[0] == 200
    for container in roles:
        container.reload()
        assert container.status == "running"
        seen = container.logs().decode() + json.dumps(container.attrs) + lab.sh(container, "cat", "/proc/1/environ")
        assert PASSWORD not in seen
        assert WRITTEN not in seen


def test_the_same_key_makes_one_job_however_often_and_however_fast(platform: Platform, lab: Any) -> None:
    """Twenty at once: one job. The same key with another body is refused."""
    api = platform.role("api")
    lab.healthy(api)
    with ThreadPoolExecutor(20) as pool:
        calls = [
            pool.submit(platform.call, api, "POST", "/jobs", {"text": "a"}, Idempotency_Key="k1") for _ in range(20)
        ]
        answers = [call.result() for call in calls]
    assert {status for status, _ in answers} == {202}
    assert len({job["id"] for _, job in answers}) == 1
    assert platform.sql("SELECT count(*) FROM jobs") == "1"
    assert platform.call(api, "POST", "/jobs", {"text": "b"}, Idempotency_Key="k1")[0] == 422


def test_a_worker_killed_in_the_middle_costs_time_and_nothing_else(lab: Any, platform: Platform) -> None:
    """Another takes the job over when the lease has run out, and its effect happens once."""
    api = platform.role("api")
    workers = {name: platform.role("worker", REPLICA=name, LEASE_SECONDS="2") for name in ("w1", "w2")}
    for container in (api, *workers.values()):
        lab.healthy(container)
    job = platform.call(api, "POST", "/jobs", {"text": "a", "work_ms": 3000})[1]["id"]
    first = lab.until(lambda: platform.worker_of(job, 20), 20)
    crash(workers[first])
    lab.until(lambda: platform.call(api, "GET", f"/jobs/{job}")[1]["state"] == "done", 40)
    after = platform.call(api, "GET", f"/jobs/{job}")[1]
    assert (after["attempts"], after["worker"] != first) == (2, True)
    assert platform.sql("SELECT count(*) FROM effects") == "1"


def test_a_worker_that_hangs_past_its_lease_changes_nothing_when_it_wakes(lab: Any, platform: Platform) -> None:
    """Paused in the middle; the other one does the job; the first wakes up, finds its fence passed, and lets go."""
    api = platform.role("api")
    workers = {name: platform.role("worker", REPLICA=name, LEASE_SECONDS="2") for name in ("w1", "w2")}
    for container in (api, *workers.values()):
        lab.healthy(container)
    job = platform.call(api, "POST", "/jobs", {"text": "a", "work_ms": 2000})[1]["id"]
    first = lab.until(lambda: platform.worker_of(job), 20)
    workers[first].pause()
    lab.until(lambda: platform.call(api, "GET", f"/jobs/{job}")[1]["state"] == "done", 40)
    workers[first].unpause()
    lab.until(lambda: "lost the lease on a job" in workers[first].logs().decode(), 20)
    assert platform.sql("SELECT count(*), max(fence) FROM effects") == "1|2"
    assert platform.call(api, "GET", f"/jobs/{job}")[1]["worker"] != first


def test_a_stop_finishes_the_job_in_hand_and_takes_no_other(lab: Any, platform: Platform) -> None:
    """SIGTERM in the middle of the first of two jobs: one attempt, done; the second still waits."""
    api, worker = platform.role("api"), platform.role("worker")
    for container in (api, worker):
        lab.healthy(container)
    jobs = [platform.call(api, "POST", "/jobs", {"text": "a", "work_ms": 2000})[1]["id"] for _ in range(2)]
    lab.until(lambda: platform.worker_of(jobs[0]), 20)
    worker.stop(timeout=20)
    worker.reload()
    assert worker.attrs["State"]["ExitCode"] == 0
    seen = {job: platform.call(api, "GET", f"/jobs/{job}")[1] for job in jobs}
    assert (seen[jobs[0]]["state"], seen[jobs[0]]["attempts"]) == ("done", 1)
    assert (seen[jobs[1]]["state"], seen[jobs[1]]["attempts"]) == ("queued", 0)


def test_an_emptied_queue_loses_no_job(lab: Any, platform: Platform) -> None:
    """Everything in Redis is thrown away; a worker's sweep finds the jobs in the database."""
    api = platform.role("api")
    lab.healthy(api)
    for _ in range(5):
        assert platform.call(api, "POST", "/jobs", {"text": "a", "work_ms": 0})[0] == 202
    lab.sh(platform.queue, "redis-cli", "flushall", environment={"REDISCLI_AUTH": PASSWORD})
    platform.role("worker")
    lab.until(lambda: platform.sql("SELECT count(*) FROM jobs WHERE state = 'done'") == "5", 40)
    assert platform.sql("SELECT count(*) FROM effects") == "5"


def test_a_stopping_fanout_tells_its_clients_to_come_back(lab: Any, platform: Platform) -> None:
    """Close code 1012; whoever comes back gets the state as it is now."""
    api, fanout = platform.role("api"), platform.role("fanout")
    for container in (api, fanout):
        lab.healthy(container)
    job = platform.call(api, "POST", "/jobs", {"text": "a"})[1]["id"]
    client = platform.stream(fanout, job)
    lab.until(lambda: "queued" in client.logs().decode(), 20)
    fanout.stop(timeout=20)
    fanout.reload()
    assert fanout.attrs["State"]["ExitCode"] == 0
    assert lab.ends(client)[1].strip().splitlines()[-1] == "closed 1012"


def test_a_stopping_api_fails_no_request(lab: Any, platform: Platform) -> None:
    """A client that keeps its connection sees every request answered, and is told to close before the server does."""
    api = platform.role("api", DRAIN_SECONDS="2")
    lab.healthy(api)
    connection = http.client.HTTPConnection("127.0.0.1", lab.port(api, 8000), timeout=10)
    told_to_close = False
    with ThreadPoolExecutor(1) as pool:
        stopping = None
        for number in range(10_000):
            connection.request("GET", "/health")
            response = connection.getresponse()
            assert (response.status, response.read() != b"") == (200, True)
            if number == 50:
                stopping = pool.submit(api.stop, timeout=20)
            if response.headers.get("Connection") == "close":
                told_to_close = True
                break
        assert stopping is not None
        stopping.result()
    connection.close()
    assert told_to_close
    api.reload()
    assert api.attrs["State"]["ExitCode"] == 0


def test_migrations_that_start_together_agree(lab: Any, platform: Platform) -> None:
    """Three at once on a schema that is there: all end well, and the schema is the same."""
    before = platform.sql("SELECT version FROM schema_version")
    together = [platform.role("migrate") for _ in range(3)]
    assert [lab.ends(container)[0] for container in together] == [0, 0, 0]
    assert platform.sql("SELECT count(*), max(version) FROM schema_version") == f"1|{before}"


def test_a_wrong_password_fails_at_once_and_is_not_repeated(lab: Any, platform: Platform, tmp_path: Path) -> None:
    """Waiting would not help; the reason is said, the password not."""
    del tmp_path
    wrong = {"DATABASE_URL": "postgresql://app:not-the-password@db:5432/app", "DATABASE_URL_FILE": ""}
    status, said = lab.ends(platform.role("migrate", **wrong), 20)
    assert status == 1
    assert "password authentication failed" in said
    assert "not-the-password" not in said
