"""References that lead nowhere, and secrets in places where everybody sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from settings import Loaded, Problem

Refused = Callable[..., Problem]
Accepted = Callable[..., Loaded]


def runner(**fields: Any) -> dict[str, Any]:
    return {"workers": {"runner": fields}}


@pytest.mark.parametrize(
    ("reference", "message", "nearest"),
    [
        (
            "${databases.mian.url}",
            "${databases.mian.url} leads nowhere: databases has no 'mian'",
            "${databases.main.url}",
        ),
        ("${caches.main.url}", "${caches.main.url} leads nowhere: caches has no 'main'", None),
        ("${services.apis.url}", "${services.apis.url} leads nowhere: services has no 'apis'", "${services.api.url}"),
    ],
)
def test_a_reference_leads_to_a_part(refused: Refused, reference: str, message: str, nearest: str | None) -> None:
    problem = refused(runner(env={"X": f"see {reference}"}))
    assert (problem.path, problem.message, problem.nearest) == ("workers.runner.env.X", message, nearest)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${HOME}", "'${HOME}' is no reference; write '$${HOME}' if it is meant literally"),
        (
            "${database.main.url}",
            "'${database.main.url}' is no reference; write '$${database.main.url}' if it is meant literally",
        ),
        ("${databases.main}", "'${databases.main}' is no complete reference"),
        ("${databases.main.uri}", "'${databases.main.uri}' is no complete reference"),
        ("${secrets}", "'${secrets}' is no complete reference"),
        ("${secrets.a.b}", "'${secrets.a.b}' is no complete reference"),
        ("${platform}", "'${platform}' is no complete reference"),
        ("${services.api.password}", "'${services.api.password}' is no complete reference"),
        ("${databases.main.url", "'${' is not closed by '}'; write '$${' for a literal '${'"),
    ],
)
def test_a_reference_is_well_formed(refused: Refused, text: str, message: str) -> None:
    problem = refused(runner(command=["run", text]))
    assert (problem.path, problem.message) == ("workers.runner.command[1]", message)
    assert problem.allowed


def test_a_misspelt_section_names_the_right_one(refused: Refused) -> None:
    assert refused(runner(env={"X": "${database.main.url}"})).nearest == "${databases.main.url}"


@pytest.mark.parametrize("text", ["$${HOME}", "$HOME", "100$", "$$", "{x}", "a$${b}c${platform.name}"])
def test_other_dollars_are_text(accepted: Accepted, text: str) -> None:
    accepted(runner(command=[text]))


def test_a_reference_to_a_secret_needs_its_declaration(refused: Refused) -> None:
    problem = refused({"secrets": {"openai_api_key": {}}} | runner(env={"X": "${secrets.openai_apikey}"}))
    assert problem.message == "${secrets.openai_apikey} leads to a secret that is not declared"
    assert (problem.nearest, problem.fix) == ("openai_api_key", "add under secrets: openai_apikey: {}")


def test_a_reference_to_a_part_that_is_switched_off(refused: Refused) -> None:
    problem = refused({"caches": {"extra": {"profiles": ["big"]}}} | runner(env={"X": "${caches.extra.url}"}))
    assert problem.message == "${caches.extra.url} leads to a part that this stack's profiles switch off"
    assert problem.fix == "add one of big to slipway:profiles, or give both the same profiles"


def test_a_reference_to_a_part_that_is_switched_on(accepted: Accepted) -> None:
    patch = {"caches": {"extra": {"profiles": ["big"]}}} | runner(env={"X": "${caches.extra.url}"})
    assert accepted(patch, profiles=["big"]).platform.workers["runner"].needs == {"extra": "healthy"}


def test_a_service_without_a_port_has_no_url(refused: Refused) -> None:
    quiet = {"image": "acme/api:1.0", "relax": {"health": "it answers nobody at all"}}
    problem = refused({"services": {"quiet": quiet}} | runner(env={"X": "${services.quiet.url}"}))
    assert problem.message == "${services.quiet.url} has no value: the service says no port"
    assert problem.fix == "add to services.quiet: port: …"


def test_the_environment_has_a_name_only_where_one_applies(refused: Refused, accepted: Accepted) -> None:
    problem = refused(runner(env={"X": "${environment.name}"}))
    assert problem.message == "${environment.name} has no value: the stack chooses no environment"
    assert problem.fix == "slipway config set --stack dev slipway:environment NAME"
    assert accepted({"environments": {"dev": {}}} | runner(env={"X": "${environment.name}"})).environment == "dev"


@pytest.mark.parametrize("field", ["command", "entrypoint"])
def test_a_command_holds_no_secret(refused: Refused, field: str) -> None:
    problem = refused(runner(**{field: ["--url=${databases.main.url}"]}))
    assert problem.path == f"workers.runner.{field}[0]"
    assert problem.message == f"{field} can't hold a secret: docker inspect and the list of processes show it"
    assert problem.fix == "put the reference in env (it is then given as a file) or in files"


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        (runner(labels={"url": "${databases.main.url}"}), "workers.runner.labels.url"),
        (runner(sysctls={"net.x": "${platform.name}"}), 'workers.runner.sysctls["net.x"]'),
        (runner(health={"command": ["probe", "${caches.queue.password}"]}), "workers.runner.health.command[1]"),
        (
            runner(image=None, build={"context": ".", "args": {"TOKEN": "${secrets.token}"}}),
            "workers.runner.build.args.TOKEN",
        ),
        ({"databases": {"main": {"init": {"a.sql": "${databases.main.password}"}}}}, 'databases.main.init["a.sql"]'),
        (
            {"databases": {"main": {"settings": {"app.name": "${platform.name}"}}}},
            'databases.main.settings["app.name"]',
        ),
        (
            {"caches": {"queue": {"settings": {"masteruser": "${caches.queue.password}"}}}},
            "caches.queue.settings.masteruser",
        ),
        ({"caches": {"queue": {"labels": {"x": "${platform.name}"}}}}, "caches.queue.labels.x"),
        ({"volumes": {"data": {"driver_opts": {"o": "${secrets.mount}"}}}}, "volumes.data.driver_opts.o"),
    ],
)
def test_a_reference_stands_only_where_it_works(refused: Refused, patch: dict[str, Any], path: str) -> None:
    problem = refused(patch)
    assert problem.path == path
    assert problem.message.endswith("is not resolved here, and no secret may stand here")
    assert problem.fix == "use env or files"


def test_a_shell_variable_in_a_health_check_is_no_reference(accepted: Accepted) -> None:
    accepted(runner(health={"command": ["sh", "-c", "pg_isready -U ${POSTGRES_USER}"]}))


@pytest.mark.parametrize(
    ("name", "message"),
    [("LOG_LEVEL", "'LOG_LEVEL' holds no secret"), ("URL", "'URL' is not in env")],
)
def test_secret_env_names_secrets(refused: Refused, name: str, message: str) -> None:
    env = {"DATABASE_URL": "${databases.main.url}", "LOG_LEVEL": "info"}
    problem = refused(runner(env=env, secret_env=["DATABASE_URL", name]))
    assert (problem.path, problem.message) == ("workers.runner.secret_env[1]", message)
    assert problem.allowed == "DATABASE_URL"
