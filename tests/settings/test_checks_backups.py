"""What is refused of backups, each with its message, and what their defaults come to."""

from __future__ import annotations

from typing import Any

import pytest

from settings import SettingsError
from settings.backups import StoreKind, backed_up
from settings.cron import parse_cron, parse_timezone

STORES: dict[str, Any] = {
    "databases": {"main": {}},
    "caches": {"queue": {}, "pages": {"persistence": "none"}},
    "volumes": {"uploads": {}},
    "services": {"api": {"image": "app:1", "volumes": ["uploads:/data"]}},
}


LOCK = "  backup: {official: 'slipway/backup:15-abc', debian: 'slipway/backup:15-abc'}\n"


@pytest.fixture(autouse=True)
def _image(project: Any) -> None:
    """Give the small project an image for backups."""
    file = project.root / "images" / "lock.yaml"
    file.write_text(file.read_text(encoding="utf-8") + LOCK, encoding="utf-8")


def _refused(project: Any, backups: dict[str, Any], **more: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        project.load({**STORES, "backups": backups, **more})
    return str(caught.value)


class TestDefaults:
    def test_everything_that_keeps_data_is_backed_up(self, project: Any) -> None:
        """A cache that forgets at a restart has nothing to give back."""
        platform = project.load({**STORES, "backups": {}}).platform
        assert [(store.name, store.kind) for store in backed_up(platform)] == [
            ("main", StoreKind.POSTGRES),
            ("queue", StoreKind.REDIS),
            ("uploads", StoreKind.VOLUME),
            ("checkpoint", StoreKind.CHECKPOINT),
        ]
        assert (platform.backups.schedule, platform.backups.networks) == ("0 2 * * *", ["backend"])
        assert platform.backups.volume_name == "slipway-dev-backups-data"
        assert platform.backups.before_deploy is True

    def test_what_is_excluded_is_not(self, project: Any) -> None:
        platform = project.load({**STORES, "backups": {"exclude": ["queue", "uploads"]}}).platform
        assert [store.name for store in backed_up(platform)] == ["main", "checkpoint"]

    def test_databases_of_others_are_backed_up_too(self, project: Any) -> None:
        """They are outside, so it needs a way there; left out by name like any other."""
        more = {
            "secrets": {"db_password": {"source": "generated"}},
            "databases": {"main": {}, "warehouse": {"external": {"host": "db.example.org", "password": "db_password"}}},
        }
        platform = project.load({**STORES, **more, "backups": {}}).platform
        assert platform.backups.networks == ["edge", "backend"]
        assert "warehouse" not in platform.databases
        platform = project.load({**STORES, **more, "backups": {"exclude": ["warehouse"]}}).platform
        assert platform.backups.networks == ["backend"]
        said = _refused(project, {"networks": ["backend"]}, **more)
        assert "the external database 'warehouse' is to be reached" in said

    def test_it_goes_out_only_where_it_must(self, project: Any) -> None:
        """A webhook or an S3 store is elsewhere; a local volume is not."""
        secrets = {"hook": {"source": "generated"}}
        platform = project.load({**STORES, "secrets": secrets, "backups": {"webhook": {"url": "hook"}}}).platform
        assert platform.backups.networks == ["edge", "backend"]

    def test_two_stacks_never_share_a_place(self, project: Any) -> None:
        secrets = {"id": {"source": "generated"}, "key": {"source": "generated"}}
        place = {"kind": "s3", "endpoint": "https://s3.example.org", "bucket": "abc", "access_key": "id"}
        backups = {"destinations": {"far": {**place, "secret_key": "key"}}}
        platform = project.load({**STORES, "secrets": secrets, "backups": backups}).platform
        assert platform.backups.destinations["far"].prefix == "slipway/dev"

    def test_moments_are_kept_where_that_is_asked_for(self, project: Any) -> None:
        """The server keeps what was not fetched, and no more than is said; a database that is left out is as it was."""
        stores = {**STORES, "databases": {"main": {"settings": {"max_connections": 50}}, "other": {}}}
        backups = {"point_in_time": {"wal_limit": "512MiB"}, "exclude": ["other"]}
        platform = project.load({**stores, "backups": backups}).platform
        assert platform.databases["main"].settings == {
            "wal_level": "replica", "max_slot_wal_keep_size": "512MB", "max_connections": "50",
        }  # fmt: skip
        assert platform.databases["other"].settings == {}
        assert platform.backups.point_in_time.ship_every_s == 30
        for written, kept in ((True, True), (False, False), ({}, True)):
            found = project.load({**STORES, "backups": {"point_in_time": written}}).platform.backups.point_in_time
            assert (found is not None) is kept

    def test_a_schedule_can_be_off(self, project: Any) -> None:
        """YAML reads a bare off as false."""
        for written in ("off", False):
            platform = project.load({**STORES, "backups": {"schedule": written}}).platform
            assert platform.backups.schedule is None


@pytest.mark.parametrize(
    ("backups", "words"),
    [
        ({"exclude": ["quue"]}, ("there is no store 'quue'", "queue")),
        ({"destinations": {}}, ("a place to keep backups is needed",)),
        ({"destinations": {"far": {"kind": "s3"}}}, ("'endpoint' is missing", "'secret_key' is missing")),
        ({"destinations": {"local": {"bucket": "abc"}}}, ("has no effect with kind local", "kind: s3")),
        ({"destinations": {"a": {}, "b": {}}}, ("is the same volume as 'a'",)),
        ({"keep": {"days": 0, "last": 0, "monthly": 0}}, ("keeps nothing",)),
        ({"passphrase": "phrase"}, ("the secret 'phrase' is not declared", "add under secrets")),
        ({"webhook": {"url": "hook"}}, ("the secret 'hook' is not declared",)),
        ({"networks": ["edge"]}, ("shares no network with databases.main",)),
        ({"schedule": "0 2 * *"}, ("five fields are needed",)),
        ({"schedule": "0 25 * * *"}, ("'25' is no hour: 0 to 23",)),
        ({"timezone": "Mars/Base"}, ("the name of a time zone is needed",)),
        ({"point_in_time": True, "exclude": ["main"]}, ("there is no database of the platform that is backed up",)),
        ({"point_in_time": {"wal_limit": "10MiB"}}, ("64",)),
        ({"pause": ["uplaods"]}, ("there is no volume 'uplaods'", "nearest: uploads", "allowed: uploads")),
        ({"pause": ["main"]}, ("'main' is no volume: a postgres store is one moment by itself",)),
        ({"pause": ["uploads"], "exclude": ["uploads"]}, ("left out of backups, so nobody is paused for it",)),
        ({"pause_limit": "5m"}, ("backups.pause_limit", "has no effect: pause names no volume")),
        ({"docker_socket": "/run/docker.sock"}, ("backups.docker_socket", "write pause: […]")),
        ({"pause": ["uploads"], "pause_limit": "0s"}, ("backups.pause_limit",)),
        ({"pause": ["uploads"], "docker_socket": "docker.sock"}, ("backups.docker_socket",)),
        ({"alert_after": "soon"}, ("a duration with its unit",)),
        ({"shedule": "off"}, ("unknown key 'shedule'", "schedule")),
        ({"webhook": {"url": "hook", "template": "teams"}}, ("slack, json",)),
    ],
)
def test_it_is_refused(project: Any, backups: dict[str, Any], words: tuple[str, ...]) -> None:
    text = _refused(project, backups)
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"wal_level": "minimal"}, "with wal_level: minimal nobody can fetch"),
        ({"max_wal_senders": 2}, "with max_wal_senders: 2 nobody can fetch"),
        ({"max_replication_slots": 0}, "with max_replication_slots: 0 nobody can fetch"),
        ({"max_slot_wal_keep_size": "9GB"}, "is set by backups.point_in_time.wal_limit"),
    ],
)
def test_a_server_lets_its_log_be_fetched(project: Any, settings: dict[str, Any], words: str) -> None:
    """Otherwise nothing would be kept, and nobody told before it is needed."""
    databases = {"databases": {"main": {"settings": settings}}}
    assert words in _refused(project, {"point_in_time": True}, **databases)
    assert project.load({**STORES, **databases, "backups": {}}).platform.backups is not None


def test_its_name_is_its_own(project: Any) -> None:
    """Others would find two containers under one name."""
    text = _refused(project, {}, services={"backups": {"image": "app:1"}})
    assert "the name 'backups' is reserved" in text


def test_without_a_way_out_nobody_elsewhere_is_reached(project: Any) -> None:
    networks = {"edge": {"internal": True}, "backend": {"internal": True}}
    text = _refused(project, {"webhook": {"url": "hook"}}, networks=networks, secrets={"hook": {"source": "generated"}})
    assert "only on internal networks" in text


@pytest.mark.parametrize("services", [{}, {"api": {"image": "app:1", "volumes": ["uploads:/data:ro"]}}])
def test_somebody_is_there_to_be_paused(project: Any, services: dict[str, Any]) -> None:
    """Who only reads it writes nothing that could disagree."""
    text = _refused(project, {"pause": ["uploads"]}, services=services)
    assert "nobody writes the volume 'uploads', so there is nobody to pause" in text
    assert "a volume that a service, worker or job mounts, and not read-only" in text


def test_what_is_paused_is_named(project: Any) -> None:
    backups = project.load({**STORES, "backups": {"pause": ["uploads"], "pause_limit": "5m"}}).platform.backups
    assert (backups.pause, backups.pause_limit_s, backups.docker_socket) == (["uploads"], 300, "/var/run/docker.sock")
    assert project.load({**STORES, "backups": {}}).platform.backups.pause == []


def test_a_volume_is_read_as_somebody(project: Any) -> None:
    """Without a capability only a file's own user can be sure to read it."""
    services = {"api": {"image": "app:1", "user": "image", "volumes": ["uploads:/data"], "relax": {"user": "its own"}}}
    text = _refused(project, {}, services=services)
    assert "it is not known as whom the volume 'uploads' can be read" in text


def test_the_programs_are_of_the_servers_version(project: Any) -> None:
    """pg_dump refuses a newer server; said before anything runs, with the way out."""
    project.write(
        "images/catalogue.yaml",
        "images:\n  backup: {official: {version: '15', postgres: '15'}}\n  postgres: {official: {version: '16'}}\n",
    )
    text = _refused(project, {}, images={"family": "official"})
    assert "has the programs of PostgreSQL 15, and databases.main of family 'official' is 16" in text
    assert "images: {family: debian}" in text
    own = {"family": "official", "references": {"backup": "registry.example.org/backup:16"}}
    assert project.load({**STORES, "backups": {}, "images": own}).platform.backups is not None


@pytest.mark.parametrize("text", ["0 2 * * *", "*/15 0-6,22 1,15 jan-mar mon-fri", "59 23 31 12 7", "0 0 * * sun"])
def test_a_cron_expression_is_kept_as_it_is(text: str) -> None:
    assert parse_cron(text) == text


@pytest.mark.parametrize(
    "text", ["", "* * * *", "60 * * * *", "* * 0 * *", "*/0 * * * *", "5-1 * * * *", "a * * * *", 7]
)
def test_what_is_none_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"needed|is no|steps by 0|ends before"):
        parse_cron(text)


def test_a_time_zone_has_a_name() -> None:
    assert parse_timezone("Europe/Berlin") == "Europe/Berlin"
    with pytest.raises(ValueError, match="the name of a time zone"):
        parse_timezone("../etc/passwd")
