"""The steps of a restore that talk to Docker: what a live server is asked, what is held, what a kit holds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import docker.errors
import pytest

from operate.find_containers import Found
from operate.hold import hold
from operate.live_postgres import LivePostgres, ServerRefused, beside
from operate.outside_postgres import Outside
from operate.recovery import Kit, RecoveryRefused, put_back, read_kit, write_kit
from operate.restore_source import Stores
from operate.restoring import Restore

if TYPE_CHECKING:
    import docker

LONG = "d" * 70


@dataclass
class FakeServer:
    """A database server's container that answers as it is told."""

    answers: dict[str, str] = field(default_factory=dict)
    code: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)

    @property
    def api(self) -> FakeServer:
        return self

    def exec_create(self, _container: str, command: list[str], environment: dict[str, str]) -> dict[str, str]:
        self.commands.append(command)
        self.asked.append(environment)
        return {"Id": "exec"}

    def exec_start(self, _id: str, *, demux: bool) -> tuple[bytes, bytes]:
        assert demux
        statements = self.asked[-1].get("STATEMENTS", "")
        found = next((text for words, text in self.answers.items() if words in statements), "")
        return found.encode(), b"ERROR: no" if self.code else b""

    def exec_inspect(self, _id: str) -> dict[str, int]:
        return {"ExitCode": self.code}

    def live(self) -> LivePostgres:
        """Return what asks it."""
        return LivePostgres(cast("docker.DockerClient", self), "container", "main")


def test_both_names_change_in_one_transaction() -> None:
    """A crash between the two would leave no live database."""
    server = FakeServer()
    kept = server.live().swap("main", "20261129T020000Z")
    assert kept == "main__before_20261129T020000Z"
    lines = server.asked[0]["STATEMENTS"].splitlines()
    assert lines[2:] == [
        "BEGIN;",
        'ALTER DATABASE "main" RENAME TO "main__before_20261129T020000Z";',
        'ALTER DATABASE "main__restoring" RENAME TO "main";',
        "COMMIT;",
    ]


def test_long_names_keep_their_ends() -> None:
    """PostgreSQL cuts at 63 bytes; two names that are cut alike would be one."""
    assert beside(LONG).endswith("__restoring")
    assert len(beside("ä" * 60).encode()) <= 63
    kept = FakeServer().live().swap(LONG, "20261129T020000Z")
    assert kept.endswith("__before_20261129T020000Z")
    assert len(kept.encode()) <= 63


def test_names_and_passwords_are_quoted_and_in_no_argument() -> None:
    """A name is what somebody has chosen; what is in arguments, everybody on the machine sees."""
    server = FakeServer()
    server.live().swap('a"b', "20261129T020000Z")
    assert 'ALTER DATABASE "a""b" RENAME' in server.asked[0]["STATEMENTS"]
    server.live().make_login("it's secret")
    assert "PASSWORD 'it''s secret'" in server.asked[1]["STATEMENTS"]
    assert "secret" not in json.dumps(server.commands)


def test_what_was_replaced_is_told_from_other_databases() -> None:
    """By the moment in its name: a database that somebody has called alike is not removed."""
    answer = "main\t9\nmain__before_20261129T020000Z\t8\nmain__before_christmas\t7\nmain__before_20250101T000000Z\t6"
    kept = FakeServer({"pg_database_size": answer}).live().kept()
    assert [(item.live, item.replaced, item.size) for item in kept] == [
        ("main", "20250101T000000Z", 6),
        ("main", "20261129T020000Z", 8),
    ]


def test_a_refusal_names_the_part_and_what_the_server_said() -> None:
    """And not what was asked, which may hold a password."""
    with pytest.raises(ServerRefused, match=r"main: .*ERROR: no") as caught:
        FakeServer(code=1).live().make_login("secret")
    assert "secret" not in str(caught.value)


@dataclass
class FakePausing:
    """A Docker that pauses."""

    fails_at: str = ""
    paused: list[str] = field(default_factory=list)

    @property
    def api(self) -> FakePausing:
        return self

    def pause(self, container: str) -> None:
        if container == self.fails_at:
            raise docker.errors.APIError("it is gone")
        self.paused.append(container)

    def unpause(self, container: str) -> None:
        self.paused.remove(container)


def _found(*names: str) -> list[Found]:
    return [Found(name, name, name, "replica", 0, running=True) for name in names]


def test_what_is_held_goes_on_whatever_happens() -> None:
    """Also when one of several can't be held."""
    fake = FakePausing()

    def fail() -> None:
        with hold(cast("docker.DockerClient", fake), _found("a", "b")) as held:
            assert held == ["a", "b"] == fake.paused
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert fake.paused == []
    fake.fails_at = "b"
    with pytest.raises(docker.errors.APIError), hold(cast("docker.DockerClient", fake), _found("a", "b")):
        pass
    assert fake.paused == []


KIT = Kit("shop", "prod", {"destinations": []}, {"/run/secrets/key": "s3cret"}, "passphrase")


def test_a_kit_is_for_its_owner_alone_and_never_written_over(tmp_path: Path) -> None:
    """It opens everything."""
    file = tmp_path / "kit"
    write_kit(KIT, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_kit(file) == KIT
    assert "s3cret" not in repr(KIT)
    with pytest.raises(RecoveryRefused, match="can't make"):
        write_kit(KIT, file)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "project": "shop"}'])
def test_what_is_no_kit_is_refused(tmp_path: Path, text: str) -> None:
    """With the command that makes one."""
    file = tmp_path / "kit"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RecoveryRefused):
        read_kit(file)


def test_state_is_put_back_only_where_there_is_none(tmp_path: Path) -> None:
    """Settings that are there, from git perhaps, stay."""
    files: dict[str, Any] = {"prod.json": b"state", "Pulumi.prod.yaml": b"old", "facts.json": b"{}"}
    root, state = tmp_path, tmp_path / ".state"
    (root / "Pulumi.prod.yaml").write_bytes(b"from git")
    written = put_back(files, KIT, root, state)
    assert written == [".state/.pulumi/stacks/shop/prod.json", ".state/passphrase"]
    assert (root / "Pulumi.prod.yaml").read_bytes() == b"from git"
    assert (state / "passphrase").read_text(encoding="utf-8") == "passphrase\n"
    with pytest.raises(RecoveryRefused, match="slipway restore"):
        put_back(files, KIT, root, state)


class FakeScheduler:
    """Has one backup, of a database of ours, one of somebody else's, and a list of models."""

    def ask(self, *words: str) -> Any:
        stores = [
            {"name": "main", "kind": "postgres", "content": {}},
            {"name": "warehouse", "kind": "postgres", "content": {}},
            {"name": "models", "kind": "ollama", "content": {}},
        ]
        assert words[0] == "show"
        return {"manifest": {"started": "2026-11-29T02:00:00Z", "stores": stores}, "verified": True}


def test_a_database_of_others_comes_back_only_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost host, or a hasty restore of everything, is no reason to turn back what others use."""
    monkeypatch.setattr("operate.restoring.find_scheduler", lambda *_: FakeScheduler())
    places = {"warehouse": Outside("db.example.org", 5432, "shop", "require")}
    stores = Stores({}, {"main": "main", "warehouse": "shop"}, places)
    restore = Restore(cast("docker.DockerClient", None), "shop", "prod", stores, lambda _: None)
    found = restore.choose("20261129T020000Z-3f9a", ())
    assert list(found.stores) == ["main"]
    assert found.left_out == ["models (ollama)", "warehouse (external: --only warehouse)"]
    assert list(restore.choose("20261129T020000Z-3f9a", ["warehouse"]).stores) == ["warehouse"]
