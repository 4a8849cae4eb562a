"""ModelServer: Ollama, the keeper of its models, and who waits for what."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from components import ModelArgs, ModelServer, ModelServerArgs
from components.args import NetworkAttachment
from components.carrier import Binary
from testing import Graph, render

ARGS = ModelServerArgs(
    image="ollama/ollama:0.9.6",
    keeper_image="slipway/models:1",
    networks=[NetworkAttachment(network_id="net", aliases=["llm"])],
    models={"llama3.2:1b": ModelArgs(warm=True), "helper": ModelArgs(base="llama3.2:1b", system="Be brief.")},
)


def _server(args: ModelServerArgs = ARGS) -> Graph:
    return render(lambda: ModelServer("llm", args))


def _described(graph: Graph) -> dict[str, Any]:
    uploads = {item["file"]: item.get("content") for item in graph["llm-models-files-carrier"].inputs["uploads"]}
    described: dict[str, Any] = json.loads(uploads["/etc/models/models.json"])
    return described


def test_children() -> None:
    """A volume and its owner, a server, a keeper with its files; nothing of a keeper where no model is asked for."""
    names = {"llm-data", "llm-owner", "llm-server-0", "llm-models-files", "llm-models"}
    assert {child.name for child in _server().children("llm")} == names
    alone = _server(replace(ARGS, models={}))
    assert {child.name for child in alone.children("llm")} == {"llm-data", "llm-owner", "llm-server-0"}


def test_the_keeper_reads_what_shall_be_there() -> None:
    """What is not said is left out; the file is an ordinary one."""
    assert _described(_server()) == {
        "servers": ["http://llm-0:11434"],
        "port": 9436,
        "models": [
            {"name": "llama3.2:1b", "warm": True},
            {"name": "helper", "from": "llama3.2:1b", "system": "Be brief."},
        ],
    }


def test_nobody_waits_for_the_models() -> None:
    """The keeper has a health check, so that everybody can see, and the deployment goes on without it."""
    keeper = _server()["llm-models"]
    assert keeper.inputs["healthcheck"]["tests"][-2:] == ["9436", "/ready"]
    assert keeper.inputs["healthcheck"]["startPeriod"] == "30m0s"
    assert "wait" not in keeper.inputs
    assert _server()["llm-server-0"].inputs["wait"] is True


def test_whoever_wants_to_wait_waits_for_a_job() -> None:
    """Its exit code is the deployment's; the keeper takes over from it."""
    graph = _server(replace(ARGS, wait_for_models=True, models_timeout_s=120))
    fetch = graph["llm-models-fetch"]
    assert fetch.inputs["command"] == ["fetch"]
    assert fetch.inputs["attach"] is True
    assert fetch.depends_on("llm-server-0")
    assert graph["llm-models"].depends_on("llm-models-fetch")


def test_each_replica_has_its_gpus_and_a_name() -> None:
    """The keeper warms each by name; clients find all of them by one. They share the models, and tidy nothing up."""
    graph = _server(replace(ARGS, gpus=["device=0", "device=1"]))
    servers = [graph[f"llm-server-{index}"] for index in range(2)]
    assert [server.inputs["gpus"] for server in servers] == ["device=0", "device=1"]
    aliases = [server.inputs["networksAdvanced"][0]["aliases"] for server in servers]
    assert aliases == [["llm", "llm-0"], ["llm", "llm-1"]]
    assert all(server.environment()["OLLAMA_NOPRUNE"] == "1" for server in servers)
    assert len({server.inputs["volumes"][0]["volumeName"] for server in servers}) == 1
    assert _described(graph)["servers"] == ["http://llm-0:11434", "http://llm-1:11434"]


def test_without_gpus_it_asks_for_none() -> None:
    """The CPU is what is said, not what is left."""
    assert "gpus" not in _server()["llm-server-0"].inputs


def test_settings_become_variables_of_ollama() -> None:
    """Those that nobody sets are Ollama's own to choose; its own key of a setting wins over the free one."""
    given = replace(ARGS, parallel=4, max_loaded=2, context=8192, keep_alive_s=90, settings={"OLLAMA_DEBUG": "1"})
    assert _server(given)["llm-server-0"].environment() == {
        "HOME": "/var/lib/ollama",
        "OLLAMA_CONTEXT_LENGTH": "8192",
        "OLLAMA_DEBUG": "1",
        "OLLAMA_HOST": "0.0.0.0:11434",
        "OLLAMA_KEEP_ALIVE": "90s",
        "OLLAMA_MAX_LOADED_MODELS": "2",
        "OLLAMA_MAX_QUEUE": "512",
        "OLLAMA_MODELS": "/var/lib/ollama/models",
        "OLLAMA_NUM_PARALLEL": "4",
    }
    assert "OLLAMA_NUM_PARALLEL" not in _server()["llm-server-0"].environment()


def test_a_file_of_the_project_is_carried_and_one_of_the_host_is_mounted() -> None:
    """Both to the keeper alone, which gives them to the server over its API."""
    models = {"small": ModelArgs(file=Binary("R0dVRg==")), "large": ModelArgs(file="/srv/models/large.gguf")}
    graph = _server(replace(ARGS, models=models))
    uploads = graph["llm-models-files-carrier"].inputs["uploads"]
    assert {item["file"]: item.get("contentBase64") for item in uploads}["/etc/models/0.gguf"] == "R0dVRg=="
    bound = [mount for mount in graph["llm-models"].inputs["volumes"] if "hostPath" in mount]
    assert bound == [{"hostPath": "/srv/models/large.gguf", "containerPath": "/models/1/large.gguf", "readOnly": True}]
    assert [model["file"] for model in _described(graph)["models"]] == ["/etc/models/0.gguf", "/models/1/large.gguf"]


def test_another_file_is_another_volume() -> None:
    """What is no text counts too."""

    def content(base64: str) -> str:
        graph = _server(replace(ARGS, models={"small": ModelArgs(file=Binary(base64))}))
        labels = {item["label"]: item["value"] for item in graph["llm-models-files-etc-models"].inputs["labels"]}
        return str(labels["slipway.content"])

    assert content("R0dVRg==") == content("R0dVRg==") != content("R0dVRw==")


def test_the_models_are_kept() -> None:
    """What was downloaded in hours stays when the platform goes."""
    data = _server()["llm-data"]
    assert (data.options.protect, data.options.retain_on_delete) == (True, True)


def test_clients_get_both_addresses() -> None:
    """Ollama's API and OpenAI's."""
    made: list[ModelServer] = []
    render(lambda: made.append(ModelServer("llm", ARGS)))
    assert (made[0].url, made[0].openai_url) == ("http://llm:11434", "http://llm:11434/v1")


@pytest.mark.parametrize("role", ["llm-server-0", "llm-models"])
def test_it_is_hardened(role: str) -> None:
    """Neither is root, neither writes to its root."""
    inputs = _server()[role].inputs
    assert inputs["readOnly"] is True
    assert inputs["capabilities"] == {"drops": ["ALL"]}
    assert not inputs["user"].startswith("0")
