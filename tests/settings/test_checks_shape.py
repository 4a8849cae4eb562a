"""What pydantic refuses, in our words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from settings import Loaded, Problem

Refused = Callable[..., Problem]


def api(**fields: Any) -> dict[str, Any]:
    return {"services": {"api": fields}}


def test_an_unknown_key_is_refused_with_the_nearest_right_one(refused: Refused) -> None:
    problem = refused(api(memry="1GiB"))
    assert problem.path == "services.api.memry"
    assert problem.message == "unknown key 'memry'"
    assert problem.nearest == "memory"
    assert "memory, memory_reservation, cpus" in str(problem.allowed)


def test_the_name_that_a_field_has_in_code_is_refused_with_the_one_of_descriptions(refused: Refused) -> None:
    problem = refused(api(memory_mib=512))
    assert (problem.message, problem.nearest) == ("unknown key 'memory_mib'", "memory")


def test_an_unknown_section_is_refused(refused: Refused) -> None:
    problem = refused({"servces": {}})
    assert (problem.path, problem.nearest) == ("servces", "services")


@pytest.mark.parametrize(
    ("patch", "path", "message", "allowed"),
    [
        (api(replicas="two"), "services.api.replicas", "'two' is not a whole number", "a whole number"),
        (api(replicas=-1), "services.api.replicas", "-1 is out of range", "at least 0"),
        (api(replicas=101), "services.api.replicas", "101 is out of range", "at most 100"),
        (api(replicas=1.5), "services.api.replicas", "1.5 is not a whole number", "a whole number"),
        (api(port=0), "services.api.port", "0 is out of range", "at least 1"),
        (api(read_only="maybe"), "services.api.read_only", "'maybe' is not true or false", "true or false"),
        (api(networks="backend"), "services.api.networks", "'backend' is not a list", "a list"),
        (api(env=["A=1"]), "services.api.env", "is not a map of names to values", "a map of names to values"),
        (
            api(user="root"),
            "services.api.user",
            "'root' is not possible",
            "numeric uid or uid:gid such as 10001:10001, or image",
        ),
        (api(gpus="two"), "services.api.gpus", "'two' is not possible", "all, a count such as 1, or device=0,1"),
        (api(stop_signal="TERM"), "services.api.stop_signal", "'TERM' is not possible", "a signal such as SIGTERM"),
        (
            {"services": {"Api_1": {}}},
            "services.Api_1",
            "'Api_1' is not possible as a name",
            "lower-case letters, digits, hyphens, a letter first, at most 40 characters",
        ),
        (
            {"networks": {"edge": {"subnet": "172.28/16"}}},
            "networks.edge.subnet",
            "'172.28/16' is not possible",
            "an IPv4 range such as 172.28.0.0/16",
        ),
    ],
)
def test_an_impossible_value_is_refused_with_what_is_allowed(
    refused: Refused, patch: dict[str, Any], path: str, message: str, allowed: str
) -> None:
    problem = refused(patch)
    assert (problem.path, problem.message, problem.allowed) == (path, message, allowed)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("512", "'512' is not possible: a size with its unit is needed, such as 512MiB or 2GiB"),
        (512, "512 is not possible: a size with its unit is needed, such as 512MiB or 2GiB"),
        ("0MiB", "'0MiB' is not possible: a size with its unit is needed, such as 512MiB or 2GiB"),
        ("lots", "'lots' is not possible: a size with its unit is needed, such as 512MiB or 2GiB"),
    ],
)
def test_a_size_needs_its_unit(refused: Refused, value: object, message: str) -> None:
    assert refused(api(memory=value)).message == message


def test_a_duration_needs_its_unit(refused: Refused) -> None:
    assert refused(api(stop_grace=30)).message == (
        "30 is not possible: a duration with its unit is needed, such as 90s, 5m or 1h30m"
    )


def test_cpus_have_a_smallest_number(refused: Refused) -> None:
    assert refused(api(cpus=0.05)).message == (
        "0.05 is not possible: a number of CPUs of at least 0.1 is needed, such as 0.5 or 2"
    )


def test_a_choice_is_refused_with_all_choices_and_the_nearest(refused: Refused) -> None:
    problem = refused({"caches": {"queue": {"eviction": "allkeys-lur"}}})
    assert problem.message == "'allkeys-lur' is not possible"
    assert problem.nearest == "allkeys-lru"
    assert str(problem.allowed).startswith("noeviction, allkeys-lru, allkeys-lfu")


def test_a_choice_as_a_key_is_refused_with_the_nearest(refused: Refused) -> None:
    problem = refused(api(relax={"readonly": "it writes everywhere"}))
    assert (problem.path, problem.message) == ("services.api.relax.readonly", "'readonly' is not possible here")
    assert problem.nearest == "read_only"


def test_a_missing_key_says_which(refused: Refused) -> None:
    problem = refused({"gateway": {"routes": [{"path": "/"}]}})
    assert (problem.path, problem.message, problem.fix) == ("gateway.routes[0]", "leads to nothing", "add to: …")


def test_a_platform_needs_a_name(refused: Refused) -> None:
    problem = refused({"name": None})
    assert (problem.path, problem.message, problem.where) == ("", "'name' is missing", "blueprints/app.yaml:1")


def test_a_list_that_needs_something_is_not_empty(refused: Refused) -> None:
    problem = refused({"gateway": {"routes": []}})
    assert (problem.path, problem.message) == ("gateway.routes", "must not be empty")


@pytest.mark.parametrize("health", [{}, {"path": "/", "tcp": 80}, {"interval": "5s"}])
def test_a_health_check_asks_in_one_way(refused: Refused, health: dict[str, Any]) -> None:
    problem = refused({"workers": {"runner": {"health": health}}})
    assert problem.message == "is not possible: exactly one of path, tcp, command, image is needed"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (
            "publish",
            ["80:x"],
            "'80:x' is not possible: the form is [address:]host_port[:port][/udp], such as 127.0.0.1:8080:80",
        ),
        (
            "publish",
            ["1:2:3:4"],
            "'1:2:3:4' is not possible: the form is [address:]host_port[:port][/udp], such as 127.0.0.1:8080:80",
        ),
        ("volumes", ["data"], "'data' is not possible: the form is name:/path or name:/path:ro"),
        ("volumes", ["data:/x:rx"], "'data:/x:rx' is not possible: the form is name:/path or name:/path:ro"),
    ],
)
def test_a_short_form_has_a_form(refused: Refused, field: str, value: object, message: str) -> None:
    problem = refused({"workers": {"runner": {field: value}}})
    assert (problem.path, problem.message) == (f"workers.runner.{field}[0]", message)


@pytest.mark.parametrize("reason", ["", "because"])
def test_a_reason_is_a_sentence(refused: Refused, reason: str) -> None:
    problem = refused(api(read_only=False, relax={"read_only": reason}))
    assert problem.message == "is too short: at least 10 characters are needed"


@pytest.mark.parametrize(
    "patch",
    [
        api(env={"TOKEN": ["hunter2-secret"]}),
        api(env={"TOKEN": {"hunter2-secret": 1}}),
        api(secrets=[{"name": "hunter2-secret"}]),
        api(secrets=[["hunter2-secret"]]),
        api(command="run --token=hunter2-secret"),
        api(files={"/etc/app": ["hunter2-secret"]}),
        {"secrets": {"api_key": "hunter2-secret"}},
        {"secrets": {"api_key": {"source": "hunter2-secret"}}},
        {"databases": {"main": {"init": {"a.sql": ["hunter2-secret"]}}}},
    ],
)
def test_what_may_be_a_secret_is_never_shown(
    all_refused: Callable[..., tuple[Problem, ...]], patch: dict[str, Any]
) -> None:
    for problem in all_refused(patch):
        assert "hunter2-secret" not in str(problem).replace("env.TOKEN.hunter2-secret", "")


def test_text_in_place_of_a_map_is_refused(refused: Refused) -> None:
    problem = refused({"secrets": {"api_key": "x"}})
    assert (problem.path, problem.message) == ("secrets.api_key", "is not a map of names to values")


@pytest.mark.parametrize(
    "patch",
    [
        api(memory="1.5g"),
        api(cpus="250m"),
        api(port="8000"),
        api(env={"PORT": 8000, "DEBUG": True, "RATIO": 0.5}),
        api(user=10001),
        api(ulimits={"nofile": 1024, "core": {"soft": 10, "hard": 20}}),
        {"workers": {"runner": {"restart": "no"}}},
        {"databases": {"main": {"version": 16}}},
        {"gateway": {"publish": 8080}},
        {"gateway": {"publish": "127.0.0.1:8080"}},
        {"gateway": {"publish": ["[::1]:8080"]}},
    ],
)
def test_what_people_write_is_accepted(accepted: Callable[..., Loaded], patch: dict[str, Any]) -> None:
    accepted(patch)


def test_everything_is_reported_at_once(all_refused: Callable[..., tuple[Problem, ...]]) -> None:
    problems = all_refused(
        {
            "colour": "blue",
            "services": {"api": {"memry": "1GiB", "replicas": "two"}},
            "workers": {"runner": {"env": {"X": "${caches.que.url}"}}},
            "gateway": {"routes": [{"to": "api"}, {"to": "web", "path": "/web"}]},
        }
    )
    assert {problem.path for problem in problems} == {
        "colour",
        "services.api.memry",
        "services.api.replicas",
        "workers.runner.env.X",
        "gateway.routes[1].to",
    }


def test_a_mere_consequence_of_another_error_is_not_reported(refused: Refused) -> None:
    """With the misspelt port left out, the service has none; but that is not what is wrong."""
    assert refused(api(port=None, prot=8000)).path == "services.api.prot"


@pytest.mark.parametrize(
    ("patch", "paths"),
    [
        (api(restart="on-failur", max_restarts=3), ["services.api.restart"]),
        (api(memory="big", memory_reservation="1GiB"), ["services.api.memory"]),
        (api(relax={"read_only": "short"}, read_only=False), ["services.api.relax.read_only"]),
        ({"networks": {"backend": {"internl": True}}, **api(egress=True)}, ["networks.backend.internl"]),
        ({"volumes": {"data": {"protect": "x"}}, **api(volumes=["data:/x"])}, ["volumes.data.protect"]),
        ({"servces": {"web": {}}, "gateway": {"routes": [{"to": "web"}]}}, ["servces"]),
        (api(image=None, imge="a:1"), ["services.api.imge"]),
        (api(health={"path": "/", "port": "x"}), ["services.api.health.port"]),
        (api(env={"A": [1]}, secret_env=["A"]), ["services.api.env.A"]),
    ],
)
def test_no_consequence_of_an_error_is_reported(
    all_refused: Callable[..., tuple[Problem, ...]], patch: dict[str, Any], paths: list[str]
) -> None:
    assert [problem.path for problem in all_refused(patch)] == paths


def test_an_error_in_a_part_does_not_hide_the_others_there(all_refused: Callable[..., tuple[Problem, ...]]) -> None:
    patch = api(memry="1GiB", container_name="app", replicas=2, networks=["edge"], env={"A": "${caches.no.url}"})
    assert {problem.path for problem in all_refused(patch)} == {
        "services.api.memry",
        "services.api.container_name",
        "services.api.networks",
        "services.api.env.A",
    }


def test_a_broken_list_item_does_not_shift_the_others(all_refused: Callable[..., tuple[Problem, ...]]) -> None:
    problems = all_refused({"workers": {"runner": {"publish": ["x", "y", 80], "replicas": 2}}})
    assert [problem.path for problem in problems] == ["workers.runner.publish[0]", "workers.runner.publish[1]"]
