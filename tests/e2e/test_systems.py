"""The five systems come up, all of their parts well, and answer as their documents say.

By default one of them in prod, without backups and monitoring, which have their own scenarios. ``make systems``
(``SLIPWAY_SYSTEMS=all``) runs all ten, with both, and prints a table; ``SLIPWAY_SYSTEMS=orient-dev,orchesity-prod``
some of them, as whole. On one engine: what a system does once it is deployed does not depend on the engine.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.conftest import Stacks
from tests.e2e.harness.docker_view import Daemon
from tests.e2e.harness.engines import ONE
from tests.e2e.harness.n8n import N8n
from tests.e2e.harness.pgadmin import PgAdmin
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.standin import build_grafana
from tests.e2e.harness.systems import (
    MAILHOG,
    N8N,
    OLLAMA,
    PGADMIN,
    description,
    real_parts,
    serve_model,
    stand_in,
    stood_for,
)
from tests.e2e.harness.waiting import until
from tests.systems.look.view import ENVIRONMENTS, View, graph_of
from tests.systems.rows import Probe
from tests.systems.test_requirements import REQUIREMENTS, ROWS, SYSTEMS

pytestmark = pytest.mark.e2e

WANTED = os.environ.get("SLIPWAY_SYSTEMS", "octocode-prod").split(",")
ALL = WANTED == ["all"]
WHOLE = "SLIPWAY_SYSTEMS" in os.environ
EVERY = [(system, environment) for system in SYSTEMS for environment in ENVIRONMENTS]
CASES = [case for case in EVERY if ALL or "-".join(case) in WANTED]
TABLE: list[str] = []
STOOD_FOR: list[str] = []
"""Below the table: whose images were replaced by the stand-in, beside those of the systems' own sources."""
OWNER = ("ops@slipway.test", "Of-no-worth-1")
"""Of n8n: address and password."""
MODEL = "llama3.2"
"""The model that OberaConnect's document pulls; here the smallest one there is answers under its name."""


@dataclass
class Running:
    """A system that is deployed."""

    name: str
    environment: str
    platform: Platform
    described: dict[str, Any]
    seconds: float
    real: frozenset[str] = frozenset()
    """Services that are no stand-ins."""
    asked: int = 0
    """How many requirements a request has shown."""

    def port(self, *, tls: bool) -> int:
        """Return the port of the host that leads to the gateway."""
        gateway = self.described["gateway"]
        return int(str(gateway["tls"]["publish"] if tls else gateway["publish"][0]).rpartition(":")[2])

    def address(self, part: str) -> str:
        """Return where a part's first published port is on this machine."""
        return str(self.described["services"][part]["publish"][0]).rpartition(":")[0]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def running(request: pytest.FixtureRequest, daemon: Daemon, stacks: Stacks) -> Iterator[Running]:
    """Deploy a system, and remove it before the next one comes."""
    system, environment = request.param
    grafana = build_grafana(daemon.client) if WHOLE else None
    available = real_parts(daemon)
    described = description(system, environment, stand_in(daemon), backups=WHOLE, grafana=grafana, real=available)
    platform = stacks.new(ONE, described)
    started = time.monotonic()
    platform.up().ended()
    seconds = time.monotonic() - started
    real = available & set(described.get("services", {}))
    if OLLAMA in real:
        serve_model(daemon, platform.world.of(OLLAMA)[0].id, MODEL)
    yield Running(system, environment, platform, described, seconds, real)
    stacks.remove(platform)


@pytest.fixture(scope="module", autouse=True)
def _table(request: pytest.FixtureRequest) -> Iterator[None]:
    """Print what came up, when all have."""
    yield
    plugins = request.config.pluginmanager
    reporter, capture = plugins.getplugin("terminalreporter"), plugins.getplugin("capturemanager")
    if WHOLE and reporter is not None and capture is not None:
        head = f"{'system':<14}{'env':<6}{'parts':>6}{'healthy':>9}{'seconds':>9}{'requirements':>20}{'asked':>8}"
        with capture.global_and_fixture_disabled():  # what a fixture prints is shown for failures alone
            reporter.write_line("")
            for line in (head, *TABLE, *STOOD_FOR):
                reporter.write_line(line)


def _rows(system: str, environment: str) -> list[tuple[str, Any]]:
    """Return the requirements of an environment with their rows."""
    items = [item for item in REQUIREMENTS[system] if item["env"] in {"both", environment}]
    return [(item["id"], ROWS[system][item["id"]]) for item in items]


def _ask(running: Running, probe: Probe) -> tuple[int, dict[str, str], str]:
    tls = "tls" in running.described["gateway"] if probe.tls is None else probe.tls
    port = running.port(tls=tls)
    connection: http.client.HTTPConnection
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # it signed itself
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10)
        # The certificate is chosen by the name that is asked for, and not by the address.
        connection.sock = context.wrap_socket(
            socket.create_connection(("127.0.0.1", port), timeout=10), server_hostname=probe.host
        )
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = None if probe.body is None else json.dumps(probe.body)
    headers = {"Host": probe.host, **({"Content-Type": "application/json"} if body else {})}
    try:
        connection.request("GET" if body is None else "POST", probe.path, body, headers)
        answer = connection.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


def _expect(running: Running, name: str, probe: Probe) -> None:
    status, headers, text = _ask(running, probe)
    assert status == probe.status, (name, probe, status, text)
    if probe.part == OLLAMA and OLLAMA in running.real:
        assert MODEL in text, (name, text)
        assert probe.body is None or '"response":"' in text, (name, text)
    elif probe.part:
        told = json.loads(text)
        seen = probe.path if probe.seen is None else probe.seen
        assert (told["stand_in"], told["port"], told["path"]) == (probe.part, probe.port, seen), name
    for word in probe.holds:
        assert word in text, (name, word, text)
    for header in probe.headers:
        assert header in headers, (name, header, headers)


def test_every_system_comes_up(running: Running) -> None:
    """Everything that runs is healthy, and nothing is left to do."""
    running.platform.assert_settled()
    world = running.platform.world
    assert {seen.health for seen in world.of() if seen.part != "oc-worker"} == {"healthy"}


def test_requests_reach_what_the_document_says(running: Running) -> None:
    """Every probe of the system's rows."""
    if "gateway" not in running.described:
        assert running.environment == "dev", "every system has a gateway in prod"
        return
    shown = set()
    for name, row in _rows(running.name, running.environment):
        for probe in row.probes:
            if probe.tls and "tls" not in running.described["gateway"]:
                continue
            _expect(running, name, probe)
            shown.add(name)
    assert shown, "not a single requirement was asked for"
    running.asked = len(shown)


def test_jobs_run_when_asked(running: Running) -> None:
    """``slipway run`` starts a job again, or for the first time a manual one, and tells its output and exit code."""
    jobs = running.described.get("jobs", {})
    for name in jobs:
        run = running.platform.slipway.ask("run", name).ended()
        assert run.out == f"stand-in for {name}\n"


def test_psql_and_redis_cli(running: Running) -> None:
    """The real servers, with their passwords, from inside."""
    databases, caches = running.described.get("databases", {}), running.described.get("caches", {})
    ask = running.platform.slipway.ask
    for described in databases.values():
        told = ask("psql", "--", "-At", "-c", "select current_user, current_database()").ended()
        assert told.out == f"{described['user']}|{described['database']}\n"
    for _ in caches:
        assert ask("redis-cli", "--", "ping").ended().out == "PONG\n"
        (server,) = running.platform.world.of(*caches)
        code, said = running.platform.daemon.exec(server.id, "redis-cli", "ping")
        assert "NOAUTH" in said, (code, said)


def test_pg_stat_statements_is_loaded(running: Running) -> None:
    """Slow queries can be listed, by the column that PostgreSQL 13 and later have."""
    loaded = [name for name, item in running.described["databases"].items() if "pg_stat" in str(item.get("settings"))]
    for _ in loaded:
        query = "select count(*) > 0 from pg_stat_statements where mean_exec_time >= 0"
        assert running.platform.slipway.ask("psql", "--", "-At", "-c", query).ended().out == "t\n"


def test_parts_resolve_each_other(running: Running) -> None:
    """By their names, from the first service that there is."""
    services = running.described.get("services", {})
    stores = [*running.described.get("databases", {}), *running.described.get("caches", {})]
    if not services:
        assert running.environment == "dev"
        return
    # Who refers to a store shares a network with it.
    part = next(name for name, item in services.items() if any(store in str(item.get("env")) for store in stores))
    script = "import socket,sys; [socket.gethostbyname(name) for name in sys.argv[1:]]"
    used = [name for name in stores if f".{name}." in str(services[part]["env"])]
    # The plain name of a service with two sets leads nowhere; the first one that is deployed is blue.
    own = f"{part}-blue" if "release" in services[part] else part
    running.platform.slipway.ask("shell", part, "--", "python3", "-c", script, *used, own).ended()


def test_sources_are_mounted(running: Running) -> None:
    """In dev an edit of the project's sources is there at once, without a new image."""
    mounted = [
        (name, bind)
        for name, item in running.described.get("services", {}).items()
        for bind in item.get("binds", ())
        if bind["source"].startswith("./apps/")
    ]
    assert mounted or (running.name, running.environment) not in {("octocode", "dev"), ("orchesity", "dev")}
    for name, bind in mounted:
        file = running.platform.workspace.root / bind["source"] / "edited"
        file.write_text("now", encoding="utf-8")
        told = running.platform.slipway.ask("shell", name, "--", "cat", f"{bind['path']}/edited").ended()
        assert told.out == "now"


def test_pgadmin_reaches_the_database(running: Running) -> None:
    """The document's login leads in, and no other; its server is listed, and is the database of this system."""
    if PGADMIN not in running.real:
        return
    env = running.described["services"][PGADMIN]["env"]
    browser = PgAdmin(f"http://{running.address(PGADMIN)}")
    assert not browser.log_in(env["PGADMIN_DEFAULT_EMAIL"], "another")
    assert browser.log_in(env["PGADMIN_DEFAULT_EMAIL"], env["PGADMIN_DEFAULT_PASSWORD"])
    servers = browser.servers()
    assert set(servers) == {"oc_database"}
    told = running.platform.slipway.ask("shell", "oc-app", "--", "printenv", "POSTGRES_PASSWORD").ended()
    assert "octocode" in browser.databases(servers["oc_database"], told.out.strip())


def test_mail_is_caught(running: Running) -> None:
    """What the application sends to where its variables say is seen in MailHog, and goes no further."""
    if MAILHOG not in running.real:
        return
    subject = f"a mail of {running.platform.workspace.stack}"
    script = (
        "import os,smtplib,sys; "
        "smtplib.SMTP(os.environ['SMTP_HOST'], int(os.environ['SMTP_PORT']), timeout=10)"
        ".sendmail('app@octocode.dev', ['user@example.org'], 'Subject: ' + sys.argv[1] + '\\r\\n\\r\\nhello')"
    )
    running.platform.slipway.ask("shell", "oc-app", "--", "python3", "-c", script, subject).ended()
    host, _, port = running.address(MAILHOG).rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.request("GET", "/api/v2/messages")
    told = json.loads(connection.getresponse().read())
    connection.close()
    assert [mail["Content"]["Headers"]["Subject"] for mail in told["items"]] == [[subject]]


def test_what_n8n_keeps_is_restored(running: Running) -> None:
    """A workflow and a credential, changed after a backup, are as they were; the stack has the key to it."""
    if N8N not in running.real:
        return
    ask = running.platform.slipway.ask
    browser = N8n(f"http://{running.address(N8N)}")
    browser.set_up(*OWNER)
    flow, login = browser.make_workflow("nightly"), browser.make_login("before")
    made = json.loads(ask("backup", "--json").ended().out.splitlines()[-1])
    browser.rename_workflow(flow, "spoilt")
    browser.change_login(login, "after")
    assert (browser.workflows(), browser.user_of(login)) == ({"spoilt"}, "after")
    ask("restore", made["id"], "--only", "n8n-data", "--no-safety", "--yes").ended()
    browser.log_in(*OWNER)
    assert (browser.workflows(), browser.user_of(login)) == ({"nightly"}, "before")
    until(lambda: running.platform.world.of(N8N)[0].well, "n8n is healthy again", 120)


def test_the_table(running: Running) -> None:
    """What the table says: every part healthy, and how many requirements are shown."""
    serving = until(running.platform.world.of, "something runs", 10)
    healthy = [seen for seen in serving if seen.well]
    assert len(healthy) == len(serving)
    rows = _rows(running.name, running.environment)
    view = View(running.name, running.environment, graph_of(running.name, running.environment))
    shown = [name for name, row in rows if not row.missing]
    for _, row in rows:
        if row.check is not None and not row.missing:
            row.check(view)
    TABLE.append(
        f"{running.name:<14}{running.environment:<6}{len({seen.part for seen in serving}):>6}"
        f"{f'{len(healthy)}/{len(serving)}':>9}{running.seconds:>9.1f}{f'{len(shown)}/{len(rows)}':>20}{running.asked:>8}"
    )
    stands = stood_for(running.name, running.environment, running.described)
    if stands:
        STOOD_FOR.append(f"stand-ins in {running.name} {running.environment}: {', '.join(stands)}")
