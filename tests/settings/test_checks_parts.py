"""Names, needs and jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from settings import Loaded, Problem

Refused = Callable[..., Problem]
Accepted = Callable[..., Loaded]


def runner(**fields: Any) -> dict[str, Any]:
    return {"workers": {"runner": fields}}


def web(**fields: Any) -> dict[str, Any]:
    return {"image": "acme/web:1.0", "port": 3000, "health": {"path": "/"}, **fields}


class TestNames:
    @pytest.mark.parametrize("section", ["workers", "jobs", "databases", "caches"])
    def test_a_name_is_used_once(self, all_refused: Callable[..., tuple[Problem, ...]], section: str) -> None:
        part = {} if section in {"databases", "caches"} else {"image": "acme/api:1.0"}
        messages = [problem.message for problem in all_refused({section: {"api": part}})]
        assert any(message.startswith("the name 'api' is taken by ") for message in messages), messages

    def test_the_second_of_a_name_is_told_the_first(self, refused: Refused) -> None:
        problem = refused({"workers": {"queue": {"image": "acme/api:1.0"}}})
        assert problem.path == "workers.queue"
        assert problem.message == "the name 'queue' is taken by caches.queue; parts find each other by name"

    def test_the_gateways_name_is_reserved(self, refused: Refused) -> None:
        problem = refused({"workers": {"gateway": {"image": "acme/api:1.0"}}})
        assert problem.message == "the name 'gateway' is reserved for the gateway"

    @pytest.mark.parametrize(("alias", "owner"), [("main", "databases.main"), ("api", "services.api")])
    def test_an_alias_is_free(self, refused: Refused, alias: str, owner: str) -> None:
        problem = refused(runner(aliases=["work", alias]))
        assert problem.path == "workers.runner.aliases[1]"
        assert problem.message == f"'{alias}' already leads to {owner} on a network that both are on"

    def test_two_parts_have_different_aliases(self, refused: Refused) -> None:
        problem = refused({"services": {"api": {"aliases": ["x"]}}} | runner(aliases=["x"]))
        assert problem.message == "'x' already leads to services.api on a network that both are on"

    def test_an_alias_on_another_network_is_accepted(self, accepted: Accepted) -> None:
        accepted(runner(aliases=["main"], networks=["edge"]))

    def test_a_container_name_is_used_once(self, refused: Refused) -> None:
        patch = {"services": {"api": {"container_name": "app"}}, "databases": {"main": {"container_name": "app"}}}
        problem = refused(patch)
        assert problem.message == "the container name 'app' is taken by databases.main"

    @pytest.mark.parametrize(
        ("patch", "path", "owner"),
        [
            ({"volumes": {"a": {"name": "x"}, "b": {"name": "x"}}}, "volumes.b.name", "volumes.a"),
            ({"volumes": {"main-data": {}}}, "databases.main.volume_name", "volumes.main-data"),
            (
                {"databases": {"main": {"volume_name": "x"}}, "caches": {"queue": {"volume_name": "x"}}},
                "caches.queue.volume_name",
                "databases.main",
            ),
        ],
    )
    def test_a_volume_has_one_owner(self, refused: Refused, patch: dict[str, Any], path: str, owner: str) -> None:
        problem = refused(patch)
        assert problem.path == path
        assert problem.message.endswith(f"is also that of {owner}")

    def test_a_network_name_is_used_once(self, refused: Refused) -> None:
        problem = refused({"networks": {"edge": {"name": "x"}, "backend": {"name": "x"}}})
        assert (problem.path, problem.message) == (
            "networks.backend.name",
            "the network name 'x' is taken by networks.edge",
        )

    @pytest.mark.parametrize(
        ("patch", "path"),
        [
            (runner(labels={"slipway.part": "x"}), 'workers.runner.labels["slipway.part"]'),
            ({"caches": {"queue": {"labels": {"slipway.x": "x"}}}}, 'caches.queue.labels["slipway.x"]'),
        ],
    )
    def test_labels_of_slipway_are_reserved(self, refused: Refused, patch: dict[str, Any], path: str) -> None:
        problem = refused(patch)
        assert (problem.path, problem.message) == (path, "labels that start with 'slipway.' are Slipway's own")

    def test_other_labels_are_accepted(self, accepted: Accepted) -> None:
        accepted(runner(labels={"slipways": "x", "team": "y"}))


class TestNeeds:
    def test_a_need_exists(self, refused: Refused) -> None:
        problem = refused(runner(needs={"migrat": "completed"}))
        assert (problem.path, problem.message) == ("workers.runner.needs.migrat", "there is no part 'migrat'")
        assert (problem.allowed, problem.nearest) == ("api, main, migrate, queue", "migrate")

    def test_a_part_does_not_need_itself(self, refused: Refused) -> None:
        assert refused(runner(needs={"runner": "started"})).message == "a part can't need itself"

    def test_nothing_needs_the_gateway(self, refused: Refused) -> None:
        assert refused(runner(needs={"gateway": "started"})).message == (
            "nothing can need the gateway: it starts after the services that it leads to"
        )

    def test_a_need_is_switched_on(self, refused: Refused) -> None:
        patch = {"caches": {"extra": {"profiles": ["big"]}}} | runner(needs={"extra": "healthy"})
        assert refused(patch).message == "'extra' is a part that this stack's profiles switch off"

    @pytest.mark.parametrize(
        ("needs", "message", "allowed"),
        [
            ({"migrate": "healthy"}, "'migrate' is a job: it is never healthy", "completed"),
            ({"migrate": "started"}, "'migrate' is a job: it is never started", "completed"),
            ({"main": "completed"}, "'main' is no job and is never completed", "healthy, started"),
            ({"api": "completed"}, "'api' is no job and is never completed", "healthy, started"),
            ({"other": "healthy"}, "'other' has no health check and is never healthy", "started"),
        ],
    )
    def test_a_need_can_become_true(self, refused: Refused, needs: dict[str, str], message: str, allowed: str) -> None:
        problem = refused({"workers": {"runner": {"needs": needs}, "other": {"image": "acme/api:1.0"}}})
        assert (problem.message, problem.allowed) == (message, allowed)

    @pytest.mark.parametrize(
        "needs",
        [{"migrate": "completed"}, {"main": "started"}, {"queue": "healthy"}, {"api": "healthy"}, {"other": "started"}],
    )
    def test_possible_needs_are_accepted(self, accepted: Accepted, needs: dict[str, str]) -> None:
        accepted({"workers": {"runner": {"needs": needs}, "other": {"image": "acme/api:1.0"}}})

    def test_a_cycle_is_named(self, refused: Refused) -> None:
        patch = {
            "services": {"api": {"needs": {"runner": "started"}}},
            "workers": {
                "runner": {"needs": {"other": "started"}},
                "other": {"image": "a:1", "needs": {"api": "started"}},
            },
        }
        problem = refused(patch)
        assert problem.path == "services.api"
        assert problem.message == "waits for itself: api -> runner -> other -> api"

    def test_a_cycle_of_references_is_named(self, refused: Refused) -> None:
        patch = {
            "services": {
                "api": {"env": {"WEB": "${services.web.url}"}},
                "web": web(env={"API": "${services.api.url}"}),
            }
        }
        problem = refused(patch)
        assert problem.message == "waits for itself: api -> web -> api"
        assert str(problem.fix).startswith("remove one of these needs; where a reference implies it, write the address")

    def test_two_cycles_are_both_named(self, all_refused: Callable[..., tuple[Problem, ...]]) -> None:
        worker = {"image": "a:1"}
        pairs = {"a": "b", "b": "a", "c": "d", "d": "c"}
        patch = {"workers": {name: worker | {"needs": {other: "started"}} for name, other in pairs.items()}}
        assert [problem.message for problem in all_refused(patch)] == [
            "waits for itself: a -> b -> a",
            "waits for itself: c -> d -> c",
        ]

    def test_a_diamond_is_no_cycle(self, accepted: Accepted) -> None:
        worker = {"image": "a:1"}
        needs = {"b": ["a"], "c": ["a"], "d": ["b", "c"], "a": []}
        patch = {
            "workers": {name: worker | {"needs": dict.fromkeys(others, "started")} for name, others in needs.items()}
        }
        accepted(patch)

    def test_an_own_address_is_no_cycle(self, accepted: Accepted) -> None:
        loaded = accepted({"services": {"api": {"env": {"PUBLIC_URL": "${services.api.url}"}}}})
        assert loaded.platform.services["api"].needs == {"main": "healthy"}


class TestJobs:
    def test_a_job_runs_once(self, refused: Refused) -> None:
        problem = refused({"jobs": {"migrate": {"replicas": 2}}})
        assert (problem.path, problem.message) == ("jobs.migrate.replicas", "a job runs once, not 2 times")

    def test_nothing_waits_for_a_job_after_the_release(self, refused: Refused) -> None:
        problem = refused(
            {"jobs": {"migrate": {"phase": "after"}}, "services": {"api": {"needs": {"migrate": "completed"}}}}
        )
        assert problem.path == "services.api.needs.migrate"
        assert problem.message == "jobs.migrate runs after the release (phase: after), so nothing of it can wait for it"
        assert problem.fix == "remove it from needs, or write phase: before at jobs.migrate"

    def test_nothing_waits_for_a_job_that_somebody_runs(self, refused: Refused) -> None:
        problem = refused(
            {"jobs": {"migrate": {"phase": "manual"}}, "services": {"api": {"needs": {"migrate": "completed"}}}}
        )
        assert problem.message == (
            "jobs.migrate runs when somebody asks for it (phase: manual), so nothing of it can wait for it"
        )

    def test_a_job_is_not_restarted(self, refused: Refused) -> None:
        problem = refused({"jobs": {"migrate": {"restart": "unless-stopped"}}})
        assert problem.message == "a job is not restarted: its failure fails the deployment"
        assert problem.allowed == "no"

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("health", {"tcp": 80}, "a job is not asked for its health: its exit code is the answer"),
            ("publish", [9000], "a job takes no requests"),
            ("aliases", ["x"], "a job takes no requests"),
            ("metrics", {"port": 9000}, "a job is gone before its metrics are read"),
        ],
    )
    def test_a_job_serves_nobody(self, refused: Refused, field: str, value: object, message: str) -> None:
        problem = refused({"jobs": {"migrate": {field: value}}})
        assert (problem.path, problem.message) == (f"jobs.migrate.{field}", message)

    def test_a_jobs_usual_fields_are_accepted(self, accepted: Accepted) -> None:
        accepted({"jobs": {"migrate": {"restart": "no", "replicas": 1, "timeout": "5m", "needs": {"main": "healthy"}}}})


class TestProfiles:
    def test_a_profile_belongs_to_some_part(self, refused: Refused) -> None:
        problem = refused({"caches": {"extra": {"profiles": ["debug"]}}}, profiles=["debgu"])
        assert problem.message == "no part belongs to profile 'debgu'"
        assert (problem.allowed, problem.nearest) == ("debug", "debug")

    def test_inactive_parts_are_gone(self, accepted: Accepted) -> None:
        patch = {"caches": {"extra": {"profiles": ["debug"]}}, "services": {"web": web(profiles=["debug", "demo"])}}
        off = accepted(patch).platform
        on = accepted(patch, profiles=["demo"]).platform
        assert (list(off.caches), list(off.services)) == (["queue"], ["api"])
        assert (list(on.caches), list(on.services)) == (["queue"], ["api", "web"])
