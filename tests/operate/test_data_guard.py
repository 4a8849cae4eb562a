"""The data guard: each way to part a platform from its data is refused with the safe way, and nothing else is."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml

from operate.data_guard import DataInDanger, Verdict, judge
from operate.stack_view import StackView, view_of
from settings import load_platform
from settings.source import StackSource
from tests.operate.fake_docker import FakeApi, FakeClient, container

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

URN = "urn:pulumi:prod::shop::"
BLUEPRINT: dict[str, Any] = {
    "name": "shop",
    "networks": {"backend": {"internal": True}},
    "databases": {"main": {}},
    "caches": {"queue": {"persistence": "aof"}},
    "volumes": {"uploads": {}},
    "secrets": {"session_key": {"source": "generated"}, "api_key": {}},
    "services": {"api": {"image": "api:1", "port": 8000, "health": {"path": "/"}}},
}


def _volume(urn: str, name: str, *, protect: bool = True, retain: bool = True, driver: str = "local") -> dict[str, Any]:
    return {
        "urn": URN + urn,
        "type": "docker:index/volume:Volume",
        "custom": True,
        "protect": protect,
        "retainOnDelete": retain,
        "inputs": {"driver": driver},
        "outputs": {"name": name},
    }


def _password(urn: str, *, length: int = 32, protect: bool = True) -> dict[str, Any]:
    return {
        "urn": f"{URN}{urn}",
        "type": "random:index/randomPassword:RandomPassword",
        "custom": True,
        "protect": protect,
        "inputs": {"length": length},
    }


def _state(*, protect: bool = True) -> list[dict[str, Any]]:
    volume, password = "docker:index/volume:Volume", "random:index/randomPassword:RandomPassword"
    return [
        _volume(f"slipway:index:Database${volume}::main-data", "shop-prod-main-data", protect=protect),
        _volume(f"slipway:index:Cache${volume}::queue-data", "shop-prod-queue-data", protect=protect),
        _volume(f"{volume}::uploads-data", "shop-prod-uploads", protect=protect),
        _volume(f"slipway:index:SecretFiles${volume}::main-secrets-run-secrets", "files", protect=False, retain=False),
        _password(f"slipway:index:Database${password}::main-password", protect=protect),
        _password(f"slipway:index:Cache${password}::queue-password", protect=protect),
        _password(f"{password}::session-key-secret", protect=protect),
        _password(f"{password}::files-key", protect=False),
        {
            "urn": f"{URN}slipway:index:Database$docker:index/container:Container::main-server",
            "type": "docker:index/container:Container",
            "custom": True,
            "id": "server",
        },
    ]


class _Docker(FakeApi):
    """Knows the major versions of a running server and of images."""

    def __init__(self, running: str | None = "16", images: dict[str, str] | None = None) -> None:
        super().__init__()
        server = container("main")
        server["Id"] = "server"
        server["Config"]["Env"] = [] if running is None else ["PATH=/bin", f"PG_MAJOR={running}"]
        self.things = [server]
        self.known = images or {}

    def inspect_image(self, reference: str) -> dict[str, Any]:
        """Return an image's environment."""
        import docker.errors  # noqa: PLC0415 - slow to load

        if reference not in self.known:
            raise docker.errors.ImageNotFound("no such image")
        return {"Config": {"Env": [f"PG_MAJOR={self.known[reference]}"]}}


@pytest.fixture
def verdict(tmp_path: Path) -> Any:
    """Return a function that judges a changed description against the state of the unchanged one."""

    def judged(
        change: dict[str, Any] | None = None, *, protect: bool = True, docker: Any = None, state: Any = None
    ) -> Verdict:
        blueprint = copy.deepcopy(BLUEPRINT)
        for path, value in (change or {}).items():
            *parents, last = path.split(".")
            place = blueprint
            for parent in parents:
                place = place[parent]
            if value is None:
                del place[last]
            else:
                place[last] = value
        used = {"databases": ("postgres", "postgres:16.4"), "caches": ("redis", "redis:7.2")}
        needed = [
            role for section, role in used.items() if any("image" not in item for item in blueprint[section].values())
        ]
        blueprint["images"] = {"references": dict(needed)}
        (tmp_path / "blueprints").mkdir(exist_ok=True)
        (tmp_path / "blueprints" / "shop.yaml").write_text(yaml.safe_dump(blueprint))
        written = [name for name, item in blueprint["secrets"].items() if item.get("source") != "generated"]
        secrets = dict.fromkeys(written, "value-of-a-secret")
        loaded = load_platform(
            StackSource(root=tmp_path, project="shop", stack="prod", blueprint="shop", secret_lookup=secrets.get)
        )
        view = view_of({"resources": _state(protect=protect) if state is None else state})
        return judge(view, loaded, cast("DockerClient", FakeClient(docker)) if docker else None)

    return judged


def _only(verdict: Verdict) -> str:
    assert len(verdict.refused) == 1, verdict
    return verdict.refused[0]


def test_an_unchanged_platform_passes(verdict: Any) -> None:
    """Nothing to refuse and nothing to tell."""
    assert verdict(docker=_Docker()) == Verdict()


def test_nothing_deployed_yet(verdict: Any) -> None:
    """A first deployment has no data to lose."""
    assert verdict(state=[]) == Verdict()
    assert StackView().passwords == ()


def test_other_labels_of_a_volume_change_nothing(verdict: Any) -> None:
    """A volume's labels count only when it is made, so a relabelled one stays."""
    assert verdict({"databases.main": {"labels": {"team": "shop"}}}) == Verdict()


def test_a_renamed_database_is_refused(verdict: Any) -> None:
    """It would start empty; the safe way names volume, database and role."""
    text = _only(verdict({"databases": {"store": {}}}))
    assert "main: it would be replaced by store, which starts without the data of volume shop-prod-main-data" in text
    assert "safe: keep the name main; to rename it with its data, set protect: false for main" in text
    assert "databases.store.volume_name: shop-prod-main-data, and database and user as they are in main" in text


def test_a_renamed_database_with_its_volume_is_refused_while_it_is_protected(verdict: Any) -> None:
    """The engine would find out half-way: the credential and the volume's entry are protected."""
    renamed = {"databases": {"store": {"volume_name": "shop-prod-main-data"}}}
    assert "keep the name main" in _only(verdict(renamed))
    assert verdict(renamed, protect=False) == Verdict()


def test_a_renamed_cache_is_refused(verdict: Any) -> None:
    """As a database."""
    text = _only(verdict({"caches": {"jobs": {"persistence": "aof"}}}))
    assert "queue: it would be replaced by jobs" in text
    assert "caches.jobs.volume_name: shop-prod-queue-data" in text


def test_a_renamed_volume_is_refused(verdict: Any) -> None:
    """Its setting is called ``name``."""
    text = _only(verdict({"volumes": {"files": {}}}))
    assert "uploads: it would be replaced by files" in text
    assert "volumes.files.name: shop-prod-uploads" in text


@pytest.mark.parametrize(
    ("path", "part", "section", "volume"),
    [
        ("databases", "main", "databases", "shop-prod-main-data"),
        ("caches", "queue", "caches", "shop-prod-queue-data"),
        ("volumes", "uploads", "volumes", "shop-prod-uploads"),
    ],
)
def test_a_removed_store_is_refused(verdict: Any, path: str, part: str, section: str, volume: str) -> None:
    """Once: its password goes with it and is not told apart."""
    text = _only(verdict({path: {}}))
    assert f"{part}: it is no longer described under {section} with data, and would leave volume {volume}" in text
    assert f"slipway data remove {volume}" in text


def test_a_cache_that_stops_keeping_data_is_refused(verdict: Any) -> None:
    """Its volume would go with the persistence."""
    assert "queue: it is no longer described" in _only(verdict({"caches.queue": {"persistence": "none"}}))


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        ({"databases.main": {"volume_name": "other"}}, "databases.main.volume_name: shop-prod-main-data"),
        ({"caches.queue.volume_name": "other"}, "caches.queue.volume_name: shop-prod-queue-data"),
        ({"volumes.uploads": {"name": "other"}}, "volumes.uploads.name: shop-prod-uploads"),
    ],
)
def test_a_changed_volume_name_is_refused(verdict: Any, change: dict[str, Any], setting: str) -> None:
    """The part would start on another volume."""
    text = _only(verdict(change))
    assert "its data volume would be other and no longer" in text
    assert f"safe: set {setting}" in text


def test_a_changed_driver_is_refused(verdict: Any) -> None:
    """Docker would make the volume anew."""
    text = _only(verdict({"volumes.uploads": {"driver": "nfs"}}))
    assert "made anew by driver nfs instead of local" in text
    assert "keep driver: local" in text


def test_other_driver_options_change_nothing(verdict: Any) -> None:
    """They count only when the volume is made."""
    assert verdict({"volumes.uploads": {"driver_opts": {"type": "tmpfs"}}}) == Verdict()


def test_a_removed_generated_secret_is_refused(verdict: Any) -> None:
    """What was encrypted with it could not be opened any more."""
    text = _only(verdict({"secrets.session_key": None}))
    assert "session-key: its generated value would be deleted" in text


def test_a_generated_secret_that_becomes_a_written_one_is_refused(verdict: Any) -> None:
    """An encryption key would change."""
    assert "source: generated" in _only(verdict({"secrets.session_key": {"source": "config"}}))


def test_another_length_of_an_encryption_key_is_refused(verdict: Any) -> None:
    """It would be another key."""
    text = _only(verdict({"secrets.session_key.length": 64}))
    assert "a new value of 64 characters would take the place of the one of 32" in text
    assert "safe: set its length back to 32" in text


def test_an_image_of_another_major_version_is_refused(verdict: Any) -> None:
    """PostgreSQL can't read the data of another one; both are asked for theirs."""
    found = verdict({"databases.main": {"image": "db:new"}}, docker=_Docker("16", {"db:new": "17"}))
    assert "main: its data are those of PostgreSQL 16, and db:new is PostgreSQL 17" in _only(found)
    assert "safe: slipway upgrade database main --to 17: " in _only(found)
    assert verdict({"databases.main": {"image": "db:new"}}, docker=_Docker("16", {"db:new": "16"})) == Verdict()


def test_on_another_volume_another_version_meets_no_data(verdict: Any) -> None:
    """As an upgrade leaves it: then it is the volume's name that is judged."""
    change = {"databases.main": {"image": "db:new", "volume_name": "shop-prod-main-data-pg17"}}
    docker = _Docker("16", {"db:new": "17"})
    assert "its data volume would be shop-prod-main-data-pg17" in _only(verdict(change, docker=docker))
    assert verdict(change, docker=docker, protect=False).refused == ()


def test_an_image_that_is_not_here_yet_is_judged_by_its_tag(verdict: Any) -> None:
    """It is pulled later; one without a version is left to the server, which refuses too."""
    assert "is PostgreSQL 17" in _only(verdict({"databases.main": {"image": "r:5000/postgres:17.2"}}, docker=_Docker()))
    assert verdict({"databases.main": {"image": "postgres:stable"}}, docker=_Docker()) == Verdict()
    assert verdict({"databases.main": {"image": "postgres:17"}}, docker=_Docker(None)) == Verdict()
    assert verdict({"databases.main": {"image": "postgres:17"}}) == Verdict()


def test_a_server_that_is_gone_tells_no_version(verdict: Any) -> None:
    """Then the server itself finds out."""
    gone = _Docker()
    gone.vanished = {"server"}
    assert verdict({"databases.main": {"image": "postgres:17"}}, docker=gone) == Verdict()


def test_what_nothing_protects_is_told(verdict: Any) -> None:
    """In development it is allowed; the data stay on the host."""
    found = verdict({"databases": {}, "secrets.session_key": None}, protect=False)
    assert found.refused == ()
    (note,) = found.notes
    assert note.startswith("main: it is no longer described under databases with data, and would leave volume shop-")
    assert note.endswith("; its data stay on the host, unused (slipway data list)")


def test_all_reasons_are_told_at_once(verdict: Any) -> None:
    """One error with each of them."""
    with pytest.raises(DataInDanger, match=r"(?s)^refused, nothing was touched:\n  main: .*\n  uploads: "):
        verdict({"databases": {}, "volumes": {}}).refuse()
    Verdict().refuse()


AI: dict[str, Any] = {
    "vector_stores": {"docs": {"image": "qdrant:1"}},
    "model_servers": {"llm": {"image": "ollama:1", "keeper_image": "models:1"}},
}


class TestVectorStoresAndModels:
    """Data of theirs are data."""

    def state(self) -> list[dict[str, Any]]:
        volume, password = "docker:index/volume:Volume", "random:index/randomPassword:RandomPassword"
        store, server = f"slipway:index:VectorStore${volume}", f"slipway:index:ModelServer${volume}"
        return [
            *_state(),
            _volume(f"{store}::docs-data", "shop-prod-docs-data"),
            _volume(f"{store}::docs-snapshots", "shop-prod-docs-snapshots", protect=False),
            _volume(f"{server}::llm-data", "shop-prod-llm-data"),
            _password(f"slipway:index:VectorStore${password}::docs-key"),
        ]

    def test_as_they_are(self, verdict: Any) -> None:
        """Nothing to say."""
        assert verdict(AI, state=self.state()) == Verdict()

    def test_a_store_that_is_gone(self, verdict: Any) -> None:
        """Its data are refused once; its key goes with it, and its snapshots are told of."""
        given = {"model_servers": AI["model_servers"], "vector_stores": {}}
        found = verdict(given, state=self.state())
        assert len(found.refused) == 1
        assert found.refused[0].startswith("  docs: it is no longer described under vector_stores with data")
        assert [note.partition(":")[0] for note in found.notes] == ["docs"]

    def test_a_server_that_is_renamed(self, verdict: Any) -> None:
        """Models that took hours to come would be fetched again."""
        renamed = {"vector_stores": AI["vector_stores"], "model_servers": {"ai": AI["model_servers"]["llm"]}}
        found = verdict(renamed, state=self.state())
        assert found.refused[0].startswith("  llm: it would be replaced by ai, which starts without the data")
        assert "model_servers.ai.volume_name: shop-prod-llm-data" in found.refused[0]

    def test_other_snapshots(self, verdict: Any) -> None:
        """They are not protected, so it is said."""
        changed = {**AI, "vector_stores": {"docs": {"image": "qdrant:1", "snapshots_volume_name": "elsewhere"}}}
        assert verdict(changed, state=self.state()) == Verdict(
            notes=(
                (
                    "docs: its data volume would be elsewhere and no longer shop-prod-docs-snapshots; its data stay on"
                    " the host, unused (slipway data list)"
                ),
            )
        )


BACKUPS = [
    _volume("slipway:index:BackupJob$docker:index/volume:Volume::backups-data", "shop-prod-backups-data"),
    _password("slipway:index:BackupJob$random:index/randomPassword:RandomPassword::backups-passphrase", length=40),
]


class TestBackups:
    """Backups are data too, and their passphrase is what opens them."""

    def test_described_they_are_in_no_danger(self, verdict: Any) -> None:
        described = {"backups": {"image": "backup:15"}}
        assert verdict(described, state=[*_state(), *BACKUPS]) == Verdict()

    def test_no_longer_described_they_are_refused_with_the_way(self, verdict: Any) -> None:
        found = verdict(state=[*_state(), *BACKUPS])
        assert len(found.refused) == 1
        assert "would leave volume shop-prod-backups-data" in found.refused[0]
        assert "protect_data: false" in found.refused[0]

    def test_another_volume_would_begin_without_them(self, verdict: Any) -> None:
        (text,) = verdict(
            {"backups": {"image": "backup:15", "volume_name": "other"}}, state=[*_state(), *BACKUPS]
        ).refused
        assert "set backups.volume_name: shop-prod-backups-data" in text

    def test_a_passphrase_of_ones_own_does_not_silently_replace_it(self, verdict: Any) -> None:
        """What was stored with the old one could not be read with the new one."""
        own = {"backups": {"image": "backup:15", "passphrase": "session_key"}}
        (text,) = verdict(own, state=[*_state(), *BACKUPS]).refused
        assert "backups: its generated value would be deleted" in text
