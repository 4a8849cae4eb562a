"""Databases and other servers: one moves to a new server and a new volume, one is run by somebody else.

The new server is of another major version, whose programs come from PyPI. One platform, whose data are protected, is
shared by the scenarios, which stand in the order of its life.
"""

from __future__ import annotations

import json
import os
import random
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, Self

import pytest

from tests.e2e.conftest import Stacks
from tests.e2e.harness import history
from tests.e2e.harness.another_major import AnotherMajor, NotToBeHad
from tests.e2e.harness.docker_view import Daemon
from tests.e2e.harness.engines import EMBEDDED
from tests.e2e.harness.outside import DATABASE, HOST, PASSWORD, USER, Outside
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.stateful import Stores, stateful
from tests.e2e.harness.waiting import until

pytestmark = pytest.mark.e2e

_PATIENCE_S = 120.0
_PAUSE_S = 0.1
_LOOK = "select min(words) || '|' || count(*) from goods"
_FILL = "insert into goods select n, '{} ' || n from generate_series(1, 1000) n"
_FAULTS = pytest.mark.skipif(os.environ.get("SLIPWAY_FAULTS") != "all", reason="UPGRADES NOT KILLED: make faults")
KILLS = int(os.environ.get("SLIPWAY_KILLS", "") or 2)
SEED = int(os.environ.get("SLIPWAY_KILL_SEED", "") or random.SystemRandom().randrange(10**6))


class Patient:
    """A client that waits for its answers, one after the other, until its context ends."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/ask"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.answers = 0
        self.failures: list[str] = []
        self.slowest_s = 0.0

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End after the answer that is on its way."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(_PAUSE_S):
            started = time.monotonic()
            try:
                with urllib.request.urlopen(self._url, timeout=_PATIENCE_S) as answer:  # noqa: S310 - its own gateway
                    answer.read()
                self.answers += 1
            except (OSError, urllib.error.HTTPError) as error:
                self.failures.append(str(error))
            self.slowest_s = max(self.slowest_s, time.monotonic() - started)


@pytest.fixture(scope="module")
def stores(stacks: Stacks) -> Iterator[Stores]:
    """Deploy it with something in each store."""
    port = free_port()
    blueprint = stateful(port)
    blueprint["protect_data"] = True
    # Requests wait as long as the upgrade takes, which is long on a busy machine.
    blueprint["gateway"]["routes"][0]["timeout"] = "10m"
    blueprint["secrets"] = {"warehouse_password": {}}
    blueprint["databases"]["warehouse"] = {
        "database": DATABASE,
        "user": USER,
        "external": {
            "host": HOST,
            "password": "warehouse_password",
            "tls": "verify-full",
            "ca_bundle": "outside-ca.pem",
        },
    }
    platform = stacks.new(EMBEDDED, blueprint, port=port)
    workspace = platform.workspace
    with Outside(platform.daemon, workspace.stack) as server:
        (workspace.root / "outside-ca.pem").write_text(server.certificate, encoding="utf-8")
        given = ("--stack", workspace.stack, "--secret", "warehouse_password", PASSWORD)
        workspace.run("./slipway", "config", "set", *given).ended()
        platform.up().ended()
        server.join(platform, "edge")
        found = Stores(platform)
        found.fill("first")
        found.sql(
            "create role reporter login password 'hunter2'; alter role reporter set work_mem = '8MB';"
            " grant select on precious to reporter; alter database main set timezone = 'Europe/Berlin';"
            " create sequence counted start 7; select nextval('counted')"
        )
        found.sql(history.CREATE)
        servers[platform.workspace.stack] = server
        yield found
    stacks.remove(platform)


servers: dict[str, Outside] = {}


@pytest.fixture
def outside(stores: Stores) -> Outside:
    """Return the server that somebody else runs."""
    return servers[stores.platform.workspace.stack]


def _volume(stores: Stores) -> str:
    """Return the volume on which the database runs."""
    server = stores.platform.daemon.api.inspect_container(stores.platform.world.of("main")[0].id)
    return next(str(mount["Name"]) for mount in server["Mounts"] if mount["Destination"].endswith("/data"))


def _data(stores: Stores) -> dict[str, list[str]]:
    """Return the database's volumes with their users, as ``slipway data list`` has them."""
    listed = json.loads(stores.ask("data", "list", "--json").ended().out)
    return {item["volume"]: item["used_by"] for item in listed if item["part"] == "main"}


@pytest.fixture(scope="module")
def another(daemon: Daemon) -> Iterator[AnotherMajor]:
    """Return images of another major version."""
    try:
        with AnotherMajor(daemon) as made:
            yield made
    except NotToBeHad as error:
        pytest.skip(f"NO UPGRADE TO ANOTHER VERSION: its programs can't be had here: {error}")


def test_what_can_not_be_upgraded_is_refused(stores: Stores) -> None:
    """Before anything is made: the same version, and one that the image is not."""
    before = stores.platform.world
    stores.ask("upgrade", "database", "main", "--to", "15", "--yes").failed("is PostgreSQL 15 already", "--same")
    stores.ask("upgrade", "database", "main", "--to", "17", "--yes").failed("--to says 17", "databases.main.image")
    assert stores.platform.world == before


def test_what_may_not_be_read_is_no_backup(stores: Stores, outside: Outside) -> None:
    """At somebody else's server the role has the rights that it was given: what is missing is named, with its cure."""
    outside.ask("create table secret (n int)", database=DATABASE)
    stores.ask("backup").failed("warehouse", "permission denied for table secret", f"GRANT pg_read_all_data TO {USER}")
    outside.ask("drop table secret", database=DATABASE)


def test_a_database_of_others_is_backed_up_and_restored(stores: Stores, outside: Outside) -> None:
    """Over TLS with the name compared, by the same commands; only where it is named, and with the rights for it."""
    outside.own("create table goods (n int primary key, words text)", _FILL.format("first"))
    backup = stores.backup()
    outside.own("delete from goods", _FILL.format("second"))
    before = stores.words()
    stores.ask("restore", backup, "--no-safety").failed("warehouse (external: --only warehouse)")
    refused = ("restore", backup, "--only", "warehouse", "--no-safety", "--yes")
    stores.ask(*refused).failed(f"ALTER ROLE {USER} CREATEDB", "nothing was touched")
    outside.ask(f"alter role {USER} createdb")
    told = stores.restore(backup, "--only", "warehouse", "--no-safety")
    kept = told["kept"]["warehouse"]
    assert outside.own(_LOOK) == "first 1|1000"
    assert outside.ask(_LOOK, database=kept) == "second 1|1000"
    assert outside.databases() == [DATABASE, kept]
    assert stores.words() == before
    stores.ask("restore", "--forget", "--yes").ended()
    assert outside.databases() == [DATABASE]


def test_a_database_moves_to_another_major_version(stores: Stores, another: AnotherMajor) -> None:
    """No request fails; rows, sequences, roles with their passwords and settings are there; the old volume is kept."""
    hashed = "select rolpassword from pg_authid where rolname = 'reporter'"
    before, old, password = stores.words(), _volume(stores), stores.sql(hashed)
    blueprint = stores.platform.workspace.read("e2e")
    blueprint["databases"]["main"]["image"] = another.postgres
    blueprint["images"] = {"references": {"backup": another.backup}}
    stores.platform.deploy(blueprint).failed(
        "its data are those of PostgreSQL 15", "slipway upgrade database main --to 17"
    )
    with Patient(stores.platform.port) as client:
        run = stores.ask("upgrade", "database", "main", "--to", "17", "--yes").ended()
    assert client.failures == [], run
    assert client.answers > 0
    new = _volume(stores)
    assert new == f"{old}-pg17"
    assert stores.sql("show server_version_num").startswith("17")
    assert stores.words() == before
    assert stores.sql(hashed) == password
    assert stores.sql("show timezone") == "Europe/Berlin"
    assert stores.sql("select nextval('counted')") == "8"
    assert stores.sql("select has_table_privilege('reporter', 'precious', 'select')") == "t"
    assert stores.sql("select count(*) from pg_roles where rolname = 'slipway_restore'") == "0"
    assert {name: bool(users) for name, users in _data(stores).items()} == {old: False, new: True}
    stores.platform.world.assert_well(main=1, queue=1, api=1)
    stores.platform.slipway.preview("--expect-no-changes").ended()
    # The other server's is Debian's 15, of which only Debian's own programs make a dump that others read: neither the
    # backups after this deployment nor the one before it can have it.
    blueprint["backups"]["exclude"] = ["warehouse"]
    stores.platform.deploy(blueprint, "--no-backup").ended()
    stores.backup()


def test_the_state_protects_the_new_volume(stores: Stores, another: AnotherMajor) -> None:
    """Whoever takes the note of it out of the stack's file is refused, and told what to write."""
    assert another
    file, new = stores.platform.workspace.settings_file, _volume(stores)
    noted = file.read_text(encoding="utf-8")
    file.write_text(noted.replace(f"volume_name: {new}", "cpus: 1"), encoding="utf-8")
    stores.platform.up().failed("refused, nothing was touched", f"databases.main.volume_name: {new}")
    # It is the very thing that an upgrade leaves that was killed before it could note where the data are.
    run = stores.ask("upgrade", "database", "main", "--to", "17", "--yes").ended()
    assert f"volume_name: {new}" in file.read_text(encoding="utf-8"), run
    assert _volume(stores) == new


def test_the_old_volume_goes_when_somebody_says_so(stores: Stores, another: AnotherMajor) -> None:
    """And not the new one."""
    assert another
    new = _volume(stores)
    (old,) = set(_data(stores)) - {new}
    stores.ask("data", "remove", new, "--yes").failed("is used by main-server")
    stores.ask("data", "remove", old, "--yes").ended()
    assert set(_data(stores)) == {new}
    assert stores.words()[0] == "first 1, 1000"


def _same(stores: Stores) -> tuple[str, ...]:
    """Return the arguments of a move to a new volume of the version that the server has."""
    return "database", "main", "--to", stores.sql("show server_version").partition(".")[0], "--same"


@_FAULTS
def test_a_rehearsal_changes_nothing(stores: Stores) -> None:
    """While a client writes all the time: it fills a new volume, compares, and leaves nothing."""
    before, volumes = stores.words(), set(stores.platform.world.volumes)
    with history.Writer(stores.platform) as writer:
        run = stores.ask("upgrade", *_same(stores), "--rehearse").ended()
        writer.wait_for(1)
        # And in earnest it is refused, since that client is none of the platform's.
        stores.ask("upgrade", *_same(stores), "--yes").failed("were written while its services were held")
        writer.wait_for(1)
    assert "Nothing was changed" in run.text
    assert stores.words() == before
    assert set(stores.platform.world.volumes) == volumes
    assert stores.sql("select count(*) from pg_roles where rolname = 'slipway_restore'") == "0"
    stores.platform.world.assert_well(main=1, queue=1, api=1)


def _up_goes_on(stores: Stores, old: str) -> None:
    """See that ``up``, after an upgrade that was killed, does as docs/adr/0015-major-upgrades.md says."""
    run = stores.platform.up()
    if run.code == 0:
        # Before the switch, or after all of it: what is noted is what serves.
        assert _volume(stores) in {old, *re.findall(r"volume_name: (\S+)", _noted(stores))}
    else:
        told = run.failed("refused, nothing was touched").text
        (new,) = set(re.findall(r"databases\.main\.volume_name: ([\w-]+)", told))
        assert new != old
        assert new not in _noted(stores)


def _noted(stores: Stores) -> str:
    return stores.platform.workspace.settings_file.read_text(encoding="utf-8")


@_FAULTS
def test_an_upgrade_with_moments_encryption_and_a_page(stores: Stores) -> None:
    """The maintenance page is shown and gone after it; a new chain begins, and connections are encrypted as before."""
    blueprint = stores.platform.workspace.read("e2e")
    blueprint["databases"]["main"]["tls"] = {}
    blueprint["backups"]["point_in_time"] = {"ship_every": "2s", "wal_limit": "64MiB"}
    stores.platform.deploy(blueprint, "--no-backup").ended()
    stores.fill("encrypted")
    until(lambda: _moments(stores)["verified"], "the first chain is proved", 120)
    before, since, old = stores.words(), _moments(stores)["since"], _volume(stores)
    statuses: set[int] = set()
    over = threading.Event()
    watching = threading.Thread(target=_statuses, args=(stores.platform.port, statuses, over))
    watching.start()
    try:
        stores.ask("upgrade", *_same(stores), "--maintenance", "--yes").ended()
    finally:
        over.set()
        watching.join()
    assert statuses <= {200, 503}
    assert 503 in statuses
    assert _status(stores.platform.port) == 200
    assert stores.words() == before
    assert _volume(stores) != old
    assert stores.sql("show ssl") == "on"
    code, said = stores.platform.daemon.exec(stores.platform.world.of("main")[0].id, "sh", "-c", _PLAIN)
    assert (code, "no encryption" in said) == (2, True), said
    until(
        lambda: (known := _moments(stores))["verified"] and known["lost"] == 1, "the new server's chain is proved", 180
    )
    assert _moments(stores)["since"] == since  # what was stored before it can be had as before
    stores.platform.world.assert_well(main=1, queue=1, api=1)
    stores.platform.slipway.preview("--expect-no-changes").ended()


_PLAIN = (
    "PGPASSWORD=$(cat /run/secrets/password) PGSSLMODE=disable psql -XqAt -h $(hostname) -U main -c 'select 1' 2>&1"
)
"""A connection over the network that is not encrypted."""


def _moments(stores: Stores) -> dict[str, Any]:
    known = json.loads(stores.in_backups("slipway-backup", "status"))["point_in_time"]
    found: dict[str, Any] = known["databases"]["main"]
    return found


def _status(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ask", timeout=_PATIENCE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _statuses(port: int, found: set[int], over: threading.Event) -> None:
    """Collect what the gateway answers until it is over."""
    while not over.wait(_PAUSE_S):
        found.add(_status(port))


@_FAULTS
def test_an_upgrade_that_is_killed_leaves_live_data_whole(stores: Stores) -> None:
    """At random moments: nothing is lost, on whichever volume; ``up`` goes on, and the same command finishes."""
    stores.fill("live")
    digest = "select md5(string_agg(t::text, ',' order by n)) from precious t"
    command = ("./slipway", "upgrade", *_same(stores), "--yes", "--stack", stores.platform.workspace.stack)
    whole = stores.platform.workspace.run(*command).ended().seconds
    print(f"SLIPWAY_KILLS={KILLS} SLIPWAY_KILL_SEED={SEED}")  # noqa: T201 - shown when it fails
    moments = random.Random(SEED)  # noqa: S311 - not for secrets
    for turn in range(KILLS):
        before, old = stores.sql(digest), _volume(stores)
        running = stores.platform.workspace.start(*command)
        running.let_run(moments.uniform(0.2, 1.0) * whole)
        running.kill()
        running.wait()
        # A backup that it had begun goes on without it, and there are never two at once: the next command would say so.
        stores.in_backups("flock", "--shared", "--wait", "120", "/work/lock", "true")
        if turn % 2 == 0:
            _up_goes_on(stores, old)
            assert stores.sql(digest) == before, f"after up, killed in turn {turn}"
        stores.platform.workspace.run(*command).ended()
        assert stores.sql(digest) == before, f"killed in turn {turn}"
        stores.platform.world.assert_well(main=1, queue=1, api=1)
        assert not [name for name, users in _data(stores).items() if users and name != _volume(stores)]
        stores.fill(f"turn {turn}")
