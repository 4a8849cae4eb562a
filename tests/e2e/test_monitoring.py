"""What watches a platform, on real servers: every fault is caused, told to a webhook, and over when it is over.

On one engine: all of it happens after the deployment, in containers. Grafana alone is a stand-in that says so, since
its server is in no package registry. ``SLIPWAY_ALERTS=all`` (``make alerts``) also stops containers, and lowers limits
for the alerts of the whole host, which a test must not fill.
"""

from __future__ import annotations

import copy
import json
import os
import re
import secrets
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from components.grafana import DASHBOARDS, dashboard
from components.prometheus import RULES
from tests.e2e.conftest import Stacks
from tests.e2e.harness import certificates, standin, tls, watching
from tests.e2e.harness.engines import ONE
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.starter import open_stack
from tests.e2e.harness.waiting import until
from tests.e2e.harness.watching import Watched

pytestmark = pytest.mark.e2e
everything = pytest.mark.skipif(os.environ.get("SLIPWAY_ALERTS") != "all", reason="make alerts")
_REQUESTS_EVERY_S = 0.1
_FILL = "/tmp/fill"  # noqa: S108 - in the container
_METRICS = """\
agent_queue_depth{queue="jobs"} 500
agent_queue_oldest_seconds{queue="jobs"} 900
agent_jobs_failed_total{kind="chat"} %(count)d
agent_tokens_used{model="small"} 95
agent_tokens_limit{model="small"} 100
agent_rate_limited_total{provider="acme"} %(count)d
slipway_backup_last_verified_timestamp_seconds %(verified)d
slipway_backup_alert_after_seconds 60
slipway_backup_wal_exposure_seconds{store="main"} 900
slipway_backup_wal_alert_after_seconds 600
"""
_WELL = """\
agent_queue_depth{queue="jobs"} 0
agent_queue_oldest_seconds{queue="jobs"} 0
agent_tokens_used{model="small"} 1
agent_tokens_limit{model="small"} 100
slipway_backup_last_verified_timestamp_seconds %(verified)d
slipway_backup_alert_after_seconds 99999
slipway_backup_wal_exposure_seconds{store="main"} 12
slipway_backup_wal_alert_after_seconds 600
"""
BY_METRICS = {"QueueOld", "QueueDeep", "JobsFail", "TokensShort", "RateLimited", "BackupMissing", "WritesExposed"}
BY_REQUESTS = {"ServiceErrors", "ServiceSlow", "AccessRefused"}
BY_LOAD = {"DatabaseConnections", "CacheMemoryHigh", "ContainerMemoryHigh"}
BY_STOP = {"ServiceDown", "ContainerDown", "MetricsMissing", "DatabaseDown", "CacheDown"}
BY_RESTART = {"ContainerRestarts", "UnexpectedRestart"}
BY_LIMITS = {"HostCpuHigh", "HostMemoryHigh", "DiskShort", "ContainerCpuHigh"}
ALONE = {"CertificateExpires", "MetricsDown", "NotificationsFail"}


@pytest.fixture(scope="module")
def watched(stacks: Stacks) -> Iterator[Watched]:
    """Deploy a platform with one of everything that is watched; its certificate ends in three days."""
    ports = [free_port() for _ in range(4)]
    blueprint = watching.blueprint(*ports)
    blueprint["monitoring"]["grafana"]["image"] = standin.build_grafana(stacks.docker)
    platform = stacks.new(ONE, blueprint, port=ports[0])
    certificates.set_pair(platform, *tls.make_certificate(watching.HOST, days=3))
    stack = open_stack(platform.workspace)
    stack.set_config("slipway:ops_address", "http://inbox:8000/alerts", secret=True)
    stack.set_config("slipway:picky_address", "http://inbox:8000/picky", secret=True)
    platform.up().ended()
    yield Watched(platform, ports[2], ports[3])
    stacks.remove(platform)


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Return a function that repeats another one until the test ends, or :func:`stop` is called."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def repeat(action: Callable[[], object]) -> None:
        def loop() -> None:
            while not over.wait(_REQUESTS_EVERY_S):
                action()

        threads.append(threading.Thread(target=loop))
        threads[-1].start()

    yield repeat
    over.set()
    for thread in threads:
        thread.join()


def test_every_alert_is_caused_somewhere_below() -> None:
    caused = BY_METRICS | BY_REQUESTS | BY_LOAD | BY_STOP | BY_RESTART | BY_LIMITS | ALONE
    assert caused == {rule.name for rule in RULES}


def test_all_targets_answer(watched: Watched) -> None:
    """Each exporter reads what it is for, with a login of its own."""
    until(lambda: {health for health, _ in watched.targets().values()} == {"up"}, "every target is up", 60)
    assert set(watched.targets()) == {
        "prometheus", "alertmanager", "api", "main-exporter", "queue-exporter", "gateway-exporter", "nginx-exporter",
        "host-exporter", "containers-exporter",
    }  # fmt: skip
    until(lambda: watched.query('pg_up{part="main"} == 1 and on() redis_up == 1'), "stores are read")
    code, said = watched.platform.daemon.exec(
        watched.container("main"), "psql", "-U", "main", "-h", "/var/run/postgresql", "-tAc",
        "SELECT rolsuper, pg_has_role('slipway_metrics', 'pg_monitor', 'member') FROM pg_roles"
        " WHERE rolname = 'slipway_metrics'",
    )  # fmt: skip
    assert (code, said.strip()) == (0, "f|t")


def test_what_containers_use_agrees_with_docker(watched: Watched) -> None:
    """The files that are read are those of the right container."""
    api = watched.container("api")
    limits = 'slipway_container_memory_limit_bytes{part="api"}'
    (found,) = until(lambda: watched.query(limits), "the containers are read")
    assert found["metric"]["container"] == api[:12]
    details = watched.platform.daemon.api.inspect_container(api)
    assert int(float(found["value"][1])) == details["HostConfig"]["Memory"]
    (started,) = watched.query('slipway_container_start_time_seconds{part="api"}')
    said = datetime.fromisoformat(f"{details['State']['StartedAt'][:19]}+00:00").timestamp()
    assert abs(float(started["value"][1]) - said) < 5


def test_grafana_is_given_its_dashboards(watched: Watched) -> None:
    """By the stand-in: the files arrive, and name the Prometheus that there is."""
    with urllib.request.urlopen(f"http://127.0.0.1:{watched.grafana}/api/search", timeout=10) as answer:
        assert json.loads(answer.read()) == sorted(json.loads(dashboard(name))["title"] for name in DASHBOARDS)


def test_one_request_is_found_in_the_logs_of_all_that_it_reached(watched: Watched) -> None:
    """By the id that the gateway gave it, or kept."""
    sent = secrets.token_hex(8)
    watched.ask("/status/204", headers={"X-Request-Id": sent})

    def writers() -> list[str]:
        lines = watched.platform.slipway.ask("logs", "--request-id", sent).ended().out.splitlines()
        return sorted(line.split(" ")[0] for line in lines)

    until(lambda: writers() == ["api-0", "gateway-0"], "gateway and service have written of it")


def test_every_log_is_rotated(watched: Watched) -> None:
    """Of what watches too: a log must not be what fills the disk."""
    for container in watched.platform.daemon.inspect(watched.platform.workspace.stack):
        config = container["HostConfig"]["LogConfig"]
        assert config["Type"] == "json-file"
        assert set(config["Config"]) == {"max-size", "max-file"}, container["Name"]


def test_faults_are_told_and_are_over_when_they_are_over(
    watched: Watched, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    """Errors, slow answers, refusals; queues, jobs and limits of agents; old backups; stores that are nearly full."""
    now = int(time.time())
    counted = iter(range(1, 10**6))
    stopped = threading.Event()

    def ask(path: str) -> None:
        if not stopped.is_set():
            watched.ask(path)

    def tell() -> None:
        if not stopped.is_set():
            watched.ask("/set", _METRICS % {"count": next(counted), "verified": now - 3600})

    for action in (lambda: ask("/status/500"), lambda: ask("/status/401"), tell, *[lambda: ask("/slow")] * 4):
        meanwhile(action)
    exec_ = watched.platform.daemon.exec
    main, queue, api = (watched.container(part) for part in ("main", "queue", "api"))
    sleepers = [
        watched.platform.daemon.start(main, "psql", "-U", "main", "-h", "/var/run/postgresql", "-c",
                                      "SELECT pg_sleep(600)")
        for _ in range(15)
    ]  # fmt: skip
    assert len(sleepers) == 15
    assert exec_(queue, "sh", "-c", _REDIS % "SETRANGE big 42000000 x")[0] == 0
    assert exec_(api, "sh", "-c", f"head -c 60000000 /dev/zero >{_FILL}")[0] == 0
    caused = BY_METRICS | BY_REQUESTS | BY_LOAD
    watched.wait_for(caused)
    stopped.set()
    watched.ask("/set", _WELL % {"verified": now})
    exec_(main, "psql", "-U", "main", "-h", "/var/run/postgresql", "-c", _END)
    exec_(queue, "sh", "-c", _REDIS % "DEL big")
    exec_(api, "rm", _FILL)
    watched.wait_until_clear(caused)


def test_what_is_told_says_what_to_do(watched: Watched) -> None:
    """And nothing of it is a template that was not filled in."""
    for alert in watched.alerts():
        assert alert["annotations"]["summary"]
        assert alert["annotations"]["do"]
        assert "{{" not in json.dumps(alert) + "<no value>"


def test_queries_of_dashboards_name_metrics_that_there_are(watched: Watched) -> None:
    """As the real exporters say them, after everything above has happened."""
    known = watched.metric_names() | {"ALERTS"}
    for name in DASHBOARDS:
        for panel in json.loads(dashboard(name))["panels"]:
            (target,) = panel["targets"]
            for metric in _metrics_in(target["expr"]):
                assert metric in known, f"{name}: {panel['title']}: {metric}"


def _metrics_in(expression: str) -> set[str]:
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|(by|on|without) \([^)]*\)", "", expression)
    return set(re.findall(r"\b[a-zA-Z_]+_[a-zA-Z_0-9]+\b|\bALERTS\b", bare)) - {"histogram_quantile"}


def test_a_certificate_near_its_end(watched: Watched) -> None:
    """It was told of from the beginning; a new one ends it, and Prometheus stays as it is."""
    watched.wait_for({"CertificateExpires"})
    before = watched.container("prometheus")
    certificates.rotate(watched.platform, watching.HOST).ended()
    watched.wait_until_clear({"CertificateExpires"})
    assert watched.container("prometheus") == before


@everything
def test_what_stops_is_told(watched: Watched) -> None:
    daemon = watched.platform.daemon
    ids = [watched.container(part) for part in ("api", "main", "queue")]
    try:
        for container in ids:
            daemon.api.stop(container, timeout=5)
        watched.wait_for(BY_STOP)
    finally:
        for container in ids:
            daemon.api.start(container)
    watched.wait_until_clear(BY_STOP)


@everything
def test_what_restarts_is_told(watched: Watched) -> None:
    """Once, which nobody has asked for, and again and again."""
    api = watched.container("api")
    deadline = time.monotonic() + 90
    while not watched.now() >= BY_RESTART and time.monotonic() < deadline:
        watched.platform.daemon.api.restart(api, timeout=0)
    watched.wait_for(BY_RESTART)
    watched.wait_until_clear(BY_RESTART)


@everything
def test_what_does_not_answer_is_told(watched: Watched) -> None:
    api = watched.container("api")
    watched.platform.daemon.api.pause(api)
    try:
        watched.wait_for({"MetricsDown"})
    finally:
        watched.platform.daemon.api.unpause(api)
    watched.wait_until_clear({"MetricsDown"})


@everything
def test_a_receiver_that_refuses_is_told_to_the_other(watched: Watched) -> None:
    watched.ask("/inbox/refuse", "yes")
    watched.ask("/set", (_WELL % {"verified": int(time.time())}).replace('"jobs"} 0', '"jobs"} 999'))
    watched.wait_for({"NotificationsFail"})
    watched.ask("/inbox/refuse", "no")
    watched.ask("/set", _WELL % {"verified": int(time.time())})
    watched.wait_until_clear({"NotificationsFail"})


@everything
def test_limits_of_the_host(watched: Watched) -> None:
    """A test must not fill a disk: the limit comes down to what there is, by a deployment, and goes up again.

    Metrics of before are still there: the data volume outlived the two replacements of Prometheus.
    """
    platform: Platform = watched.platform
    deployed = platform.deployed
    assert deployed is not None
    before = watched.container("prometheus")
    since = time.time()
    low = copy.deepcopy(deployed)
    low["monitoring"]["alerts"] |= {"cpu": 0.00001, "memory": 0.00001, "disk_free": 1.0}
    platform.deploy(low).ended()
    assert watched.container("prometheus") != before
    watched.wait_for(BY_LIMITS)
    platform.deploy(deployed).ended()
    watched.wait_until_clear(BY_LIMITS)
    assert watched.query(f'count_over_time(up{{job="api"}}[{int(time.time() - since) + 60}s] offset 30s)')


_REDIS = "REDISCLI_AUTH=$(cat /run/secrets/password) redis-cli -h 127.0.0.1 %s"
_END = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
