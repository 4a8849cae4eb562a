"""Database: PostgreSQL whose data survives every change, with a password that only files hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components import Database, DatabaseArgs, Network, PublishedPort
from testing import Graph, render

ARGS = DatabaseArgs(image="postgres:16", data_dir="/data")


def _database(args: DatabaseArgs = ARGS) -> Graph:
    return render(lambda: Database("main", args))


def test_children() -> None:
    """A password, files, a volume, a server."""
    graph = _database()
    assert sorted((child.type, child.name) for child in graph.children("main")) == [
        ("docker:index/container:Container", "main-server"),
        ("docker:index/volume:Volume", "main-data"),
        ("random:index/randomPassword:RandomPassword", "main-password"),
        ("slipway:index:SecretFiles", "main-secrets"),
    ]


def test_data_is_protected_kept_and_never_relabelled() -> None:
    """Relabelling a volume deletes it; destroying the platform leaves it."""
    data = _database(replace(ARGS, volume_labels={"slipway.part": "main"}))["main-data"]
    assert data.options.protect is True
    assert data.options.retain_on_delete is True
    assert set(data.options.ignore_changes) == {"labels", "driverOpts"}


def test_the_password_is_protected() -> None:
    """Without it the data can't be read."""
    assert _database()["main-password"].options.protect is True


def test_the_key_that_hashes_its_files_may_be_given() -> None:
    """A platform has one for all of its parts."""
    assert "main-secrets-key" in _database()
    assert "main-secrets-key" not in _database(replace(ARGS, files_key="one for all"))


def test_development_may_do_without_protection() -> None:
    """But data is kept all the same."""
    graph = _database(replace(ARGS, protect=False))
    assert not any(resource.options.protect for resource in graph)
    assert graph["main-data"].options.retain_on_delete is True


def test_no_input_of_the_data_volume_comes_from_another_resource() -> None:
    """An unknown in a volume's input would replace the volume, and its data."""
    data = _database(replace(ARGS, volume_name="slipway-dev-main-data"))["main-data"]
    assert data.dependencies == frozenset()
    assert data.inputs["name"] == "slipway-dev-main-data"


def test_the_server_is_replaced_delete_first_and_waited_for() -> None:
    """One writer at a time, stopped with its own grace."""
    server = _database()["main-server"]
    assert server.options.delete_before_replace is True
    assert server.inputs["stopSignal"] == "SIGINT"
    assert server.inputs["destroyGraceSeconds"] == server.inputs["stopTimeout"] == 60
    assert server.inputs["wait"] is True
    assert server.inputs["init"] is False
    assert server.depends_on("main-secrets-carrier")


def test_the_health_check_asks_over_tcp() -> None:
    """The entrypoint's first, temporary server listens on the socket only."""
    tests = _database()["main-server"].inputs["healthcheck"]["tests"]
    assert tests[tests.index("-h") + 1] == "127.0.0.1"


def test_clients_get_a_url_with_the_password_and_one_without() -> None:
    """Names are quoted; the password has no special characters to quote."""
    seen: dict[str, str] = {}

    def program() -> None:
        database = Database("main", replace(ARGS, database="shop", role="shop-owner"))
        database.url.apply(lambda url: seen.update(url=url))
        seen["plain"] = database.url_without_password

    graph = render(program)
    password = graph["main-password"].outputs["result"]
    assert seen == {
        "url": f"postgresql://shop-owner:{password}@main:5432/shop",
        "plain": "postgresql://shop-owner@main:5432/shop",
    }
    assert graph["main"].secret_outputs == {"url"}
    assert graph["main-password"].inputs == {"length": 32, "special": False}
    assert graph.leaks() == ()


def test_settings_and_first_scripts() -> None:
    """Settings are flags, scripts are files of the first start."""
    graph = _database(replace(ARGS, settings={"max_connections": "50"}, init={"10-schema.sql": "create schema app;"}))
    assert graph["main-server"].inputs["command"] == [
        "postgres",
        "-c",
        "listen_addresses=*",
        "-c",
        "max_connections=50",
        "-c",
        "max_slot_wal_keep_size=1GB",
    ]
    assert "main-secrets-docker_-entrypoint_-initdb.d" in graph


def test_a_slot_that_nobody_reads_does_not_fill_the_disk() -> None:
    """It outlives the backups that have made it; who needs more says so."""
    command = _database(replace(ARGS, settings={"max_slot_wal_keep_size": "9GB"}))["main-server"].inputs["command"]
    assert "max_slot_wal_keep_size=9GB" in command
    assert "max_slot_wal_keep_size=1GB" not in command


def test_a_published_port_listens_on_this_machine_only() -> None:
    """The default address of a published port."""
    server = _database(replace(ARGS, publish=[PublishedPort(port=5432, host_port=15432)]))["main-server"]
    assert server.inputs["ports"] == [{"internal": 5432, "external": 15432, "ip": "127.0.0.1", "protocol": "tcp"}]


@pytest.mark.parametrize(
    "change",
    [
        {"image": "postgres:17"},
        {"memory_mib": 1024},
        {"settings": {"work_mem": "8MB"}},
        {"cpus": 2.0},
        {"labels": {"a": "b"}},
        {"volume_labels": {"a": "b"}},
        {"health_interval_s": 1.0},
        {"shm_size_mib": 256},
    ],
    ids=lambda change: next(iter(change)),
)
def test_no_change_of_the_server_touches_its_data(change: dict[str, object]) -> None:
    """The data volume's inputs stay the same, apart from labels, which are ignored once it exists."""
    ignored = {"labels"}

    def inputs(args: DatabaseArgs) -> dict[str, object]:
        return {key: value for key, value in _database(args)["main-data"].inputs.items() if key not in ignored}

    assert inputs(ARGS) == inputs(replace(ARGS, **change))  # type: ignore[arg-type] # a field and its value


def test_it_is_found_by_its_name_on_its_networks() -> None:
    """The component's name unless another is given."""

    def program() -> None:
        network = Network("backend")
        database = Database("main", replace(ARGS, host="db", networks=[network.attach("db")]))
        assert database.host == "db"

    assert render(program)["main-server"].inputs["networksAdvanced"][0]["aliases"] == ["db"]
