"""Secrets that are missing, placeholders, in two places, or in plain text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from settings import SECRET_PRESENT, Loaded, Problem
from settings.checks.secrets import is_placeholder

Refused = Callable[..., Problem]
Accepted = Callable[..., Loaded]
KEY: dict[str, Any] = {
    "secrets": {"openai_api_key": {"description": "platform.openai.com"}},
    "workers": {"runner": {"secrets": ["openai_api_key"]}},
}
SET = "slipway config set --stack dev --secret openai_api_key"
REAL = "sk-proj-4Zb9qT7wK1xV8mN2"


def test_a_secret_is_declared(refused: Refused) -> None:
    problem = refused({"workers": {"runner": {"secrets": ["openai_api_key"]}}})
    assert (problem.path, problem.message) == (
        "workers.runner.secrets[0]",
        "the secret 'openai_api_key' is not declared",
    )
    assert (problem.allowed, problem.fix) == ("none is declared", "add under secrets: openai_api_key: {}")


def test_a_misspelt_secret_names_the_right_one(refused: Refused) -> None:
    problem = refused(KEY | {"workers": {"runner": {"secrets": ["openai_key"]}}}, secrets={})
    assert problem.nearest == "openai_api_key"


def test_a_secret_is_there(refused: Refused) -> None:
    problem = refused(KEY)
    assert problem.message == "has no value in this stack (platform.openai.com)"
    assert (problem.path, problem.fix) == ("secrets.openai_api_key", SET)


def test_a_secret_that_a_reference_uses_is_there(refused: Refused) -> None:
    problem = refused({"secrets": {"token": {}}, "workers": {"runner": {"env": {"T": "${secrets.token}"}}}})
    assert (problem.path, problem.message) == ("secrets.token", "has no value in this stack")


@pytest.mark.parametrize("value", [REAL, SECRET_PRESENT])
def test_a_secret_that_is_there_is_accepted(accepted: Accepted, value: str) -> None:
    accepted(KEY, secrets={"openai_api_key": value})


def test_a_secret_that_nobody_uses_may_be_missing(accepted: Accepted) -> None:
    accepted({"secrets": {"later": {}}})


def test_a_generated_secret_needs_no_value(accepted: Accepted) -> None:
    accepted({"secrets": {"token": {"source": "generated"}}, "workers": {"runner": {"secrets": ["token"]}}})


def test_a_generated_secret_has_one_source(refused: Refused) -> None:
    problem = refused({"secrets": {"token": {"source": "generated"}}}, secrets={"token": REAL})
    assert problem.message == (
        "is generated, but the stack's configuration holds a value too: which one is meant is not clear"
    )
    assert problem.fix == "pulumi config rm --stack dev token, or write source: config"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "  ",
        "changeme",
        "CHANGE_ME",
        "change-me-in-production!",
        "your-api-key",
        "your_openai_key_here",
        "xxx",
        "XXXX",
        "<api key>",
        "[token]",
        "{{ token }}",
        "${TOKEN}",
        "sk-...",
        "sk-xxxxxxxx",
        "sk-",
        "sk-your-key",
        "...",
        "…",
        "***",
        "000000",
        "password",
        "password123",
        "secret",
        "admin",
        "todo",
        "replace-with-real",
        "put-your-key-here",
        "dummy",
        "12345678",
        "insert-key",
        "sk-test",
    ],
)
def test_a_placeholder_is_no_secret(refused: Refused, value: str) -> None:
    problem = refused(KEY, secrets={"openai_api_key": value})
    assert problem.message == "holds a placeholder, not a real value (platform.openai.com)"
    assert problem.fix == SET
    assert not value.strip() or f"'{value}'" not in str(problem)


@pytest.mark.parametrize(
    "value",
    [
        REAL,
        "sk-ant-api03-9fK2",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "correct horse battery staple",
        "8a6f0c",
        "testing-9f8a",
        "passwordless-7Yq",
        "rootkit-hunter-77",
        "1234-abcd-99",
        "admin:s3cr3t",
        "secretariat",
    ],
)
def test_a_real_value_is_no_placeholder(value: str) -> None:
    assert not is_placeholder(value)


def test_a_plain_text_secret_in_the_stacks_file_is_refused(project: Any, refused: Refused) -> None:
    project.write("Pulumi.dev.yaml", f"config:\n  slipway:blueprint: app\n  slipway:openai_api_key: {REAL}\n")
    problem = refused(KEY, secrets={"openai_api_key": REAL})
    assert problem.message == "stands in plain text in Pulumi.dev.yaml"
    assert (problem.file, problem.line) == ("Pulumi.dev.yaml", 3)
    assert str(problem.fix).startswith(SET)
    assert REAL not in str(problem)


def test_an_encrypted_secret_in_the_stacks_file_is_accepted(project: Any, accepted: Accepted) -> None:
    project.write("Pulumi.dev.yaml", "config:\n  slipway:openai_api_key:\n    secure: v1:abc\n")
    accepted(KEY, secrets={"openai_api_key": REAL})


def test_a_secrets_value_in_plain_text_is_refused_by_its_name(refused: Refused) -> None:
    patch = KEY | {"workers": {"runner": {"secrets": ["openai_api_key"], "env": {"HEADER": f"Bearer {REAL}"}}}}
    problem = refused(patch, secrets={"openai_api_key": REAL})
    assert (problem.path, problem.message) == (
        "workers.runner.env.HEADER",
        "holds the value of the secret 'openai_api_key'",
    )
    assert problem.fix == "write ${secrets.openai_api_key} instead"
    assert REAL not in str(problem)


@pytest.mark.parametrize(
    "text",
    [
        "sk-" + "aB3" * 10,
        "token ghp_" + "a1B2" * 9,
        "AKIA" + "ABCD1234EFGH5678",
        "-----BEGIN RSA PRIVATE KEY-----\nMII",
    ],
)
def test_what_looks_like_a_key_is_refused(refused: Refused, text: str) -> None:
    problem = refused({"workers": {"runner": {"files": {"/etc/app/key": text}}}})
    assert problem.message == "holds what looks like a key in plain text"
    assert text not in str(problem)


def test_a_name_of_the_environment_is_used_once(refused: Refused) -> None:
    env = {"DATABASE_URL": "${databases.main.url}", "DATABASE_URL_FILE": "/x"}
    problem = refused({"workers": {"runner": {"env": env}}})
    assert problem.message == (
        "its value is secret and is given as a file, which sets DATABASE_URL_FILE, which is already set"
    )


def test_a_secrets_own_name_of_the_environment_is_free(refused: Refused) -> None:
    patch = KEY | {"workers": {"runner": {"secrets": ["openai_api_key"], "env": {"OPENAI_API_KEY_FILE": "/x"}}}}
    problem = refused(patch, secrets={"openai_api_key": REAL})
    assert problem.message == "the secret 'openai_api_key' sets OPENAI_API_KEY_FILE, which is already set"


def test_an_opted_in_secret_may_be_in_the_environment(accepted: Accepted) -> None:
    env = {"DATABASE_URL": "${databases.main.url}", "DATABASE_URL_FILE": "/x"}
    accepted({"workers": {"runner": {"env": env, "secret_env": ["DATABASE_URL"]}}})


def test_a_secret_is_listed_once(all_refused: Callable[..., tuple[Problem, ...]]) -> None:
    uses = ["openai_api_key", {"name": "openai_api_key", "file": "/etc/key"}]
    problems = all_refused(KEY | {"workers": {"runner": {"secrets": uses}}}, secrets={"openai_api_key": REAL})
    assert "'openai_api_key' is listed twice" in [problem.message for problem in problems]


def test_a_secrets_value_in_the_wrong_place_is_masked(all_refused: Callable[..., tuple[Problem, ...]]) -> None:
    """Even where a rejected value is shown, and even as a key."""
    value = "kJ8s0meReal5ecretV4lue"
    patch = KEY | {"name": value, "caches": {value: {}}, "services": {"api": {value: 1}}, "volumes": {"a": {"name": 5}}}
    problems = all_refused(patch, secrets={"openai_api_key": value})
    assert len(problems) >= 4
    assert not [problem for problem in problems if value in str(problem)]
    assert "[secret]" in str(problems[0])
