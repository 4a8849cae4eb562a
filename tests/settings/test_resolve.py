"""Defaults that depend on the rest of the description."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from settings import Loaded, SettingsError, load_catalogue
from settings.model import Condition

Accepted = Callable[..., Loaded]


def test_names_on_the_host_are_those_of_project_stack_and_part(accepted: Accepted) -> None:
    platform = accepted({"volumes": {"uploads": {}, "old": {"name": "legacy_data"}}}).platform
    assert platform.volumes["uploads"].name == "slipway-dev-uploads"
    assert platform.volumes["old"].name == "legacy_data"
    assert platform.databases["main"].volume_name == "slipway-dev-main-data"
    assert platform.caches["queue"].volume_name == "slipway-dev-queue-data"


def test_a_database_and_its_role_are_called_by_its_key(accepted: Accepted) -> None:
    database = accepted({"databases": {"user-data": {}}}).platform.databases["user-data"]
    assert (database.database, database.user) == ("user_data", "user_data")


@pytest.mark.parametrize("protect", [True, False])
def test_data_is_protected_as_the_platform_says_unless_a_part_says_otherwise(accepted: Accepted, protect: bool) -> None:
    patch = {"protect_data": protect, "volumes": {"a": {}, "b": {"protect": not protect}}}
    platform = accepted(patch).platform
    assert platform.databases["main"].protect is protect
    assert platform.caches["queue"].protect is protect
    assert platform.volumes["a"].protect is protect
    assert platform.volumes["b"].protect is not protect


def test_data_is_protected_by_default(accepted: Accepted) -> None:
    assert accepted().platform.databases["main"].protect is True


def test_a_cache_that_keeps_nothing_has_nothing_to_protect(accepted: Accepted) -> None:
    cache = accepted({"caches": {"queue": {"persistence": "none"}}}).platform.caches["queue"]
    assert (cache.volume_name, cache.protect) == (None, False)


def test_a_caches_data_has_three_quarters_of_its_memory(accepted: Accepted) -> None:
    assert accepted({"caches": {"queue": {"memory": "256MiB"}}}).platform.caches["queue"].max_memory_mib == 192


def test_references_imply_needs_and_explicit_ones_win(accepted: Accepted) -> None:
    quiet = {"image": "a:1", "port": 80, "relax": {"health": "it answers nobody at all"}}
    env = {"A": "${databases.main.url} ${services.api.url}", "B": "${services.quiet.url}", "C": "${caches.queue.host}"}
    worker = {"image": "a:1", "env": env, "needs": {"queue": "started", "migrate": "completed"}}
    loaded = accepted({"services": {"quiet": quiet}, "workers": {"runner": worker}})
    assert loaded.platform.workers["runner"].needs == {
        "main": Condition.HEALTHY,
        "api": Condition.HEALTHY,
        "quiet": Condition.STARTED,
        "queue": Condition.STARTED,
        "migrate": Condition.COMPLETED,
    }


def test_images_come_from_the_catalogue_by_family(accepted: Accepted) -> None:
    sample = {"workers": {"runner": {"image": "slipway/sample"}}}
    official = accepted(sample).platform
    debian = accepted(sample | {"images": {"family": "debian"}}).platform
    assert official.databases["main"].image == "postgres:16-alpine@sha256:aa"
    assert debian.databases["main"].image == "slipway/postgres:15-abc"
    assert official.gateway is not None
    assert official.gateway.image == "nginx:1.27@sha256:cc"
    assert official.workers["runner"].image == debian.workers["runner"].image == "slipway/sample:0.1.0-abc"


def test_what_an_image_needs_comes_from_the_catalogue(accepted: Accepted) -> None:
    worker = accepted({"workers": {"runner": {"image": "slipway/sample"}}}).platform.workers["runner"]
    assert (worker.user, worker.tmpfs) == ("10042:10042", {"/tmp": 64, "/run/sample": 8})  # noqa: S108
    own = {"image": "slipway/sample", "user": "1:1", "tmpfs": {"/x": "1MiB"}}
    worker = accepted({"workers": {"runner": own}}).platform.workers["runner"]
    assert (worker.user, worker.tmpfs) == ("1:1", {"/x": 1})


def test_an_unknown_image_runs_as_nobody_in_particular(accepted: Accepted) -> None:
    assert accepted().platform.workers["runner"].user == "10001:10001"


@pytest.mark.parametrize(
    ("networks", "store", "worker", "gateway"),
    [
        ("{edge: {}, backend: {internal: true}}", ["backend"], ["backend"], ["edge", "backend"]),
        ("{backend: {internal: true}, edge: {}}", ["backend"], ["backend"], ["backend", "edge"]),
        ("{one: {}, two: {}}", ["one"], ["one"], ["one"]),
        ("{one: {internal: true}, two: {internal: true}}", ["one"], ["one"], ["one"]),
        ("{a: {internal: true}, b: {}, c: {}, d: {internal: true}}", ["a"], ["a"], ["a", "b"]),
    ],
)
def test_networks_are_chosen_by_their_order(
    project: Any, networks: str, store: list[str], worker: list[str], gateway: list[str]
) -> None:
    project.write(
        "blueprints/app.yaml",
        f"""
        name: app
        networks: {networks}
        databases: {{main: {{}}}}
        services: {{api: {{image: "a:1", port: 80, health: {{path: /}}}}}}
        gateway: {{routes: [{{to: api}}]}}
        """,
    )
    platform = project.load().platform
    assert platform.databases["main"].networks == store
    assert platform.services["api"].networks == worker
    assert platform.gateway.networks == gateway


def test_a_worker_on_the_hosts_network_joins_no_other(accepted: Accepted) -> None:
    patch = {"workers": {"runner": {"host_network": True, "relax": {"host_network": "scans the host"}}}}
    assert accepted(patch).platform.workers["runner"].networks == []


def test_nothing_that_components_need_is_left_open(accepted: Accepted) -> None:
    platform = accepted({"volumes": {"a": {}}}).platform
    for store in (*platform.databases.values(), *platform.caches.values()):
        assert None not in (store.image, store.networks, store.protect, store.volume_name)
    for workload in (*platform.services.values(), *platform.workers.values(), *platform.jobs.values()):
        assert None not in (workload.image, workload.user, workload.networks)


class TestCatalogue:
    def test_both_files_may_be_missing(self, project: Any) -> None:
        for file in ("lock", "catalogue"):
            (project.root / f"images/{file}.yaml").unlink()
        assert load_catalogue(project.root).roles == ()

    def test_other_facts_are_kept(self, project: Any) -> None:
        project.write("images/catalogue.yaml", "images: {redis: {official: {data_dir: /data, tmpfs: {/cache: 16MiB}}}}")
        image = load_catalogue(project.root).image("redis", "official")
        assert (image.facts, image.tmpfs, image.user) == ({"data_dir": "/data"}, {"/cache": 16}, None)

    def test_an_only_family_stands_for_all(self, project: Any) -> None:
        assert load_catalogue(project.root).image("sample", "official").family == "debian"

    def test_an_unknown_role_or_family_is_not_found(self, project: Any) -> None:
        catalogue = load_catalogue(project.root)
        assert catalogue.find("sampel", "official") is None
        with pytest.raises(KeyError):
            catalogue.image("postgres", "alpine")

    @pytest.mark.parametrize(
        ("file", "text", "message"),
        [
            ("lock", "images: {redis: {official: 5}}", "must be an image reference"),
            ("catalogue", "images: {redis: {official: {tmpfs: {/tmp: big}}}}", "can't be used: a size with its unit"),
        ],
    )
    def test_a_broken_file_is_refused(self, project: Any, file: str, text: str, message: str) -> None:
        project.write(f"images/{file}.yaml", text)
        with pytest.raises(SettingsError, match=message):
            load_catalogue(project.root)
