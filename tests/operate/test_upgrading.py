"""An upgrade of a database: what is refused beforehand, what the switch deploys, what an interrupted one has left.

That a real server takes another one's place, with all that it held, is in tests/e2e/test_other_servers.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from operate.data_guard import serving_volume
from operate.live_postgres import LivePostgres
from operate.new_server import NewServer, host_of, successor_of
from operate.outside_postgres import Outside, OutsidePostgres, RightsMissing
from operate.releases import Release
from operate.stack_view import StackView, Volume
from operate.upgrading import Images, Target, Upgrade, UpgradeRefused, as_released
from tests.operate.fake_docker import container

if TYPE_CHECKING:
    import docker

GIB = 1 << 30


@dataclass
class FakeLive:
    """A live server that answers as it is told."""

    version: int = 15
    bytes: int = GIB
    room: int = 100 * GIB
    rows_written: int = 0
    part: str = "main"

    def major(self) -> int:
        return self.version

    def size(self, _database: str) -> int:
        return self.bytes

    def free(self) -> int:
        return self.room

    def written(self, _database: str) -> int:
        return self.rows_written


@dataclass
class FakeDocker:
    """A Docker with images that say their versions."""

    images_: dict[str, str] = field(default_factory=dict)
    programs: bytes = b"pg_dump (PostgreSQL) 17.1 (Debian 17.1-1)\n"
    things: list[dict[str, Any]] = field(default_factory=list)
    volumes_: list[dict[str, Any]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    fails: bool = False

    @property
    def api(self) -> FakeDocker:
        return self

    @property
    def images(self) -> FakeDocker:
        return self

    def get(self, reference: str) -> str:
        return self.images_[reference]

    def inspect_image(self, reference: str) -> dict[str, Any]:
        inherited = {"sha256:cafe": ["PATH=/bin", "PG_MAJOR=15", "PGDATA=/data"]}
        said = inherited.get(reference) or [f"PG_MAJOR={self.images_[reference]}"]
        return {"Config": {"Env": said}}

    def inspect_container(self, wanted: str) -> dict[str, Any]:
        return next(item for item in self.things if item["Id"] == wanted)

    def containers(self, *, filters: dict[str, Any], **_: Any) -> list[dict[str, Any]]:
        wanted = filters.get("status")
        return [
            {"Id": item["Id"], "Names": [item["Name"]], "Labels": item["Config"]["Labels"],
             "State": item["State"]["Status"]}
            for item in self.things if wanted is None or item["State"]["Status"] in wanted
        ]  # fmt: skip

    def unpause(self, wanted: str) -> None:
        self.done.append(f"goes on {wanted[:4]}")

    def remove_container(self, wanted: str, *, force: bool) -> None:
        assert force
        self.done.append(f"container {wanted[:4]}")

    def remove_volume(self, name: str, *, force: bool) -> None:
        assert force
        self.done.append(f"volume {name}")


class FakeRunner:
    """Runs the one container that is asked for the version of its programs."""

    def __init__(self, docker_: FakeDocker) -> None:
        self._docker = docker_

    def run(self, image: str, command: list[str], **options: Any) -> bytes:
        assert (command, options["network_mode"]) == (["--version"], "none")
        assert image in self._docker.images_
        return self._docker.programs


class Client:
    """Both halves."""

    def __init__(self, docker_: FakeDocker) -> None:
        self.api = docker_
        self.images = docker_
        self.containers = FakeRunner(docker_)


TARGET = Target("main", "main", "db:17", 17, {}, frozenset({"api"}))


def _upgrade(docker_: FakeDocker, target: Target = TARGET) -> Upgrade:
    return Upgrade(cast("docker.DockerClient", Client(docker_)), "shop", "dev", target, lambda _: None)


def _live(**facts: Any) -> LivePostgres:
    return cast("LivePostgres", FakeLive(**facts))


def test_an_older_version_is_refused() -> None:
    """No dump of a newer server is for an older one."""
    with pytest.raises(UpgradeRefused, match="older 17"):
        _upgrade(FakeDocker()).check(_live(version=18), same=True)


def test_the_same_version_is_moved_only_when_that_is_meant() -> None:
    """By an option: a mistyped number would hold everybody for nothing."""
    with pytest.raises(UpgradeRefused, match=r"17 already\n.*--same"):
        _upgrade(FakeDocker()).check(_live(version=17), same=False)
    assert _upgrade(FakeDocker()).check(_live(version=17), same=True) == 17


def test_a_full_disk_is_refused_beforehand() -> None:
    """It would take the live server down."""
    with pytest.raises(UpgradeRefused, match="2624 MiB are needed, 1024 are free"):
        _upgrade(FakeDocker()).check(_live(room=GIB), same=False)


def test_the_image_is_what_was_asked_for() -> None:
    """A typing mistake would upgrade to something else."""
    _upgrade(FakeDocker({"db:17": "17"})).check_image("db:17")
    with pytest.raises(UpgradeRefused, match=r"PostgreSQL 16, and --to says 17\n.*databases.main.image"):
        _upgrade(FakeDocker({"db:17": "16"})).check_image("db:17")


@pytest.mark.parametrize("said", [b"pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n", b""])
def test_backups_must_be_able_to_read_the_new_server(said: bytes) -> None:
    """Otherwise the night after the upgrade there would be none."""
    with pytest.raises(UpgradeRefused, match="can't dump a server of 17"):
        _upgrade(FakeDocker({"backup:1": ""}, said)).check_programs("backup:1")
    _upgrade(FakeDocker({"backup:1": ""})).check_programs("backup:1")


def test_a_job_that_runs_is_waited_for() -> None:
    """It would lose its connection half way."""
    job = container("migrate", kind="job", role="job")
    with pytest.raises(UpgradeRefused, match="a job runs: migrate"):
        _upgrade(FakeDocker(things=[job])).check_jobs()
    job["State"]["Status"] = "exited"
    _upgrade(FakeDocker(things=[job])).check_jobs()


def test_rows_of_somebody_who_was_not_held_are_found() -> None:
    """They would be on the old volume alone."""
    upgrade = _upgrade(FakeDocker())
    upgrade.refuse_writes_since(_live(rows_written=7), 7)
    with pytest.raises(UpgradeRefused, match="3 rows of main were written"):
        upgrade.refuse_writes_since(_live(rows_written=10), 7)


RELEASE = Release(
    number=7, time="", who="", commit="", engine="embedded", message="up", seconds=1.0, changes={}, environment="prod",
    profiles=("chat",), images={},
    description={
        "databases": {"main": {"memory": "1GiB"}, "other": None},
        "images": {"references": {"postgres": "slipway/postgres:15-a", "redis": "slipway/redis:7"}},
        "services": {"api": {"image": "api:1"}},
    },
)  # fmt: skip


def test_the_switch_changes_one_database_and_nothing_else() -> None:
    """The description may have moved on since the last release: that is for the next deployment."""
    images = Images("db:17", "backup:17")
    record = as_released(RELEASE, "main", {"memory": "2GiB", "volume_name": "new", "protect": True}, images)
    assert record["description"]["databases"] == {
        "main": {"memory": "2GiB", "volume_name": "new", "protect": True, "image": "db:17"},
        "other": None,
    }
    assert record["description"]["backups"] == {"image": "backup:17"}
    assert record["description"]["services"] == RELEASE.description["services"]
    assert (record["number"], record["environment"], record["profiles"]) == (7, "prod", ("chat",))
    assert RELEASE.description["databases"]["main"] == {"memory": "1GiB"}


def test_slipways_own_images_are_named_by_their_role() -> None:
    """A description may not name them otherwise."""
    record = as_released(RELEASE, "main", {}, Images("slipway/postgres:15-b", "slipway/backup:15-b"))
    assert record["description"]["images"]["references"] == {
        "postgres": "slipway/postgres:15-b", "backup": "slipway/backup:15-b", "redis": "slipway/redis:7"
    }  # fmt: skip
    assert "image" not in record["description"]["databases"]["main"]


def _filler(volume: str) -> dict[str, Any]:
    found = container("main", kind="database", role="upgrade", state="exited")
    found["Config"]["Env"] = ["PATH=/bin", "PGDATA=/data", "POSTGRES_USER=main"]
    found["Mounts"] = [
        {"Type": "volume", "Name": "secrets", "Destination": "/run/secrets"},
        {"Type": "volume", "Name": volume, "Destination": "/data"},
    ]
    return found


def test_what_an_interrupted_upgrade_has_left_goes_with_its_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not where the volume serves already."""
    monkeypatch.setattr("operate.upgrading.find_scheduler_if_any", lambda *_: None)
    left, held = _filler("shop-dev-main-data-pg17"), container("api", state="paused")
    docker_ = FakeDocker(things=[left, held])
    told = _upgrade(docker_).tidy("shop-dev-main-data")
    assert told == [
        "volume shop-dev-main-data-pg17, filled or half filled, is removed",
        "1 containers that were held go on",
    ]
    freed = f"goes on {held['Id'][:4]}"
    assert docker_.done == [f"container {left['Id'][:4]}", "volume shop-dev-main-data-pg17", freed]
    docker_.done.clear()
    _upgrade(docker_).tidy("shop-dev-main-data-pg17")
    assert docker_.done == [f"container {left['Id'][:4]}", freed]


@pytest.mark.parametrize(
    ("volume", "other", "is_one"),
    [
        ("shop-main-data-pg17", "shop-main-data", True),
        ("shop-main-data-pg17-2", "shop-main-data-pg16", True),
        ("shop-main-data", "shop-main-data-pg17", False),
        ("shop-main-data-pg17", "shop-main-data-pg17", False),
        ("shop-other-data-pg17", "shop-main-data", False),
    ],
)
def test_a_volume_tells_what_it_comes_from(volume: str, other: str, is_one: bool) -> None:
    """By its name, which is all that outlives the command."""
    assert successor_of(volume, other) is is_one


def test_the_state_says_which_volume_serves() -> None:
    """Another part's is not it."""
    kind = "docker:index/volume:Volume"
    volumes = [
        Volume(f"urn:pulumi:dev::shop::slipway:index:{owner}${kind}::{name}", f"{owner} {name}", retained=True)
        for owner, name in (("Cache", "main-data"), ("Database", "other-data"), ("Database", "main-data"))
    ]
    assert serving_volume(StackView(volumes=tuple(volumes)), "main") == "Database main-data"
    assert serving_volume(StackView(), "main") is None
    assert serving_volume(None, "main") is None


@dataclass
class FakeExec:
    """A container in which psql answers as it is told."""

    answer: str
    error: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)

    @property
    def api(self) -> FakeExec:
        return self

    def exec_create(self, _container: str, command: list[str], environment: dict[str, str]) -> dict[str, str]:
        self.scripts.append(command[2])
        self.asked.append(environment)
        return {"Id": "exec"}

    def exec_start(self, _id: str, *, demux: bool) -> tuple[bytes, bytes]:
        assert demux
        return self.answer.encode(), self.error.encode()

    def exec_inspect(self, _id: str) -> dict[str, int]:
        return {"ExitCode": int(bool(self.error))}


def _outside(fake: FakeExec) -> OutsidePostgres:
    place = Outside("db.example.org", 5432, "shop", "verify-full")
    return OutsidePostgres(cast("docker.DockerClient", fake), "backups", "warehouse", place)


@pytest.mark.parametrize(
    ("answer", "fix"),
    [
        ("f\tt\tshop", "do: ALTER ROLE shop CREATEDB$"),
        ("t\tf\tboss", "do: GRANT boss TO shop$"),
        ("f\tf\tboss", "do: ALTER ROLE shop CREATEDB; GRANT boss TO shop$"),
        ("", "there is no database shop on db.example.org"),
    ],
)
def test_rights_that_lack_at_somebody_elses_server_are_named(answer: str, fix: str) -> None:
    """Before anything is filled there."""
    with pytest.raises(RightsMissing, match=fix):
        _outside(FakeExec(answer)).check_rights("shop")


def test_it_is_asked_over_tls_and_makes_no_role() -> None:
    """The password is read where it is, and the name of the server is compared."""
    fake = FakeExec("t\tt\tshop")
    server = _outside(fake)
    server.check_rights("shop")
    server.make_login("secret")
    server.drop_login()
    assert len(fake.asked) == 1
    assert fake.asked[0]["PGSSLMODE"] == "verify-full"
    assert fake.asked[0]["PGSSLROOTCERT"] == "/etc/ssl/certs/ca-certificates.crt"
    assert fake.asked[0]["PASSWORD_FILE"] == "/run/secrets/database-warehouse"
    assert fake.scripts[0].startswith("PGPASSWORD=$(cat ")


def test_what_is_denied_there_says_what_to_ask_for() -> None:
    """Whoever runs it can help; we can't."""
    with pytest.raises(Exception, match="pg_signal_backend"):
        _outside(FakeExec("", "ERROR:  permission denied to terminate process")).kept()


def test_names_of_the_network() -> None:
    """The new server never answers to the live one's name."""
    assert host_of("main") == "main-upgrade"
    assert NewServer(cast("docker.DockerClient", None), "c", "main", "v").host == "main-upgrade"
