"""Layers over layers, and the place that each value came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from settings import Origin, Problem, SettingsError, load_platform

if TYPE_CHECKING:
    from collections.abc import Callable

BLUEPRINT = """\
# yaml-language-server: $schema=../docs/schema.json
name: shop
x-image: &image acme/shop:1.0
services:
  api:
    image: *image
    port: 8000
    health: {path: /health}
    memory: 256MiB
    env: {A: one, B: two}
    aliases: [x, y]
gateway:
  publish: 127.0.0.1:8080
  routes:
    - {to: api}
environments:
  dev:
    services: {api: {memory: 128MiB, env: {B: null}}}
  prod:
    services:
      api:
        replicas: 3
        aliases: [z]
    gateway: {publish: ["0.0.0.0:80"]}
"""


@pytest.fixture
def shop(project: Any) -> Any:
    """Make a project with a blueprint written as people do."""
    project.write("blueprints/app.yaml", BLUEPRINT)
    return project


def problems(load: Callable[[], object]) -> tuple[Problem, ...]:
    with pytest.raises(SettingsError) as caught:
        load()
    return caught.value.problems


class TestPrecedence:
    def test_the_environment_goes_over_the_blueprint(self, shop: Any) -> None:
        api = shop.load(stack="prod").platform.services["api"]
        assert (api.replicas, api.memory_mib, api.aliases, api.env) == (3, 256, ["z"], {"A": "one", "B": "two"})

    def test_null_removes(self, shop: Any) -> None:
        api = shop.load(stack="dev").platform.services["api"]
        assert (api.memory_mib, api.env) == (128, {"A": "one"})

    def test_the_stack_goes_over_the_environment(self, shop: Any) -> None:
        overrides = {"services": {"api": {"replicas": 5}}, "gateway": {"publish": None}}
        platform = shop.load(stack="prod", overrides=overrides).platform
        assert platform.services["api"].replicas == 5
        assert platform.gateway.publish == []

    def test_the_machine_goes_below_the_blueprint(self, shop: Any) -> None:
        shop.write(".state/machine.yaml", "images: {family: debian}\nservices: {api: {memory: 1GiB, cpus: 2}}\n")
        loaded = shop.load(stack="prod")
        assert loaded.platform.images.family == "debian"
        assert loaded.platform.services["api"].memory_mib == 256
        assert loaded.platform.services["api"].cpus == 2
        assert loaded.origins["images.family"] == Origin(".state/machine.yaml", 1, "machine")

    def test_the_environment_is_the_one_of_the_stacks_name_or_the_one_that_is_named(self, shop: Any) -> None:
        assert shop.load(stack="prod").environment == "prod"
        assert shop.load(stack="eu", environment="prod").platform.services["api"].replicas == 3
        assert shop.load(stack="eu").environment is None
        assert shop.load(stack="eu").platform.services["api"].replicas == 1

    def test_an_empty_environment_says_nothing(self, shop: Any) -> None:
        shop.write("blueprints/app.yaml", BLUEPRINT + "  stage:\n")
        assert shop.load(stack="stage").environment == "stage"


class TestOrigins:
    def test_each_value_names_its_file_line_and_layer(self, shop: Any) -> None:
        shop.write("Pulumi.prod.yaml", "config:\n  slipway:overrides:\n    services:\n      api: {cpus: 2}\n")
        loaded = shop.load(stack="prod", overrides={"services": {"api": {"cpus": 2}}, "description": "mine"})
        file = "blueprints/app.yaml"
        assert loaded.origins["services.api.image"] == Origin(file, 6, "blueprint")
        assert loaded.origins["services.api.memory"] == Origin(file, 9, "blueprint")
        assert loaded.origins["services.api.env.A"] == Origin(file, 10, "blueprint")
        assert loaded.origins["services.api.replicas"] == Origin(file, 22, "environment")
        assert loaded.origins["services.api.aliases[0]"] == Origin(file, 23, "environment")
        assert loaded.origins["services.api.cpus"] == Origin("Pulumi.prod.yaml", 4, "stack")
        assert loaded.origins["description"] == Origin("command line", None, "stack")
        assert loaded.origins["services.api.restart"] == Origin(None, None, "default")
        assert loaded.origins["services.api.networks[0]"] == Origin(None, None, "default")

    def test_what_a_short_form_stands_for_comes_from_it(self, shop: Any) -> None:
        loaded = shop.load(stack="dev")
        assert loaded.origins["gateway.publish[0].host_port"] == Origin("blueprints/app.yaml", 13, "blueprint")

    def test_an_override_that_differs_from_the_file_comes_from_the_command_line(self, shop: Any) -> None:
        shop.write("Pulumi.dev.yaml", "config:\n  slipway:overrides: {services: {api: {cpus: 2, replicas: 4}}}\n")
        loaded = shop.load(stack="dev", overrides={"services": {"api": {"cpus": 3, "replicas": 4}}})
        assert str(loaded.origins["services.api.cpus"]) == "command line"
        assert str(loaded.origins["services.api.replicas"]) == "Pulumi.dev.yaml:2"

    def test_a_problem_names_file_and_line(self, shop: Any) -> None:
        shop.write("blueprints/app.yaml", BLUEPRINT.replace("replicas: 3", "replicas: many"))
        (problem,) = problems(lambda: shop.load(stack="prod"))
        assert (problem.path, problem.file, problem.line) == ("services.api.replicas", "blueprints/app.yaml", 22)

    def test_a_problem_within_a_default_names_the_part_around_it(self, shop: Any) -> None:
        shop.write("blueprints/app.yaml", BLUEPRINT.replace("    port: 8000\n", ""))
        assert {problem.where for problem in problems(lambda: shop.load(stack="eu"))} == {
            "blueprints/app.yaml:7",  # the health check that has no port to ask
            "blueprints/app.yaml:14",  # the route to a service without one
        }


class TestMissing:
    def test_a_missing_blueprint_names_those_that_exist(self, shop: Any) -> None:
        shop.write("blueprints/shop.yaml", BLUEPRINT)
        (problem,) = problems(lambda: load_platform(shop.source(blueprint="shpo")))
        assert problem.message == "there is no blueprint 'shpo' (blueprints/<name>.yaml)"
        assert (problem.allowed, problem.nearest) == ("app, shop", "shop")
        assert problem.fix == "slipway config set --stack dev slipway:blueprint NAME"

    def test_a_blueprints_name_is_no_path(self, shop: Any) -> None:
        shop.write("secret.yaml", "name: x\n")
        (problem,) = problems(lambda: load_platform(shop.source(blueprint="../secret")))
        assert problem.message.startswith("there is no blueprint")

    def test_an_unknown_environment_names_those_that_exist(self, shop: Any) -> None:
        (problem,) = problems(lambda: shop.load(environment="prdo"))
        assert (problem.path, problem.message) == ("slipway:environment", "blueprint 'app' has no environment 'prdo'")
        assert (problem.allowed, problem.nearest) == ("dev, prod", "prod")

    @pytest.mark.parametrize(
        ("text", "path"),
        [("environments: [dev]\n", "environments"), ("environments: {dev: 5}\n", "environments.dev")],
    )
    def test_environments_are_maps(self, shop: Any, text: str, path: str) -> None:
        shop.write("blueprints/app.yaml", "name: x\n" + text)
        (problem,) = problems(lambda: shop.load(stack="dev"))
        assert (problem.path, problem.line) == (path, 2)
        assert problem.message.startswith("must be a map")

    def test_a_null_that_removes_nothing_is_refused(self, shop: Any) -> None:
        shop.write("blueprints/app.yaml", BLUEPRINT.replace("aliases: [x, y]", "aliases:"))
        (problem,) = problems(lambda: shop.load(stack="eu"))
        assert (problem.path, problem.where) == ("services.api.aliases", "blueprints/app.yaml:11")
        assert problem.message == "is empty: that removes a value of a lower layer, and there is none"
        assert problem.fix == "write {} for a part with nothing to say, or leave the key out"

    def test_broken_yaml_is_told_without_a_traceback(self, shop: Any) -> None:
        shop.write("blueprints/app.yaml", BLUEPRINT.replace("{to: api}", "{to: api"))
        (problem,) = problems(lambda: shop.load(stack="eu"))
        assert problem.file == "blueprints/app.yaml"
        assert problem.line is not None
        assert problem.message.startswith("is not valid YAML: ")


class TestErrorText:
    def test_all_problems_are_numbered_and_in_the_order_of_their_lines(self, shop: Any) -> None:
        text = BLUEPRINT.replace("port: 8000", "prot: 8000").replace("{to: api}", "{to: web}")
        shop.write("blueprints/app.yaml", text)
        with pytest.raises(SettingsError) as caught:
            shop.load(stack="dev")
        assert str(caught.value).splitlines()[:5] == [
            "2 problems in the description:",
            "",
            " 1. services.api.prot  (blueprints/app.yaml:7)",
            "      unknown key 'prot'",
            "      nearest: port",
        ]
        assert " 2. gateway.routes[0].to  (blueprints/app.yaml:15)\n" in str(caught.value)

    def test_one_problem_is_one(self) -> None:
        error = SettingsError([Problem("a.b", None, None, "is wrong", fix="mend it")])
        assert str(error) == "1 problem in the description:\n\n 1. a.b\n      is wrong\n      fix: mend it"

    def test_a_long_text_stays_within_a_screen(self) -> None:
        error = SettingsError([Problem("a", "x.yaml", 1, "long " * 2000, allowed="word, " * 2000)])
        assert len(str(error).splitlines()) < 40
