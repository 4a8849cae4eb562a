"""Backups of a platform with data: made, proved, kept elsewhere too, and never mistaken for one when they were killed.

On the embedded engine alone: what a backup is does not depend on who made its containers. Long: ``SLIPWAY_KILLS=20``.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import docker.errors
import pytest

from tests.e2e.conftest import Stacks
from tests.e2e.harness.blueprints import Blueprint, small
from tests.e2e.harness.docker_view import Daemon, Seen
from tests.e2e.harness.hardening import CHECKS, probe
from tests.e2e.harness.minio import Minio, binary, host_address
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.receiver import Receiver
from tests.e2e.harness.run import Run
from tests.e2e.harness.starter import open_stack
from tests.e2e.harness.waiting import until

pytestmark = pytest.mark.e2e

KILLS = max(3, int(os.environ.get("SLIPWAY_KILLS") or 0))
ROWS = 5000
FILL = f"""
CREATE TABLE notes (id bigserial PRIMARY KEY, body text, made timestamptz DEFAULT now(), weight double precision);
INSERT INTO notes (body, weight) SELECT repeat(md5(i::text), 20), random() FROM generate_series(1, {ROWS}) i;
CREATE TABLE "of others" (id int PRIMARY KEY, private jsonb);
INSERT INTO "of others" VALUES (1, '{{"a": [1, null]}}');
ALTER TABLE "of others" ENABLE ROW LEVEL SECURITY;
"""  # noqa: S608 - made of constants
"""A table that is no trifle, and one whose rows nobody but the owner may see."""
BUCKET = "slipway-test"


@dataclass
class Place:
    """A platform with data, and the object store that its backups go to as well."""

    platform: Platform
    receiver: Receiver
    """Is told how backups end."""
    minio: Minio | None
    """None where it can't be built."""
    lack: str = ""
    """Why not."""

    def backup(self, *words: str) -> Run:
        """Run ``slipway backup …``."""
        return self.platform.workspace.run("./slipway", "backup", *words, "--stack", self.platform.workspace.stack)

    def json(self, *words: str) -> Any:
        """Return what ``slipway backup …`` answers as JSON."""
        return json.loads(self.backup(*words, "--json").ended().out)

    def inside(self, part: str, *command: str) -> str:
        """Run a command in a part's container, and return what it says."""
        code, text = self.platform.daemon.exec(self.platform.world.of(part)[0].id, *command)
        assert code == 0, text
        return text

    def sql(self, text: str) -> str:
        """Ask the database, as its owner."""
        return self.inside("main", "psql", "-XqAt", "-U", "main", "-v", "ON_ERROR_STOP=1", "-c", text).strip()

    @property
    def seen(self) -> Seen:
        """The container that makes backups."""
        return self.platform.world.of("backups", roles={"server"})[0]

    @property
    def scheduler(self) -> str:
        """Its id."""
        return self.seen.id

    def shell(self, script: str) -> tuple[int, str]:
        """Run a script in the scheduler's container."""
        return self.platform.daemon.exec(self.scheduler, "sh", "-c", script)

    def with_settings(self, **changes: Any) -> str:
        """Write a changed configuration beside the real one, and return the option that names it."""
        code, text = self.shell("cat /etc/slipway-backup/config.json")
        assert code == 0, text
        changed = json.dumps({**json.loads(text), **changes})
        assert self.shell(f"cat >/tmp/other.json <<'END'\n{changed}\nEND")[0] == 0
        return "--config /tmp/other.json"


def _blueprint(port: int, minio: Minio | None) -> Blueprint:
    blueprint = small(port, replicas=1)
    blueprint["databases"] = {"main": {"health_interval": "1s", "stop_grace": "10s", "memory": "192MiB"}}
    blueprint["volumes"] = {"uploads": {}}
    api = blueprint["services"]["api"]
    api["health"]["retries"] = 20
    api["volumes"] = [{"volume": "uploads", "path": "/uploads", "own": True}]
    blueprint["backups"] = {"schedule": "0 2 * * *", "timezone": "Europe/Berlin", "destinations": {"local": {}}}
    blueprint["backups"]["pause"] = ["uploads"]
    blueprint["backups"]["webhook"] = {"url": "hook", "on": ["success", "failure"], "template": "slack"}
    blueprint["secrets"] = {"hook": {}}
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


def _object_store(daemon: Daemon) -> tuple[Minio | None, str]:
    try:
        binary()
    except pytest.skip.Exception as reason:
        return None, str(reason)
    return Minio(daemon, "test-backup"), ""


@pytest.fixture(scope="module")
def place(stacks: Stacks, daemon: Daemon) -> Iterator[Place]:
    """Return a platform with data of each kind, deployed and filled."""
    port = free_port()
    with ExitStack() as stack:
        minio, lack = _object_store(daemon)
        if minio is not None:
            stack.enter_context(minio)
            minio.s3.make(BUCKET)
        receiver = stack.enter_context(Receiver(host_address(daemon)))
        platform = stacks.new("embedded", _blueprint(port, minio), port=port)
        stack.callback(stacks.remove, platform)
        state = open_stack(platform.workspace)
        state.init()
        state.set_config("slipway:hook", receiver.address, secret=True)
        if minio is not None:
            state.set_config("slipway:s3_id", minio.account.key, secret=True)
            state.set_config("slipway:s3_key", minio.account.secret, secret=True)
        platform.up().ended()
        made = Place(platform, receiver, minio, lack)
        made.sql(FILL)
        made.inside("queue", "sh", "-c", "REDISCLI_AUTH=$(cat /run/secrets/password) redis-cli rpush jobs a b c")
        made.inside("api", "sh", "-c", "mkdir -m 700 /uploads/x && echo hello >/uploads/x/y && ln -s x/y /uploads/z")
        yield made


def test_a_backup_is_every_store_and_proved(place: Place) -> None:
    """The command ends when the set was fetched back, restored and compared; it says what each store held."""
    run = place.backup().ended()
    assert "verified" in run.out
    newest = place.json("list")[0]
    assert newest["verified"]
    assert newest["destinations"] == (["local", "offsite"] if place.minio else ["local"])
    manifest = place.json("show", newest["id"])["manifest"]
    content = {store["name"]: store["content"] for store in manifest["stores"]}
    assert content["main"]["tables"]["public.notes"]["rows"] == ROWS
    assert content["main"]["tables"]['public."of others"']["rows"] == 1
    assert content["queue"]["keys"] == 1
    assert content["uploads"]["entries"] == 3
    assert content["uploads"]["paused"]["containers"] == [place.platform.world.of("api")[0].name]
    assert re.search(r"3 files and folders, services paused for \d+\.\d s", place.backup("show", "latest").ended().out)
    assert content["checkpoint"]["deployed"]
    told = place.receiver.messages[-1]
    assert (told.path, told.content_type) == (place.receiver.path, "application/json")
    assert told.body["text"].startswith(":large_green_circle: Backup of e2e (")
    assert newest["id"] in told.body["text"]
    assert len(place.receiver.messages) == 1


def test_the_platform_is_well_and_settled_with_it(place: Place) -> None:
    """No change without end; status names the newest verified one; its metrics are there to be read."""
    place.platform.assert_converged()
    status = place.platform.workspace.run("./slipway", "status", "--stack", place.platform.workspace.stack).ended()
    newest = place.json("list")[0]["id"]
    assert f"newest verified backup: {newest}" in status.out
    text = place.inside("api", "wget", "-qO-", "http://backups:9750/metrics")
    assert float(re.findall(r"^slipway_backup_last_verified_timestamp_seconds (\S+)$", text, re.MULTILINE)[0]) > 0


def test_its_role_reads_and_writes_nothing(place: Place) -> None:
    """Past row security, which a dump needs; and read-only even where it asks otherwise."""
    assert place.sql("SELECT rolsuper, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = 'slipway_backup'") == (
        "f|f|t"
    )
    login = "PGPASSWORD=$(cat /run/secrets/database-main) psql -XqAt -h main -U slipway_backup main"
    assert place.shell(f"{login} -c 'TABLE \"of others\"'")[0] == 0
    code, text = place.shell(f"{login} -c 'SET TRANSACTION READ WRITE; TRUNCATE notes'")
    assert (code, "permission denied" in text) == (1, True)


def test_the_pauser_alone_has_dockers_socket_and_gives_up_all_else(place: Place) -> None:
    """Root, for the socket is root's, without a capability or a network. Readers have no network either."""
    without = {"is on the stack's own networks alone"}
    expected = {
        "replica": set(),
        "server": set(),
        "reader": without,
        "pauser": without
        | {
            "runs as a numeric user that is not root",
            "no process of it is root",
            "mounts the stack's own volumes alone",
        },
    }
    probes = probe(place.platform.daemon, place.platform.world, roles=expected)
    failed = {(item.role, name) for item in probes for name, (holds, _) in CHECKS.items() if not holds(item)}
    assert failed == {(role, name) for role, names in expected.items() for name in names}
    assert {item.role for item in probes} == set(expected)
    with_socket = {item.role for item in probes if "docker.sock" in str(item.inspect["Mounts"])}
    assert with_socket == {"pauser"}


WRITER = """
import os
os.makedirs("/uploads/pair", exist_ok=True)
first, last = (os.open(f"/uploads/pair/{name}", os.O_RDWR | os.O_CREAT) for name in ("a", "z"))
with open("/uploads/pair/m", "wb") as middle:
    for _ in range(16):
        middle.write(bytes(1 << 20))
number = 0
while True:
    number += 1
    for file in (first, last):
        os.pwrite(file, b"%012d" % number, 0)
"""
"""Two files that agree: the last one is what the first one is, or the number before it, at every moment. What lies
between them takes an archive longer than many thousand numbers."""


@dataclass
class Taken:
    """What a backup of the volume alone has of them."""

    first: int
    last: int
    content: dict[str, Any]
    """What its manifest says of the volume."""

    @classmethod
    def of(cls, place: Place, *, paused: bool) -> Taken:
        """Make one: as the platform does, or without the pause, all else equal."""
        code, text = place.shell("cat /etc/slipway-backup/config.json")
        assert code == 0, text
        (store,) = [item for item in json.loads(text)["stores"] if item["name"] == "uploads"]
        if not paused:
            del store["pauser"]
        other = place.with_settings(stores=[store], destinations=json.loads(text)["destinations"][:1], verify=False)
        code, text = place.shell(f"slipway-backup {other} run --json")
        assert code == 0, text
        key = json.loads(text.splitlines()[-1])["id"]
        fetched = (
            f"slipway-backup fetch {key} --to /work/f >/dev/null && cd /work/f && tar -xOf volume/uploads/files.tar"
        )
        code, text = place.shell(f"{fetched} pair/a pair/z && cat manifest.json && rm -rf /work/f")
        assert code == 0, text
        assert text[:24].isdigit(), text
        return cls(int(text[:12]), int(text[12:24]), json.loads(text[24:])["stores"][0]["content"])


def test_a_volume_that_is_paused_is_of_one_moment(place: Place) -> None:
    """Two files that a service writes as fast as it can disagree when archived live, and not when it is held."""
    daemon, api = place.platform.daemon, place.platform.world.of("api")[0]
    daemon.start(api.id, "sh", "-c", f"echo $$ >/tmp/writer; exec python3 -c '{WRITER}'")
    until(lambda: daemon.exec(api.id, "test", "-s", "/uploads/pair/z")[0] == 0, "it writes", 30)
    try:
        live = Taken.of(place, paused=False)
        assert live.last > live.first
        assert "paused" not in live.content
        for _ in range(2):
            held = Taken.of(place, paused=True)
            assert held.first > live.last
            assert held.first - held.last in {0, 1}
            assert held.content["paused"]["containers"] == [api.name]
        then = daemon.exec(api.id, "cat", "/uploads/pair/a")[1]
        until(lambda: daemon.exec(api.id, "cat", "/uploads/pair/a")[1] > then, "it writes on", 10)
    finally:
        daemon.exec(api.id, "sh", "-c", "kill -9 $(cat /tmp/writer); rm -r /uploads/pair")


def _killed(place: Place, role: str) -> None:
    """Kill everything in a container of the backups while services are held, and see that they go on by themselves."""
    daemon, world = place.platform.daemon, place.platform.world
    (api,), (reader,) = world.of("api"), world.of("backups", roles={"reader"})
    daemon.start(place.scheduler, "slipway-backup", "run")
    until(lambda: _state(place, api.id) == "paused", "services are held", 60)
    # Who hands out the volume stands still, so that they are held until somebody is killed.
    daemon.api.pause(reader.id)
    try:
        run = place.platform.workspace.run("./slipway", "status", "--stack", place.platform.workspace.stack)
        assert "held for the backup that runs: api-0" in run.out
        assert "is paused" not in run.out + run.err
        (victim,) = world.of("backups", roles={role})
        daemon.exec(victim.id, "sh", "-c", "kill -9 -1")
        until(lambda: _state(place, api.id) == "running", f"they go on though the {role} was killed", 60)
        until(lambda: _restarts(place, victim.id) > victim.restarts, f"the {role} is back", 60)
    finally:
        daemon.api.unpause(reader.id)


def _state(place: Place, container: str) -> str:
    return str(place.platform.daemon.api.inspect_container(container)["State"]["Status"])


def _restarts(place: Place, container: str) -> int:
    seen = place.platform.daemon.api.inspect_container(container)
    return int(seen["RestartCount"]) if seen["State"]["Status"] == "running" else 0


def test_killed_while_services_are_held_they_go_on(place: Place) -> None:
    """Who makes the backup, and who holds them: the kernel tells of the one, and a note of the other."""
    place.inside("api", "truncate", "-s", "2G", "/uploads/much")  # an archive of it takes its time
    try:
        _killed(place, "server")
        until(lambda: _shows(place, "slipway-backup health"), "the scheduler is back", 60)
        _killed(place, "pauser")
    finally:
        place.inside("api", "rm", "/uploads/much")
    until(lambda: not json.loads(place.shell("slipway-backup status")[1])["running"], "the run has ended", 60)
    last = json.loads(place.shell("slipway-backup status")[1])["last_run"]
    assert (last["result"], "the pauser gives no answer" in last["message"]) == ("failed", True)
    place.backup().ended()


MOMENTS = {
    "dumping": "ls -d /work/sets/*.partial",
    "storing": "ls /work/sets/*/manifest.json",
    "proving": "ls -d /work/fetched/*",
}
"""How each phase shows, for as long as it lasts."""


def _shows(place: Place, command: str) -> bool:
    return place.shell(command)[0] == 0


def _is_back(place: Place, restarts: int) -> bool:
    """Whether the container that died has started anew and its scheduler is at work."""
    if place.seen.restarts == restarts or place.seen.state != "running":
        return False
    try:
        return place.shell("slipway-backup health")[0] == 0
    except docker.errors.APIError:  # it has not started after all
        return False


def test_killed_at_any_moment_it_is_never_mistaken_for_one(place: Place) -> None:
    """Everything in its container dies at once; what is left is not called verified, and the next backup is good."""
    dice = random.Random(20261129)  # noqa: S311 - no secret
    known = {item["id"] for item in place.json("list") if item["verified"]}
    for number in range(KILLS):
        name = list(MOMENTS)[number % len(MOMENTS)]
        place.platform.daemon.client.containers.get(place.scheduler).exec_run(["slipway-backup", "run"], detach=True)
        until(partial(_shows, place, MOMENTS[name]), f"it is {name}", 60)
        restarts = place.seen.restarts
        # Anywhere within the phase, and sometimes after it.
        place.shell(f"sleep {dice.uniform(0, 0.5):.2f}; kill -9 -1")
        until(partial(_is_back, place, restarts), "the scheduler is back", 60)
        found = {item["id"]: item for item in place.json("list")}
        assert known <= {key for key, item in found.items() if item["verified"]}
        for key, item in found.items():
            if item["verified"]:
                code, text = place.shell(f"slipway-backup fetch {key} --to /work/f && rm -rf /work/f")
                assert code == 0, text
        known = {key for key, item in found.items() if item["verified"]}
    place.backup().ended()
    assert place.json("list")[0]["verified"]
    assert place.shell("ls /work/sets /work/fetched /work/scratch")[1].split() == [
        "/work/fetched:",
        "/work/scratch:",
        "/work/sets:",
    ]


def test_damage_in_what_is_stored_is_found(place: Place) -> None:
    """One flipped bit in each of several places, and a file that ends early."""
    assert place.shell("chmod -R u+w /backups/repository/data")[0] == 0
    files = place.shell("find /backups/repository/data -type f")[1].split()
    dice = random.Random(5)  # noqa: S311 - no secret
    for number in range(KILLS):
        file = dice.choice(files)
        damage = (
            f"import os; f = {file!r}; b = bytearray(open(f, 'rb').read()); i = {dice.randrange(1 << 30)} % len(b)\n"
            f"b = b[:i] if {number} % 3 == 2 else b[:i] + bytes([b[i] ^ 8]) + b[i + 1:]\n"
            "os.rename(f, '/backups/whole'); open(f, 'wb').write(b)"
        )
        assert place.shell(f'python3 -c "{damage}"')[0] == 0
        run = place.backup("verify", "latest", "--read-all")
        assert place.shell(f"mv -f /backups/whole {file}")[0] == 0
        run.failed("destination local")
    place.backup("verify", "latest", "--read-all").ended()


def test_it_comes_by_itself_when_it_is_due(place: Place) -> None:
    """By a scheduler whose time has a seconds' field, so that nobody waits for the night; it is due once.

    The scheduler must have started by then, or it is next year's: on a busy machine that takes seconds.
    """
    code, now = place.shell("date -u -d '20 seconds' '+%M %H %d %m * %S'")
    assert code == 0, now
    other = place.with_settings(schedule=now.strip(), timezone="UTC", read_all=None, metrics_port=9751)
    script = f"echo $$ >/tmp/serve.pid; exec slipway-backup {other} serve"
    place.platform.daemon.client.containers.get(place.scheduler).exec_run(["sh", "-c", script], detach=True)
    try:
        until(lambda: place.json("list")[0]["trigger"] == "schedule", "a backup came by itself", 120)
        until(lambda: place.json("list")[0]["verified"], "it is verified", 60)
    finally:
        place.shell("kill $(cat /tmp/serve.pid)")


def test_old_ones_go_and_the_newest_verified_one_stays(place: Place) -> None:
    """By the strictest rule there is, and with a set on top that was never verified."""
    keep = {"days": 0, "last": 1, "daily": 0, "weekly": 0, "monthly": 0}
    code, text = place.shell(f"slipway-backup {place.with_settings(keep=keep, verify=False)} run --json")
    assert code == 0, text
    left = place.json("list")
    assert [bool(item["verified"]) for item in left] == [False, True]
    code, text = place.shell(f"slipway-backup {place.with_settings(keep=keep)} run --json")
    assert code == 0, text
    assert [bool(item["verified"]) for item in place.json("list")] == [True]


def test_what_can_not_be_is_refused_before_anything_is_written(place: Place) -> None:
    """Another passphrase, two at once, large objects: each with its own exit code and words."""
    before = place.json("list")
    assert place.shell("echo another >/tmp/phrase")[0] == 0
    other = place.with_settings(passphrase_file="/tmp/phrase")  # noqa: S108 - inside the container
    code, text = place.shell(f"slipway-backup {other} run")
    assert (code, "made with another passphrase" in text) == (8, True)
    code, text = place.shell("flock /work/lock slipway-backup run")
    assert (code, "another one is running" in text) == (3, True)
    place.sql("SELECT lo_create(4711)")
    try:
        place.backup().failed("database main has large objects", "exclude: [main]")
        told = place.receiver.messages[-1].body["text"]
        assert told.startswith(":red_circle: Backup of e2e (")
        assert "failed: database main has large objects" in told
    finally:
        place.sql("SELECT lo_unlink(4711)")
    assert place.json("list") == before
    status = place.platform.workspace.run("./slipway", "status", "--stack", place.platform.workspace.stack)
    status.failed("the last backup failed", "large objects")


def test_an_object_store_that_is_gone_leaves_the_other_destination(place: Place) -> None:
    """The run fails and says where; the set is in the local one all the same, and the next run has both again."""
    if place.minio is None:
        pytest.skip(place.lack)
    api = place.platform.daemon.api
    container = str(getattr(place.minio._container, "id", ""))
    api.pause(container)
    try:
        place.backup().failed("destination offsite", "does not answer")
    finally:
        api.unpause(container)
    assert place.json("list")[0]["destinations"] == ["local"]
    place.backup().ended()
    assert place.json("list")[0]["destinations"] == ["local", "offsite"]
    names = place.minio.s3.names(BUCKET)
    assert any("/snapshots/" in name for name in names)


def test_a_backup_comes_before_what_touches_data(place: Place) -> None:
    """Here the database gets more memory; and the gateway answers before and after."""
    blueprint = place.platform.deployed
    assert blueprint is not None
    blueprint["backups"]["before_deploy"] = True
    blueprint["databases"]["main"]["memory"] = "224MiB"
    run = place.platform.deploy(blueprint).ended()
    assert "so a backup is made first" in run.out
    newest = place.json("list")[0]
    assert (newest["trigger"], bool(newest["verified"])) == ("before-deploy", True)
    connection = http.client.HTTPConnection("127.0.0.1", place.platform.port, timeout=10)
    connection.request("GET", "/health")
    with contextlib.closing(connection), connection.getresponse() as answer:
        assert answer.status == http.HTTPStatus.OK
