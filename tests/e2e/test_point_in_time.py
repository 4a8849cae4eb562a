"""A database comes back as it was between two writes; and log that nobody fetches is bounded.

On the embedded engine alone: all of it happens inside of containers after the deployment. One platform is shared; the
scenarios stand in the order in which they are cheap.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.e2e.conftest import Stacks
from tests.e2e.harness import history
from tests.e2e.harness.blueprints import Blueprint, tiny
from tests.e2e.harness.docker_view import Daemon
from tests.e2e.harness.engines import EMBEDDED
from tests.e2e.harness.minio import Minio, binary, host_address
from tests.e2e.harness.receiver import Receiver
from tests.e2e.harness.starter import open_stack
from tests.e2e.harness.stateful import Stores
from tests.e2e.harness.waiting import until

pytestmark = pytest.mark.e2e

BUCKET = "slipway-moments"
LIMIT_MIB = 64
SEGMENT_MIB = 16


def _blueprint(minio: Minio | None) -> Blueprint:
    blueprint = tiny()
    blueprint["databases"] = {"main": {"health_interval": "1s", "stop_grace": "10s", "memory": "192MiB"}}
    blueprint["networks"]["edge"] = {}
    blueprint["secrets"]["hook"] = {}
    blueprint["backups"] = {
        "schedule": "off",
        "webhook": {"url": "hook", "on": ["failure"], "template": "json"},
        "point_in_time": {"ship_every": "2s", "wal_limit": f"{LIMIT_MIB}MiB", "alert_after": "1h"},
        "destinations": {"local": {}},
    }
    if minio is not None:
        blueprint["secrets"] |= {"s3_id": {}, "s3_key": {}}
        blueprint["backups"]["destinations"]["offsite"] = {
            "kind": "s3",
            "endpoint": f"http://{minio.address}",
            "bucket": BUCKET,
            "access_key": "s3_id",
            "secret_key": "s3_key",
        }
    return blueprint


def _object_store(daemon: Daemon) -> Minio | None:
    try:
        binary()
    except pytest.skip.Exception:
        return None
    return Minio(daemon, "test-point-in-time")


@dataclass
class Place(Stores):
    """The platform, and what it says of its moments."""

    minio: Minio | None = None
    """Where its log is stored, too; nothing where it can't be built."""
    receiver: Receiver | None = None
    """Is told of failures."""

    def told(self, what: str) -> list[str]:
        """Return what the webhook was told of one kind of failure."""
        assert self.receiver is not None
        return [item.body["message"] for item in self.receiver.messages if item.body["what"] == what]

    def known(self) -> dict[str, Any]:
        """Return what the container that makes backups knows of the database."""
        found: dict[str, Any] = json.loads(self.in_backups("slipway-backup", "status"))
        known: dict[str, Any] = found["point_in_time"]["databases"]["main"]
        return known

    def clock(self) -> datetime:
        """Return the server's time."""
        return datetime.fromisoformat(self.sql("set timezone = 'UTC'; select clock_timestamp()"))

    def wait_until_kept(self, chain: int) -> None:
        """Wait until so many chains were broken and the one that goes on is proved."""
        until(
            lambda: (known := self.known())["lost"] == chain and known["verified"] and not known["error"],
            "a base backup and its log are stored and proved",
            120,
        )


@pytest.fixture(scope="module")
def place(stacks: Stacks, daemon: Daemon) -> Iterator[Place]:
    """Deploy it, with an empty history, and wait for the first chain."""
    with ExitStack() as cleanup:
        minio = _object_store(daemon)
        if minio is not None:
            cleanup.enter_context(minio).s3.make(BUCKET)
        receiver = cleanup.enter_context(Receiver(host_address(daemon)))
        platform = stacks.new(EMBEDDED, _blueprint(minio))
        cleanup.callback(stacks.remove, platform)
        state = open_stack(platform.workspace)
        state.init()
        state.set_config("slipway:hook", receiver.address, secret=True)
        if minio is not None:
            state.set_config("slipway:s3_id", minio.account.key, secret=True)
            state.set_config("slipway:s3_key", minio.account.secret, secret=True)
        platform.up().ended()
        made = Place(platform, minio=minio, receiver=receiver)
        made.sql(history.CREATE)
        made.wait_until_kept(0)
        yield made


def test_a_database_comes_back_as_it_was_between_two_writes(place: Place) -> None:
    """All that was acknowledged before is there, and nothing that was begun after; the live one is kept."""
    with history.Writer(place.platform) as writer:
        writer.wait_for(20)
        before = writer.history()
        moment = place.clock()
        tried = writer.history()
        writer.wait_for(20)
        writer.stop()
    place.sql("insert into history (n) values (1000000); drop table history")
    told = place.restore("--to", moment.isoformat(sep=" "), "--no-safety")
    there = history.stored(place.platform)
    assert before.lost(there) == []
    assert tried.invented(there) == []
    assert datetime.fromisoformat(told["reached"]["main"]) <= moment
    (kept,) = place.kept()
    assert place.sql("select count(*) from pg_class where relname = 'history'", kept) == "0"
    place.platform.world.assert_well(main=1, backups=1)
    place.ask("restore", "--forget", "--yes").ended()


def test_the_window_is_said_and_what_lies_outside_is_refused(place: Place) -> None:
    """In seconds of exposure and the oldest moment; nothing live is touched."""
    status = place.ask("status").ended().out
    assert re.search(r"point in time of main: up to \d+ s ago, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", status), (
        status
    )
    metrics = place.in_backups("python3", "-c", _METRICS)
    exposure = re.search(r'^slipway_backup_wal_exposure_seconds{store="main"} (\S+)$', metrics, re.MULTILINE)
    assert exposure
    assert float(exposure[1]) < 60
    names = place.databases()
    since = datetime.fromisoformat(place.known()["since"])
    early = (since - timedelta(seconds=2)).isoformat()
    place.ask("restore", "--to", early, "--no-safety", "--yes").failed("can't be restored to", "allowed: 2")
    assert place.databases() == names


_FLIP = """
import os, pathlib
file = max((p for p in pathlib.Path("/backups/point-in-time/data").rglob("*") if p.is_file()), key=os.path.getsize)
content = bytearray(file.read_bytes())
content[len(content) // 2] ^= 8
file.chmod(0o600)
pathlib.Path("/backups/whole").write_bytes(file.read_bytes())
file.write_bytes(content)
print(file)
"""


def test_damage_of_what_is_stored_for_moments_is_found(place: Place) -> None:
    """By the weekly reading, which reads it while it is written; who is told of failures is told of this one."""
    place.backup()
    with history.Writer(place.platform, first=1_500_000) as writer:
        place.ask("backup", "verify", "latest", "--read-all").ended()
        writer.wait_for(1)
    file = place.in_backups("python3", "-c", _FLIP)
    try:
        place.ask("backup", "verify", "latest", "--read-all").failed("point in time: destination local: restic check")
    finally:
        place.in_backups("mv", "/backups/whole", file)
    (message,) = place.told("read-all")
    assert message.startswith("point in time: destination local: restic check")


def test_log_that_nobody_fetches_is_bounded_and_a_new_chain_begins(place: Place) -> None:
    """Even where its reader hangs: the disk stays free, the gap is told, what was stored before it can be had still."""
    place.sql("insert into history (n) values (2000000)")
    moment = place.clock()
    place.sql("insert into history (n) values (2000001)")  # else nothing is stored for the seconds until it
    until(lambda: datetime.fromisoformat(place.known()["until"]) > moment, "it is stored away")
    container = place.platform.daemon.client.containers.get(place.platform.world.of("backups")[0].id)
    container.pause()
    try:
        for _ in range(2 * LIMIT_MIB // SEGMENT_MIB):
            place.sql("insert into history (n) select max(n) + 1 from history; select pg_switch_wal()")
        place.sql("checkpoint")
        assert place.sql("select wal_status from pg_replication_slots") == "lost"
        kept = int(place.sql(_KEPT)) * SEGMENT_MIB
        assert kept <= LIMIT_MIB + 3 * SEGMENT_MIB, kept
        lost = place.clock()
    finally:
        container.unpause()
    place.wait_until_kept(1)
    (message,) = place.told("point-in-time")
    assert message.startswith("more was written than the server keeps (wal_limit) before it could be fetched")
    place.ask("restore", "--to", lost.isoformat(), "--no-safety", "--yes").failed("allowed: 2", " UTC, 2")
    if place.minio is not None:
        place.in_backups("mv", "/backups/point-in-time", "/backups/aside")  # the object store alone is enough
    try:
        place.restore("--to", moment.isoformat(), "--no-safety")
    finally:
        if place.minio is not None:
            place.in_backups("sh", "-c", "rm -rf /backups/point-in-time && mv /backups/aside /backups/point-in-time")
    assert max(history.stored(place.platform)) == 2000000


def test_a_lost_volume_comes_back_as_it_was_when_its_log_was_stored_last(place: Place) -> None:
    """An empty server is made by a deployment, and the database in it as it was; the new server's log goes on."""
    place.sql("insert into history (n) values (2500000)")
    wanted, moment, before = history.stored(place.platform), place.clock(), place.known()["lost"]
    place.sql("insert into history (n) values (2500001)")
    until(lambda: datetime.fromisoformat(place.known()["until"]) > moment, "it is stored away", 120)
    api, (server,) = place.platform.daemon.api, place.platform.world.of("main")
    mounts = api.inspect_container(server.id)["Mounts"]
    api.remove_container(server.id, force=True)
    api.remove_volume(next(item["Name"] for item in mounts if item["Destination"].endswith("/data")))
    told = place.platform.up().ended()
    assert "jobs run again" in told.text
    assert "history" not in place.sql("select string_agg(relname, ' ') from pg_class")
    place.restore("--to", moment.isoformat(), "--only", "main", "--no-safety")
    assert history.stored(place.platform) == wanted
    place.wait_until_kept(before + 1)


_KEPT = """select count(*) from pg_ls_waldir()
where name ~ '^[0-9A-F]{24}$' and name <= pg_walfile_name(pg_current_wal_lsn())"""
"""Segments that were written; those with a later name are ready for what will be."""
_METRICS = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9750/metrics').read().decode())"
