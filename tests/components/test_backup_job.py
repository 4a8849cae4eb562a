"""Backups: who reads what as whom, and that no secret stands where everybody can see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components import (
    BackupJob,
    BackupJobArgs,
    Cache,
    CacheArgs,
    CacheToBackUp,
    Database,
    DatabaseArgs,
    DatabaseToBackUp,
    Network,
    PointInTime,
    S3Destination,
    VolumeToBackUp,
)
from components.composition import compose
from settings import StackSource, load_catalogue, load_platform
from testing import Graph, render

ROOT = Path(__file__).resolve().parents[2]


def _program(**more: Any) -> None:
    backend = Network("backend").attach("backups")
    main = Database("main", DatabaseArgs(image="postgres", networks=[backend]))
    queue = Cache("queue", CacheArgs(image="redis", networks=[backend]))
    BackupJob(
        "backups",
        BackupJobArgs(
            image="backup",
            project="shop",
            stack="prod",
            platform="shop",
            databases=[
                DatabaseToBackUp(
                    name="main",
                    host="main",
                    database="main",
                    role=main.role,
                    password=main.password,
                    server=main.container,
                )
            ],
            caches=[CacheToBackUp(name="queue", host="queue", password=queue.password, server=queue.container)],
            volumes=[
                VolumeToBackUp(name="uploads", volume_name="shop-uploads", user="10001:10001"),
                VolumeToBackUp(name="mails", volume_name="shop-mails", user="10001:10001"),
                VolumeToBackUp(name="notes", volume_name="shop-notes", user="1000:1000"),
            ],
            networks=[backend],
            **more,
        ),
    )


def _graph(**more: Any) -> Graph:
    return render(lambda: _program(**more))


def test_its_children_are_these() -> None:
    """Every one has a reason; a new one is a decision."""
    graph = _graph()
    own = {resource.name for resource in graph if resource.custom and resource.name.startswith("backups-")}
    assert own == {
        "backups-passphrase",
        "backups-main-password",
        "backups-main-role",
        "backups-main-role-secrets-carrier",
        "backups-main-role-secrets-key",
        "backups-main-role-secrets-run-secrets",
        "backups-data",
        "backups-work",
        "backups-sockets",
        "backups-reader-10001-10001",
        "backups-reader-1000-1000",
        "backups-files-carrier",
        "backups-files-etc-slipway_-backup",
        "backups-secrets-carrier",
        "backups-secrets-key",
        "backups-secrets-run-secrets",
        "backups-server",
    }


def test_what_is_kept_is_protected_and_what_can_be_made_again_is_not() -> None:
    graph = _graph()
    assert (graph["backups-data"].options.protect, graph["backups-data"].options.retain_on_delete) == (True, True)
    assert graph["backups-passphrase"].options.protect is True
    assert not graph["backups-work"].options.protect
    open_graph = _graph(protect=False)
    assert not open_graph["backups-data"].options.protect
    assert open_graph["backups-data"].options.retain_on_delete is True


def test_each_volume_is_read_only_as_its_own_user_without_a_network() -> None:
    """No capability is given to read what is another's."""
    graph = _graph()
    reader = graph["backups-reader-10001-10001"].inputs
    assert (reader["user"], reader["networkMode"]) == ("10001:10001", "none")
    mounts = {item["containerPath"]: item.get("readOnly") for item in reader["volumes"]}
    assert mounts["/data/uploads"] is True
    assert mounts["/data/mails"] is True
    assert "/data/notes" not in mounts
    for name in ("backups-server", "backups-reader-10001-10001", "backups-reader-1000-1000", "backups-main-role"):
        capabilities = graph[name].inputs["capabilities"]
        assert capabilities["drops"] == ["ALL"], name
        assert not capabilities.get("adds"), name
        assert graph[name].inputs["readOnly"] is True, name


def _paused(**more: Any) -> Graph:
    """Return a graph in which one of three volumes is archived with its services paused."""

    def program() -> None:
        BackupJob(
            "backups",
            BackupJobArgs(
                image="backup",
                project="shop",
                stack="prod",
                platform="shop",
                volumes=[
                    VolumeToBackUp(name="uploads", volume_name="shop-uploads", user="10001:10001", pause=True),
                    VolumeToBackUp(name="notes", volume_name="shop-notes", user="1000:1000"),
                ],
                **more,
            ),
        )

    return render(program)


def _with_docker(graph: Graph) -> list[str]:
    """Return the containers that have a folder or file of the host."""
    return [
        resource.name
        for resource in graph
        if any(item.get("hostPath") for item in resource.inputs.get("volumes") or () if isinstance(item, dict))
    ]


def test_nobody_has_dockers_socket_unless_services_are_to_be_paused() -> None:
    """And then the pauser alone, with nothing else that could be of use to whoever comes into it."""
    assert _with_docker(_graph()) == []
    graph = _paused()
    assert _with_docker(graph) == ["backups-pauser"]
    pauser = graph["backups-pauser"].inputs
    assert {item.get("hostPath"): item["containerPath"] for item in pauser["volumes"] if item.get("hostPath")} == {
        "/var/run/docker.sock": "/var/run/docker.sock"
    }
    assert [item["containerPath"] for item in pauser["volumes"]] == ["/run/pauser", "/var/run/docker.sock"]
    assert (pauser["networkMode"], pauser["readOnly"], pauser["user"]) == ("none", True, "0:0")
    assert pauser["capabilities"] == {"drops": ["ALL"]}
    assert pauser["securityOpts"] == ["no-new-privileges:true"]
    assert pauser["entrypoints"] == ["python3", "-m", "slipway_backup.pausing"]
    assert pauser["command"] == [
        "serve", "/run/pauser/socket", "--project", "shop", "--stack", "prod", "--limit", "60", "uploads=shop-uploads",
    ]  # fmt: skip
    assert "backups-secrets" not in str(pauser)


def test_only_who_makes_backups_can_ask_the_pauser() -> None:
    """By a volume that it can't write: what the pauser notes there is the pauser's own."""
    graph = _paused(pause_limit_s=90.0, docker_socket="/run/user/1000/docker.sock")
    there = {
        resource.name: item.get("readOnly")
        for resource in graph
        for item in resource.inputs.get("volumes") or ()
        if isinstance(item, dict) and item["containerPath"] == "/run/pauser"
    }
    assert there == {"backups-pauser": None, "backups-server": True}
    assert graph["backups-server"].depends_on("backups-pauser")
    assert "90" in graph["backups-pauser"].inputs["command"]
    assert "/run/user/1000/docker.sock" in str(graph["backups-pauser"].inputs["volumes"])
    (upload,) = [item for item in graph["backups-files-carrier"].inputs["uploads"] if item["file"].endswith(".json")]
    stores = {store["name"]: store.get("pauser") for store in json.loads(upload["content"])["stores"]}
    assert stores == {"uploads": "/run/pauser/socket", "notes": None, "checkpoint": None}


def test_its_role_is_there_before_it_is_used() -> None:
    graph = _graph()
    assert graph["backups-server"].depends_on("backups-main-role")
    assert graph["backups-main-role"].depends_on("main-server")


def test_for_moments_there_is_a_login_that_replicates_and_nothing_else() -> None:
    """It comes with the other role, in the container that runs once; its password is a file, too."""
    graph = _graph(point_in_time=PointInTime(ship_every_s=5, wal_limit_mib=64))
    plain = {resource.name for resource in _graph()}
    assert {resource.name for resource in graph} - plain == {"backups-main-log-password"}
    made = graph["backups-main-role"].inputs
    assert "LOGIN REPLICATION NOINHERIT NOSUPERUSER" in made["entrypoints"][2]
    assert "LOG_ROLE=slipway_log" in made["envs"]
    (upload,) = [
        item
        for item in graph["backups-files-carrier"].inputs["uploads"]
        if item["file"] == "/etc/slipway-backup/config.json"
    ]
    document = json.loads(upload["content"])
    assert document["point_in_time"]["wal_limit_bytes"] == 64 << 20
    (store,) = [item for item in document["stores"] if item["kind"] == "postgres"]
    assert store["log_user"] == "slipway_log"
    assert store["log_password_file"] in {item["file"] for item in graph["backups-secrets-carrier"].inputs["uploads"]}


def test_the_configuration_holds_no_secret() -> None:
    """It is plain text in the state and in previews; secrets are files that it names."""

    def program() -> None:
        secret = pulumi.Output.secret
        place = S3Destination(
            name="far",
            endpoint="https://s3.example.org",
            bucket="b",
            prefix="shop/prod",
            access_key=secret("the-key-id"),
            secret_key=secret("the-key"),
        )
        _program(s3=[place], passphrase=secret("the-phrase"), webhook=secret("the-hook"))

    graph = render(program)
    (upload,) = [
        item
        for item in graph["backups-files-carrier"].inputs["uploads"]
        if item["file"] == "/etc/slipway-backup/config.json"
    ]
    document = json.loads(upload["content"])
    assert [store["name"] for store in document["stores"]] == [
        "main", "queue", "uploads", "mails", "notes", "checkpoint",
    ]  # fmt: skip
    assert [place["kind"] for place in document["destinations"]] == ["local", "s3"]
    for secret in ("the-key-id", "the-key", "the-phrase", "the-hook"):
        assert secret not in upload["content"]
    names = {item["file"] for item in graph["backups-secrets-carrier"].inputs["uploads"]}
    named = {value for store in document["stores"] for key, value in store.items() if key.endswith("_file")}
    named |= {value for item in document["destinations"] for key, value in item.items() if key.endswith("_key_file")}
    named |= {document["passphrase_file"], document["webhook"]["url_file"]}
    assert named == names
    assert "backups-passphrase" not in {resource.name for resource in graph}


def test_a_place_is_needed() -> None:
    with pytest.raises(Exception, match="a destination is needed"):
        _graph(local=None)


def test_a_described_platform_has_them() -> None:
    """From the description to the components, with its volume's user and without what is excluded."""
    source = StackSource(
        root=ROOT,
        project="slipway",
        stack="dev",
        environment="dev",
        overrides={
            "images": {"family": "debian"},
            "volumes": {"uploads": {}},
            "vector_stores": {"docs": {"image": "c/d:1"}},
            "model_servers": {"llm": {"image": "e/f:1", "keeper_image": "g/h:1"}},
            "services": {"api": {"volumes": ["uploads:/data"], "user": "12345:12345"}},
            "secrets": {"far_password": {"source": "generated"}},
            "databases": {"far": {"external": {"host": "db.example.org", "password": "far_password"}}},
            "backups": {"exclude": ["queue"], "pause": ["uploads"], "schedule": "30 1 * * mon"},
        },
    )
    loaded = load_platform(source)
    graph = render(lambda: compose(loaded, load_catalogue(ROOT), lambda _: pulumi.Output.secret("x")))
    (upload,) = [
        item
        for item in graph["backups-files-carrier"].inputs["uploads"]
        if item["file"] == "/etc/slipway-backup/config.json"
    ]
    document = json.loads(upload["content"])
    assert [store["name"] for store in document["stores"]] == ["main", "far", "docs", "llm", "uploads", "checkpoint"]
    assert document["stores"][1] == {
        "name": "far", "kind": "postgres", "host": "db.example.org", "port": 5432, "database": "far", "user": "far",
        "password_file": "/run/secrets/database-far", "external": True, "sslmode": "require", "ca_file": None,
    }  # fmt: skip
    assert "backups-far-role" not in {resource.name for resource in graph}
    assert all(graph["backups-server"].depends_on(name) for name in ("docs-server", "llm-server-0"))
    assert document["schedule"] == "30 1 * * mon"
    assert graph["backups-reader-12345-12345"].inputs["user"] == "12345:12345"
    assert graph["backups-data"].inputs["name"] == "slipway-dev-backups-data"
    assert graph["backups-pauser"].inputs["command"][-1] == "uploads=slipway-dev-uploads"
    assert [log.message for log in graph.logs if log.severity == "warning"] == [
        "backups-pauser has Docker's socket, which is every right on the host: backups.pause of uploads"
    ]
