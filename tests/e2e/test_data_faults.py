"""What becomes of data when something breaks: a killed server, a full disk, a bad object store, damage, a lost host.

What happens here happens inside of containers after the deployment, so one engine is enough: the embedded one. One
platform is shared, on disks that can be filled; its backups go to MinIO alone, over a way that can be broken. The last
scenario loses it. It takes minutes: ``make faults``, ``make faults KILLS=20`` for the whole promise.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from docker.errors import APIError

from tests.e2e.conftest import Stacks
from tests.e2e.harness import history
from tests.e2e.harness.docker_view import Daemon
from tests.e2e.harness.engines import EMBEDDED
from tests.e2e.harness.faulty import Fault, FaultyWay
from tests.e2e.harness.minio import Minio
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.s3 import S3Refused
from tests.e2e.harness.small_disk import SmallDisk
from tests.e2e.harness.starter import open_stack
from tests.e2e.harness.stateful import Stores, stateful
from tests.e2e.harness.waiting import until
from tests.e2e.harness.workspace import Workspace

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.environ.get("SLIPWAY_FAULTS") != "all", reason="DATA FAULTS NOT CAUSED: make faults"),
    pytest.mark.skipif(os.geteuid() != 0, reason="killing a container's process and mounting a disk need root"),
]

TURNS = int(os.environ.get("SLIPWAY_KILLS", "") or 2)
"""How often something is killed or damaged in an ordinary run; ``SLIPWAY_KILLS=20`` for the whole promise."""
SEED = int(os.environ.get("SLIPWAY_KILL_SEED", "") or random.SystemRandom().randrange(10**6))
BUCKET = "slipway-faults"
_REFUSES = 7
"""Exit code of a destination that refuses."""
_POSTGRES = 70
"""User of the servers of PostgreSQL and of the backups, in their images."""
_BULK = "create table bulk as select md5(n::text) || md5(random()::text) as words from generate_series(1, 200000) n"
"""Some 20 MiB that don't compress well."""


@dataclass
class Place:
    """The platform, and its object store."""

    stores: Stores
    minio: Minio
    way: FaultyWay
    data: SmallDisk
    """Of the database."""
    work: SmallDisk
    """On which backups are made."""

    @property
    def platform(self) -> Platform:
        """The platform."""
        return self.stores.platform

    def set_up(self, workspace: Workspace) -> None:
        """Give a stack the keys of the object store."""
        stack = open_stack(workspace)
        stack.init()
        stack.set_config("slipway:s3_id", self.minio.account.key, secret=True)
        stack.set_config("slipway:s3_key", self.minio.account.secret, secret=True)

    def damage(self, where: random.Random, *, cut: bool) -> tuple[str, bytes]:
        """Flip a bit of what is stored, or cut it off, at a random place; return the object as it was."""
        # All that the repository is: packs of content, indexes, snapshots, its key and configuration.
        name = where.choice([name for name in sorted(self.minio.s3.names(BUCKET)) if "locks/" not in name])
        content = self.minio.s3.get(BUCKET, name)
        at = where.randrange(len(content))
        damaged = (
            content[:at] if cut else content[:at] + bytes([content[at] ^ 1 << where.randrange(8)]) + content[at + 1 :]
        )
        self.minio.s3.put(BUCKET, name, damaged)
        return name, content

    def fill_store(self) -> Iterator[str]:
        """Store what is of no use until no more goes in; yield the names."""
        for size in (16 << 20, 1 << 20, 1 << 16):
            for number in range(1000):
                name = f"filler/{size}-{number}"
                try:
                    self.minio.s3.put(BUCKET, name, os.urandom(size))
                except (S3Refused, OSError):  # it may also hang up on what is too large
                    break
                yield name

    def with_wrong_key(self, command: str) -> tuple[int, str]:
        """Run a command where backups are made, with a secret that is not the object store's."""
        script = (
            f'echo wrong >/tmp/wrong && sed \'s,"secret_key_file": *"[^"]*","secret_key_file": "/tmp/wrong",\''
            f" /etc/slipway-backup/config.json >/tmp/wrong.json && slipway-backup --config /tmp/wrong.json {command}"
        )
        return self.platform.daemon.exec(self.platform.world.of("backups")[0].id, "sh", "-c", script)


@pytest.fixture(scope="module")
def place(stacks: Stacks, daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Deploy it with something in each store, and a backup of that."""
    port, folder = free_port(), tmp_path_factory.mktemp("disks")
    with ExitStack() as cleanup:
        minio = cleanup.enter_context(Minio(daemon, "test-data-faults"))
        minio.s3.make(BUCKET)
        way = cleanup.enter_context(FaultyWay(minio.host, minio.address))
        offsite = {
            "kind": "s3",
            "endpoint": f"http://{way.address}",
            "bucket": BUCKET,
            "access_key": "s3_id",
            "secret_key": "s3_key",
        }
        blueprint = stateful(port, destinations={"offsite": offsite})
        blueprint["secrets"] = {"s3_id": {}, "s3_key": {}}
        # Each server writes its log of changes in pieces of 16 MiB, of which a small disk holds few.
        blueprint["databases"]["main"]["settings"] = {"max_wal_size": "48MB", "min_wal_size": "32MB"}
        platform = stacks.new(EMBEDDED, blueprint, port=port)
        disks = [
            cleanup.enter_context(
                SmallDisk(daemon, f"slipway-{platform.workspace.stack}-{part}", folder, mib=mib, user=_POSTGRES)
            )
            for part, mib in (("main-data", 256), ("backups-work", 768))
        ]
        cleanup.callback(stacks.remove, platform)
        made = Place(Stores(platform), minio, way, *disks)
        made.set_up(platform.workspace)
        platform.up().ended()
        made.stores.sql(history.CREATE)
        made.stores.fill("kept elsewhere")
        made.stores.first = made.stores.backup()
        yield made


_FEW = 6
"""So many crashes in a row cost little: Docker waits twice as long before each further start, up to a minute."""
_FORGOTTEN_AFTER_S = 11
"""It starts anew with its pauses when a server ran for ten seconds."""


def _crash(platform: Platform) -> None:
    """Kill the whole server at once and wait until it is back."""
    server = platform.world.of("main")[0]
    if server.restarts >= _FEW:
        until(lambda: _runs_for_s(platform, server.id) > _FORGOTTEN_AFTER_S, "Docker forgets its pauses", 60)
    os.kill(platform.daemon.api.inspect_container(server.id)["State"]["Pid"], signal.SIGKILL)
    until(
        lambda: platform.daemon.api.inspect_container(server.id)["RestartCount"] > server.restarts,
        "it is started again",
    )
    until(lambda: _answers(platform, server.id), "it answers", 60)


def _runs_for_s(platform: Platform, server: str) -> float:
    started = platform.daemon.api.inspect_container(server)["State"]["StartedAt"][:19]
    return (datetime.now(UTC) - datetime.fromisoformat(f"{started}+00:00")).total_seconds()


def _answers(platform: Platform, server: str) -> bool:
    try:
        return platform.daemon.exec(server, "pg_isready", "-q", "-h", "127.0.0.1")[0] == 0
    except APIError:  # it is being started
        return False


def test_no_acknowledged_write_is_lost_when_the_server_is_killed(place: Place) -> None:
    """However often."""
    with history.Writer(place.platform) as writer:
        for _ in range(TURNS):
            writer.wait_for(20)
            _crash(place.platform)
        writer.wait_for(5)
        known = writer.stop()
    there = history.stored(place.platform)
    assert known.lost(there) == []
    assert known.invented(there) == []


def test_the_history_checker_sees_writes_that_are_lost(place: Place) -> None:
    """The control: a server that acknowledges before it has written loses some, and that is found."""
    place.stores.sql("alter system set synchronous_commit = off")
    place.stores.sql("alter system set wal_writer_delay = '10s'")
    place.stores.sql("select pg_reload_conf()")
    try:
        with history.Writer(place.platform, first=10_000_000) as writer:
            writer.wait_for(50)
            _crash(place.platform)
            known = writer.stop()
    finally:
        place.stores.sql("alter system reset all")
        place.stores.sql("select pg_reload_conf()")
    assert known.lost(history.stored(place.platform)) != []


def test_no_acknowledged_write_is_lost_when_the_disk_is_full(place: Place) -> None:
    """Not of its tables alone: the server can't write its log of changes either, and ends; with space it goes on."""
    with history.Writer(place.platform, first=20_000_000) as writer:
        writer.wait_for(20)
        place.data.fill()
        try:
            server = place.platform.world.of("main")[0]
            until(lambda: _is_full(place, server.id), "the server has no space for its log", 120)
        finally:
            place.data.free()
        until(lambda: _answers(place.platform, server.id), "it answers", 180)
        writer.wait_for(5)
        known = writer.stop()
    there = history.stored(place.platform)
    assert known.lost(there) == []
    assert [number for number in known.invented(there) if number >= 20_000_000] == []
    place.stores.sql("drop table if exists bulk")
    place.platform.world.assert_well(main=1)


_WRITING = (
    "create table if not exists bulk (words text)",
    "insert into bulk select repeat('x', 2000) from generate_series(1, 9000)",
    "select pg_switch_wal()",
)


def _is_full(place: Place, server: str) -> bool:
    """Make the server write, and say whether it says that its disk is full."""
    for words in _WRITING:
        with contextlib.suppress(APIError):  # it is being started
            place.platform.daemon.exec(server, "psql", "-XqU", "main", "-c", words)
    said = place.platform.daemon.client.containers.get(server).logs(tail=200).decode(errors="replace")
    return "PANIC" in said and "No space left on device" in said


def test_a_backup_without_space_to_make_it_is_refused_before_it_begins(place: Place) -> None:
    """With how much it needs and where; what there is stays, and with space the next one is good."""
    before = place.stores.ask("backup", "list", "--json").ended().out
    place.work.fill(leave_mib=8)
    try:
        place.stores.ask("backup").failed("MiB in /work and", "free space on that disk")
    finally:
        place.work.free()
    assert place.stores.ask("backup", "list", "--json").ended().out == before
    place.stores.backup()


def test_a_full_object_store_is_told_at_once_and_keeps_what_it_has(place: Place) -> None:
    """By its own answer; restic alone would try on. What was stored before can be restored all the same."""
    before = {item["id"] for item in json.loads(place.stores.ask("backup", "list", "--json").ended().out)}
    place.stores.sql(_BULK)
    fillers = list(place.fill_store())
    try:
        place.stores.ask("backup").failed("destination offsite is full", "give it more space")
        assert {item["id"] for item in json.loads(place.stores.ask("backup", "list", "--json").ended().out)} == before
        place.stores.ask("backup", "verify", place.stores.first).ended()
    finally:
        for name in fillers:
            place.minio.s3.remove(BUCKET, name)
        place.stores.sql("drop table bulk")
    place.stores.backup()


def test_a_slow_object_store_is_waited_for(place: Place) -> None:
    """A verified backup over a thin line is one."""
    place.way.fault = "slow"
    try:
        place.stores.backup()
    finally:
        place.way.fault = "none"
    assert place.way.seen


def test_wrong_credentials_are_refused_and_never_taken_for_an_empty_store(place: Place) -> None:
    """A list without backups would be a lie, and a new repository a second one."""
    for command in ("run", "list"):
        run = place.with_wrong_key(command)
        assert run[0] == _REFUSES, run
        assert "destination offsite refuses" in run[1]
        assert "compare the secrets" in run[1]
        assert place.minio.account.secret not in run[1]


@pytest.mark.parametrize("fault", ["gone", "silent", "erring"])
def test_a_backup_that_can_not_be_stored_is_none(place: Place, fault: Fault) -> None:
    """It fails with the destination's name, nothing is listed, and a restore is refused with live data as they were."""
    before, live = place.stores.ask("backup", "list", "--json").ended().out, place.stores.words()
    place.way.fault = fault
    try:
        place.stores.ask("backup").failed("offsite")
        place.stores.ask("restore", place.stores.first, "--no-safety", "--yes").failed("offsite")
        place.stores.ask("restore", "latest", "--yes").failed()
    finally:
        place.way.fault = "none"
    assert place.way.seen
    assert place.stores.words() == live
    assert place.stores.databases() == ["main"]
    assert place.stores.ask("backup", "list", "--json").ended().out == before


def test_damage_is_found_before_anything_live_is_touched(place: Place) -> None:
    """A flipped bit or a cut in random places: reading all finds each; a restore refuses or is not concerned."""
    print(f"SLIPWAY_KILLS={TURNS} SLIPWAY_KILL_SEED={SEED}")  # noqa: T201 - shown when it fails
    where = random.Random(SEED)  # noqa: S311 - not for secrets
    whole = place.stores.words()
    for turn in range(TURNS):
        name, content = place.damage(where, cut=turn % 2 == 1)
        try:
            found = place.stores.ask("backup", "verify", place.stores.first, "--read-all")
            restored = place.stores.ask("restore", place.stores.first, "--no-safety", "--yes")
        finally:
            place.minio.s3.put(BUCKET, name, content)
        assert found.code, f"damage of {name} was not found\n{found}"
        assert place.stores.words() == whole, restored
        if restored.code:
            assert place.stores.databases() == ["main"], restored
        else:
            place.stores.ask("restore", "--forget", "--yes").ended()
    place.stores.ask("backup", "verify", place.stores.first, "--read-all").ended()


def test_a_plain_restore_accepts_an_altered_digit(place: Place) -> None:
    """The control: why hashes are kept. psql restores it with exit code 0, and one number is another."""
    server = place.platform.world.of("main")[0].id
    line = (
        "createdb -U main plain && pg_dump -U main -t precious main | sed 's/^7\\t/1007\\t/'"
        " | psql -XqU main -v ON_ERROR_STOP=1 plain"
    )
    code, text = place.platform.daemon.exec(server, "bash", "-o", "pipefail", "-c", line)
    assert code == 0, text
    assert place.stores.sql("select count(*), max(n) from precious", "plain") == "1000|1007"
    place.stores.sql("drop database plain", "postgres")


def test_a_lost_host_comes_back_from_the_object_store_alone(place: Place, daemon: Daemon, tmp_path: Path) -> None:
    """State, volumes and containers are gone; one command and the kit bring back every store and every credential."""
    kit = tmp_path / "kit"
    old = place.platform.workspace
    old.run("./slipway", "recover", "--write", str(kit), "--stack", old.stack).ended()
    assert kit.stat().st_mode & 0o077 == 0
    refused = old.run("./slipway", "recover", str(kit), "--yes")
    refused.failed("this host has something of stack")
    whole = place.stores.words()
    place.stores.backup()
    place.stores.fill("after the last backup")
    _, login = daemon.exec(place.platform.world.of("main")[0].id, "cat", "/run/secrets/password")
    blueprint = place.platform.deployed
    daemon.sweep(old.stack)
    place.data.lose()
    place.work.lose()
    shutil.rmtree(old.state)
    assert blueprint is not None
    place.platform.workspace = fresh = Workspace(tmp_path / "fresh", old.stack, blueprint)
    fresh.passphrase_file.unlink()
    fresh.settings_file.unlink()
    run = fresh.run("./slipway", "recover", str(kit), "--engine", EMBEDDED, "--yes").ended()
    print(f"recovered in {run.seconds:.0f} s")  # noqa: T201 - a figure for who runs it with -rA
    assert place.stores.words() == whole
    assert daemon.exec(place.platform.world.of("main")[0].id, "cat", "/run/secrets/password")[1] == login
    assert place.stores.databases() == ["main"]
    place.platform.world.assert_well(main=1, queue=1, api=1)
