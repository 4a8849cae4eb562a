"""What a stack says, read from its files without Pulumi."""

from __future__ import annotations

from typing import Any

import pytest

from settings import SECRET_PRESENT, Problem, SettingsError, read_stack_file

STACK = """\
encryptionsalt: v1:abc
config:
  slipway:blueprint: app
  slipway:environment: prod
  slipway:profiles: [debug]
  slipway:overrides:
    services: {api: {replicas: 5}}
  slipway:openai_api_key:
    secure: v1:xyz
  slipway:plain: hello
"""


def problem(project: Any, stack: str) -> Problem:
    with pytest.raises(SettingsError) as caught:
        read_stack_file(project.root, stack)
    (only,) = caught.value.problems
    return only


def test_a_stack_is_read_from_its_file(project: Any) -> None:
    project.write("Pulumi.eu.yaml", STACK)
    source = read_stack_file(project.root, "eu")
    assert (source.project, source.stack, source.blueprint, source.environment) == ("slipway", "eu", "app", "prod")
    assert source.profiles == ("debug",)
    assert source.overrides == {"services": {"api": {"replicas": 5}}}


def test_an_encrypted_secret_is_present_and_nothing_more(project: Any) -> None:
    project.write("Pulumi.eu.yaml", STACK)
    look_up = read_stack_file(project.root, "eu").secret_lookup
    assert look_up("openai_api_key") == SECRET_PRESENT
    assert look_up("plain") == "hello"
    assert look_up("missing") is None


@pytest.mark.parametrize("text", ["", "config: {}\n", "encryptionsalt: v1:abc\n"])
def test_a_stack_that_says_nothing_has_the_defaults(project: Any, text: str) -> None:
    project.write("Pulumi.dev.yaml", text)
    source = read_stack_file(project.root, "dev")
    assert (source.blueprint, source.environment, source.profiles, source.overrides) == ("starter", None, (), {})


def test_keys_may_carry_the_projects_own_name(project: Any) -> None:
    project.write("Pulumi.yaml", "name: shop\n")
    project.write("Pulumi.dev.yaml", "config: {shop:blueprint: app, shop:token: {secure: v1:x}}\n")
    source = read_stack_file(project.root, "dev")
    assert (source.project, source.blueprint) == ("shop", "app")
    assert source.secret_lookup("token") == SECRET_PRESENT


def test_an_unknown_stack_names_those_that_exist(project: Any) -> None:
    for stack in ("dev", "prod"):
        project.write(f"Pulumi.{stack}.yaml", "")
    found = problem(project, "prd")
    assert (found.message, found.allowed, found.nearest) == ("there is no stack 'prd'", "dev, prod", "prod")
    assert found.fix == "slipway up --stack prd --blueprint NAME"


def test_a_missing_project_file_is_said(project: Any) -> None:
    (project.root / "Pulumi.yaml").unlink()
    assert problem(project, "dev").message == "there is no such file; run this in the project's folder"


def test_a_project_has_a_name(project: Any) -> None:
    project.write("Pulumi.yaml", "runtime: python\n")
    assert problem(project, "dev").message == "the project's name is needed"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("slipway:overrides: [a]", "must be a map (and not encrypted)"),
        ("slipway:overrides: {secure: v1:x}", "must be a map (and not encrypted)"),
        ("slipway:blueprint: {secure: v1:x}", "must be a name (and not encrypted)"),
        ("slipway:profiles: debug", "must be a list of names (and not encrypted)"),
    ],
)
def test_a_key_of_the_wrong_form_is_refused(project: Any, config: str, message: str) -> None:
    project.write("Pulumi.dev.yaml", f"config:\n  {config}\n")
    found = problem(project, "dev")
    assert (found.message, found.where) == (message, "Pulumi.dev.yaml:2")
