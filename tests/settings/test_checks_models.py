"""Vector stores and model servers: what can't be is refused, and what they leave open is filled in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from settings import Loaded, Problem
from settings.model import Condition, ModelServer

Refused = Callable[..., Problem]
Accepted = Callable[..., Loaded]
KEY: dict[str, Any] = {"secrets": {"llm_key": {"source": "generated"}}}
OPEN = "model_servers.llm asks nobody who they are: whoever reaches this route could use it, and delete its models"
LOCK = """\
images:
  postgres: {debian: "slipway/postgres:15-abc", official: "postgres:16@sha256:aa"}
  redis: {debian: "slipway/redis:7.0-abc", official: "redis:7@sha256:bb"}
  nginx: {debian: "slipway/nginx:1.22-abc", official: "nginx:1.27@sha256:cc"}
  qdrant: {official: "qdrant/qdrant:v1.15.1@sha256:dd"}
  ollama: {debian: "slipway/ollama:0.9.6-abc", official: "ollama/ollama:0.9.6@sha256:ee"}
  models: {debian: "slipway/models:0.1.0-abc", official: "slipway/models:0.1.0-abc"}
"""


@pytest.fixture(autouse=True)
def _images(project: Any) -> None:
    project.write("images/lock.yaml", LOCK)


def server(**spec: Any) -> dict[str, Any]:
    return {"model_servers": {"llm": {"models": {"llama3.2:1b": {}}, **spec}}}


def routed(route: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {**server(**spec), **KEY, "gateway": {"routes": [{"path": "/v1/", "to": "llm", **route}]}}


def told(problem: Problem) -> tuple[str, str, str | None]:
    return problem.path, problem.message, problem.fix


def model_server(loaded: Loaded) -> ModelServer:
    return loaded.platform.model_servers["llm"]


class TestRoutes:
    def test_without_a_key(self, refused: Refused) -> None:
        problem = refused(routed({}))
        assert told(problem) == (
            "gateway.routes[0]",
            OPEN,
            "add api_key: NAME, under secrets: NAME: {}, and give it a value: slipway config set --secret NAME",
        )

    def test_with_a_key_it_streams_and_waits_long(self, accepted: Accepted) -> None:
        route = accepted(routed({"api_key": "llm_key"})).platform.gateway.routes[0]  # type: ignore[union-attr]
        assert (route.streaming, route.timeout_s) == (True, 600)

    def test_what_it_says_itself_stays(self, accepted: Accepted) -> None:
        given = routed({"api_key": "llm_key", "streaming": False, "timeout": "20s"})
        route = accepted(given).platform.gateway.routes[0]  # type: ignore[union-attr]
        assert (route.streaming, route.timeout_s) == (False, 20)

    def test_a_key_that_is_not_declared(self, refused: Refused) -> None:
        problem = refused(routed({"api_key": "llm_kay"}))
        assert told(problem) == (
            "gateway.routes[0].api_key",
            "the secret 'llm_kay' is not declared",
            "add under secrets: llm_kay: {}",
        )

    def test_a_key_that_has_no_value(self, refused: Refused) -> None:
        problem = refused({**routed({"api_key": "llm_key"}), "secrets": {"llm_key": {}}})
        assert problem.message.startswith("has no value in this stack")

    def test_a_key_and_a_password(self, refused: Refused) -> None:
        problem = refused(routed({"api_key": "llm_key", "basic_auth": {"users": {"me": "llm_key"}}}))
        assert told(problem) == (
            "gateway.routes[0].api_key",
            "comes in the header that basic_auth reads too",
            "remove one of them",
        )

    def test_a_key_of_what_nginx_answers_itself(self, refused: Refused) -> None:
        problem = refused({**KEY, "gateway": {"routes": [{"redirect": "/b", "path": "/a", "api_key": "llm_key"}]}})
        assert told(problem) == ("gateway.routes[0].api_key", "has no effect beside redirect", "remove api_key")

    def test_a_name_that_is_nobodys(self, refused: Refused) -> None:
        problem = refused({**server(), **KEY, "gateway": {"routes": [{"to": "lmm", "api_key": "llm_key"}]}})
        assert (problem.message, problem.allowed, problem.nearest) == ("there is no service 'lmm'", "api, llm", "llm")

    def test_a_vector_store_asks_for_its_own_key(self, accepted: Accepted) -> None:
        given = {"vector_stores": {"docs": {}}, "gateway": {"routes": [{"path": "/q/", "to": "docs", "strip": True}]}}
        assert accepted(given).platform.gateway.networks == ["edge", "backend"]  # type: ignore[union-attr]

    def test_a_route_goes_with_its_server(self, accepted: Accepted) -> None:
        given = routed({"api_key": "llm_key"}, profiles=["local-llm"])
        given["gateway"]["routes"].append({"to": "api"})
        off = accepted(given).platform
        assert (off.model_servers, [route.services for route in off.gateway.routes]) == ({}, [["api"]])  # type: ignore[union-attr]
        on = accepted(given, profiles=("local-llm",)).platform
        assert [route.services for route in on.gateway.routes] == [["llm"], ["api"]]  # type: ignore[union-attr]


class TestServers:
    @pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.2"])  # noqa: S104 - refused
    def test_published_to_others(self, refused: Refused, address: str) -> None:
        problem = refused(server(publish=[f"{address}:11434"]))
        assert told(problem) == (
            "model_servers.llm.publish[0]",
            f"a model server asks nobody who they are, and {address} is not this machine alone",
            "lead to it by a route with api_key",
        )

    def test_published_to_this_machine(self, accepted: Accepted) -> None:
        assert model_server(accepted(server(publish=["127.0.0.1:11434"]))).networks == ["edge", "backend"]

    def test_a_list_of_gpus_of_another_length(self, refused: Refused) -> None:
        problem = refused(server(gpus=["device=0", "device=1"]))
        assert told(problem) == ("model_servers.llm.gpus", "2 entries for 1 replica", None)

    @pytest.mark.parametrize(
        ("gpus", "each"),
        [("none", [None, None]), ("all", ["all", "all"]), (2, ["2", "2"]), (["device=0", "none"], ["device=0", None])],
    )
    def test_gpus_of_each_replica(self, accepted: Accepted, gpus: object, each: list[str | None]) -> None:
        found = model_server(accepted(server(gpus=gpus, replicas=2)))
        assert [found.gpus_of(replica) for replica in range(2)] == each

    def test_gpus_that_are_none(self, all_refused: Callable[..., tuple[Problem, ...]]) -> None:
        assert any(
            "none, all, a count such as 1, or device=0,1" in str(item) for item in all_refused(server(gpus="cpu"))
        )

    @pytest.mark.parametrize(("field", "value"), [("container_name", "ollama"), ("publish", ["127.0.0.1:11434"])])
    def test_replicas_that_share_what_is_there_once(self, refused: Refused, field: str, value: object) -> None:
        problem = refused(server(replicas=2, **{field: value}))
        assert told(problem) == (
            f"model_servers.llm.{field}",
            "2 replicas can't share it",
            f"remove {field}, or set replicas: 1",
        )

    @pytest.mark.parametrize("name", ["llm-models", "llm-0"])
    def test_a_part_with_the_name_of_one_of_its_containers(self, refused: Refused, name: str) -> None:
        problem = refused({**server(), "workers": {name: {"image": "acme/x:1"}}})
        assert told(problem) == (
            f"workers.{name}",
            f"'{name}' is how a container of model_servers.llm is found",
            "choose another name",
        )

    def test_what_is_pulled_over_internal_networks(self, refused: Refused) -> None:
        problem = refused(server(networks=["backend"]))
        assert told(problem) == (
            "model_servers.llm.networks",
            "llama3.2:1b is pulled from the internet, which internal networks do not reach",
            "add a network without internal: true to networks, or say file: for each model",
        )

    def test_where_nothing_is_pulled_it_stays_inside(self, accepted: Accepted) -> None:
        models = {"tiny": {"file": "models/tiny.gguf"}, "brief": {"from": "tiny", "system": "Be brief."}}
        given = {"model_servers": {"llm": {"models": models}}}
        assert model_server(accepted(given)).networks == ["backend"]

    def test_a_variable_that_has_a_key(self, refused: Refused) -> None:
        problem = refused(server(settings={"OLLAMA_NUM_PARALLEL": 4}))
        assert told(problem) == (
            "model_servers.llm.settings.OLLAMA_NUM_PARALLEL",
            "OLLAMA_NUM_PARALLEL is set by parallel",
            "write parallel: … on llm itself",
        )


class TestModels:
    def test_made_from_one_that_is_not_there(self, refused: Refused) -> None:
        models = {"tiny": {"file": "a.gguf"}, "brief": {"from": "tini", "system": "Be brief."}}
        problem = refused({"model_servers": {"llm": {"models": models}}})
        assert told(problem) == (
            "model_servers.llm.models.brief.from",
            "this server has no model 'tini'",
            "add under model_servers.llm.models: tini: {}",
        )
        assert problem.nearest == "tiny"

    def test_made_from_each_other(self, refused: Refused) -> None:
        models = {"a": {"from": "b"}, "b": {"from": "a"}}
        problem = refused({"model_servers": {"llm": {"models": models}}})
        assert problem.path == "model_servers.llm.models"
        assert problem.message.startswith("models are made from each other: ")

    @pytest.mark.parametrize(
        ("model", "message"),
        [
            ({"file": "a.gguf", "pull": "b"}, "at most one of pull, from, file, modelfile says where it comes from"),
            ({"system": "Be brief."}, "system, template and parameters go with from or file; a Modelfile says its own"),
            (
                {"modelfile": "Modelfile", "parameters": {"seed": 1}},
                "system, template and parameters go with from or file; a Modelfile says its own",
            ),
        ],
    )
    def test_two_origins(self, refused: Refused, model: dict[str, Any], message: str) -> None:
        assert message in refused({"model_servers": {"llm": {"models": {"x": model}}}}).message

    def test_a_name_alone_is_enough(self, accepted: Accepted) -> None:
        assert model_server(accepted({"model_servers": {"llm": {"models": {"acme/x:7b": {}}}}})).pulls == ["acme/x:7b"]


class TestDefaults:
    def test_names_and_images(self, accepted: Accepted) -> None:
        given = {**server(), "vector_stores": {"docs": {}}, "images": {"family": "debian"}}
        platform = accepted(given).platform
        docs, llm = platform.vector_stores["docs"], platform.model_servers["llm"]
        assert (docs.volume_name, docs.snapshots_volume_name) == ("slipway-dev-docs-data", "slipway-dev-docs-snapshots")
        assert docs.image == "qdrant/qdrant:v1.15.1@sha256:dd"
        assert (llm.volume_name, llm.image) == ("slipway-dev-llm-data", "slipway/ollama:0.9.6-abc")
        assert llm.keeper_image == "slipway/models:0.1.0-abc"
        assert (docs.protect, llm.protect) == (True, True)

    def test_references_wait_for_them(self, accepted: Accepted) -> None:
        env = {"LLM": "${model_servers.llm.openai_url}", "KEY": "${vector_stores.docs.api_key}"}
        given = {**server(), "vector_stores": {"docs": {}}, "workers": {"runner": {"env": env}}}
        assert accepted(given).platform.workers["runner"].needs == {"llm": Condition.HEALTHY, "docs": Condition.HEALTHY}

    def test_a_key_can_not_stand_in_a_command(self, refused: Refused) -> None:
        given = {"vector_stores": {"docs": {}}, "workers": {"runner": {"command": ["${vector_stores.docs.api_key}"]}}}
        assert refused(given).message.startswith("command can't hold a secret")

    def test_a_setting_that_is_slipways(self, refused: Refused) -> None:
        problem = refused({"vector_stores": {"docs": {"settings": {"service.api_key": "x"}}}})
        assert told(problem) == (
            'vector_stores.docs.settings["service.api_key"]',
            "service.api_key is Slipway's to decide",
            "remove it",
        )

    def test_two_stores_with_one_volume_of_snapshots(self, refused: Refused) -> None:
        stores = {"a": {"snapshots_volume_name": "kept"}, "b": {"snapshots_volume_name": "kept"}}
        assert refused({"vector_stores": stores}).message == "the volume 'kept' is also that of vector_stores.a"
