"""Models answer through the gateway, and vectors are kept: a real Ollama with a tiny model, and a stand-in for Qdrant.

One platform, deployed by one engine: what is asked here happens after the deployment. Ollama is compiled from its Go
module, which takes minutes, so that its image is not made by the way: where it is not there, the platform has no model
server, and what needs one is skipped loudly. Qdrant's server can't be had without a container registry; its stand-in
has its ports, paths, key and snapshots.
"""

from __future__ import annotations

import http.client
import json
import secrets
from typing import TYPE_CHECKING, Any

import docker
import pytest

from operate.image_lock import own_reference
from tests.e2e.harness.engines import ONE
from tests.e2e.harness.gguf import tiny_model
from tests.e2e.harness.hardening import CHECKS, probe
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.qdrant import stand_in
from tests.e2e.harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.models.containers import Container

    from tests.e2e.conftest import Stacks
    from tests.e2e.harness.platform import Platform

pytestmark = pytest.mark.e2e

KEY = "Sk-" + secrets.token_urlsafe(24)
MODELS: dict[str, Any] = {
    "tiny": {"file": "models/tiny.gguf", "warm": True, "parameters": {"temperature": 0, "num_thread": 1}},
    "brief": {"modelfile": "models/Modelfile"},
}


def blueprint(port: int, vectors: str, *, models: dict[str, Any] | None = None, **server: Any) -> dict[str, Any]:
    """Return a platform with a model server and a vector store, both behind the gateway."""
    return {
        "name": "models",
        "protect_data": False,
        "networks": {"edge": {}, "backend": {"internal": True}},
        "secrets": {"llm_key": {}},
        "vector_stores": {"docs": {"image": vectors, "memory": "128MiB", "health_interval": "1s", "stop_grace": "5s"}},
        "model_servers": {
            "llm": {
                "memory": "768MiB",
                "cpus": 1,
                "parallel": 1,
                "context": 512,
                "health_interval": "1s",
                "stop_grace": "5s",
                "models": MODELS if models is None else models,
                **server,
            }
        },
        "backups": {},
        "gateway": {
            "publish": f"127.0.0.1:{port}",
            "health_interval": "1s",
            "drain": "3s",
            "routes": [
                {"path": "/v1/", "to": "llm", "api_key": "llm_key"},
                {"path": "/ollama/", "to": "llm", "rewrite": "/", "api_key": "llm_key"},
                {"path": "/qdrant/", "to": "docs", "strip": True},
            ],
        },
    }


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    """Docker itself."""
    found = docker.from_env()
    yield found
    found.close()


@pytest.fixture(scope="module")
def vectors(client: docker.DockerClient) -> str:
    """The image of the stand-in for Qdrant."""
    return stand_in(client)


@pytest.fixture(scope="module")
def compiled(client: docker.DockerClient) -> bool:
    """Whether Ollama's image is there."""
    return bool(client.images.list(name=own_reference("ollama")))


@pytest.fixture(scope="module")
def platform(stacks: Stacks, vectors: str, *, compiled: bool) -> Iterator[Platform]:
    """Return the platform, deployed; its models may still be on their way."""
    port = free_port()
    made = stacks.new(ONE, {"name": "models"}, port=port)
    folder = made.workspace.root / "models"
    folder.mkdir()
    (folder / "tiny.gguf").write_bytes(tiny_model())
    (folder / "Modelfile").write_text('FROM ./tiny.gguf\nSYSTEM """Answer\nbriefly."""\nPARAMETER num_predict 4\n')
    stack = made.workspace.stack
    made.workspace.run("./slipway", "config", "set", "--stack", stack, "--secret", "llm_key", KEY).ended()
    wanted = blueprint(port, vectors)
    if not compiled:
        del wanted["model_servers"], wanted["secrets"]
        wanted["gateway"]["routes"] = [route for route in wanted["gateway"]["routes"] if route["to"] != "llm"]
    made.deploy(wanted).ended()
    yield made
    stacks.remove(made)


@pytest.fixture
def served(platform: Platform, *, compiled: bool) -> Platform:
    """Return the platform with a model server."""
    if not compiled:
        pytest.skip("MODELS NOT TESTED: Ollama's image is not here, and takes minutes to compile: make test MODELS=1")
    return platform


def ask(
    platform: Platform, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Ask the gateway; return status and answer."""
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=180)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def with_key(platform: Platform, method: str, path: str, body: Any = None) -> Any:
    """Ask with the key; return what it answers as data."""
    status, answer = ask(platform, method, path, body, {"Authorization": f"Bearer {KEY}"})
    assert status == 200, (path, status, answer)
    return json.loads(answer or b"null")


def container(platform: Platform, client: docker.DockerClient, part: str) -> Container:
    """Return a part's one container that serves."""
    (seen,) = platform.daemon.world(platform.workspace.stack).of(part)
    return client.containers.get(seen.id)


def run_in(where: Container, *command: str) -> str:
    """Run a command in a container and return what it says."""
    code, output = where.exec_run(list(command))
    assert isinstance(output, bytes)
    assert code == 0, output
    return output.decode()


def ready(platform: Platform) -> None:
    """Wait until the keeper is healthy: all models are there, and the warm one is in memory."""
    until(
        lambda: (
            [seen.health for seen in platform.daemon.world(platform.workspace.stack).of("llm-models")] == ["healthy"]
        ),
        "the models are there",
        120,
    )


def test_the_models_come_by_themselves(served: Platform) -> None:
    """Declared models appear, made from a file and from a Modelfile; the deployment has not waited for them."""
    ready(served)
    listed = with_key(served, "GET", "/ollama/api/tags")["models"]
    assert sorted(item["name"] for item in listed) == ["brief:latest", "tiny:latest"]
    shown = with_key(served, "POST", "/ollama/api/show", {"model": "brief"})
    assert shown["system"] == "Answer\nbriefly."
    assert [item["name"] for item in with_key(served, "GET", "/ollama/api/ps")["models"]] == ["tiny:latest"]
    assert sorted(item["id"] for item in with_key(served, "GET", "/v1/models")["data"]) == [
        "brief:latest",
        "tiny:latest",
    ]


def test_text_is_streamed_through_the_gateway(served: Platform) -> None:
    """As OpenAI's clients ask: piece by piece, as it is made; a random model says nonsense."""
    ready(served)
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=180)
    said: dict[str, Any] = {"model": "tiny", "stream": True, "max_tokens": 12, "temperature": 0}
    said["messages"] = [{"role": "user", "content": "hello"}]
    connection.request("POST", "/v1/chat/completions", json.dumps(said), {"Authorization": f"Bearer {KEY}"})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
    pieces = [line for line in iter(answer.readline, b"") if line.startswith(b"data: ")]
    connection.close()
    assert pieces[-1] == b"data: [DONE]\n"
    content = "".join(json.loads(piece[6:])["choices"][0]["delta"]["content"] for piece in pieces[:-2])
    assert len(pieces) > 12
    assert len(content.split()) == 12


def test_ollamas_own_api_answers_too(served: Platform) -> None:
    """One line of JSON a piece; the same prompt, without chance, gets the same answer."""
    ready(served)
    said = {"model": "tiny", "prompt": "hello", "stream": False, "options": {"num_predict": 8, "seed": 1}}
    first, second = (with_key(served, "POST", "/ollama/api/generate", said) for _ in range(2))
    assert first["eval_count"] == 8
    assert first["response"] == second["response"]


def test_an_unchanged_deployment_changes_nothing(served: Platform) -> None:
    """All of it is well then, the keeper too, and is what the state says."""
    ready(served)
    served.assert_converged()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Bearer {KEY[:-1]}"},
        {"Authorization": f"Bearer {KEY.swapcase()}"},
        {"Authorization": KEY},
        {"X-Api-Key": f"{KEY}x"},
    ],
)
def test_without_the_key_nobody_is_let_through(served: Platform, headers: dict[str, str]) -> None:
    """Ollama would answer anybody; the refusal is the one that OpenAI's clients understand."""
    for path in ("/v1/models", "/ollama/api/tags"):
        status, answer = ask(served, "GET", path, headers=headers)
        assert (status, json.loads(answer)["error"]["code"]) == (401, "invalid_api_key")


def test_the_key_comes_in_either_header_and_stands_nowhere(served: Platform, client: docker.DockerClient) -> None:
    """Not in what Docker shows of the gateway, nor in plain state; only in a file that nginx includes."""
    assert ask(served, "GET", "/v1/models", headers={"X-Api-Key": KEY})[0] == 200
    gateway = container(served, client, "gateway")
    assert KEY not in json.dumps(gateway.attrs)
    assert KEY not in served.workspace.state_file.read_text(encoding="utf-8")
    config = run_in(gateway, "cat", "/etc/nginx/conf.d/live.conf")
    assert "include" in config
    assert KEY not in config


def test_figures_of_the_models(served: Platform, client: docker.DockerClient) -> None:
    """What Ollama does not tell Prometheus, the keeper does, at the place that its label names."""
    ready(served)
    keeper = container(served, client, "llm-models")
    assert keeper.labels["slipway.metrics"] == ":9436/metrics"
    read = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9436/metrics').read().decode())"
    text = run_in(keeper, "python3", "-c", read)
    assert 'slipway_model_present{model="tiny"} 1' in text
    assert 'slipway_model_loaded{model="tiny:latest",server="http://llm-0:11434"} 1' in text
    assert 'slipway_model_vram_bytes{model="tiny:latest",server="http://llm-0:11434"} 0' in text
    assert 'slipway_model_server_up{server="http://llm-0:11434"} 1' in text


def test_a_restart_keeps_the_models_and_warms_them_again(served: Platform, client: docker.DockerClient) -> None:
    """Nothing is fetched a second time."""
    ready(served)
    keeper = container(served, client, "llm-models")
    said_before = keeper.logs().decode().count("creating")
    container(served, client, "llm").restart(timeout=5)
    until(lambda: ask(served, "GET", "/v1/models", headers={"X-Api-Key": KEY})[0] == 200, "it answers again", 30)
    until(lambda: with_key(served, "GET", "/ollama/api/ps")["models"], "the warm model is in memory again", 30)
    assert len(with_key(served, "GET", "/v1/models")["data"]) == 2
    assert keeper.logs().decode().count("creating") == said_before
    ready(served)


def test_vectors_are_kept_behind_their_own_key(platform: Platform, client: docker.DockerClient) -> None:
    """The generated key opens, nothing else does; a snapshot lands on its volume; a restart keeps everything."""
    store = container(platform, client, "docs")
    key = run_in(store, "cat", "/run/secrets/api_key")
    assert ask(platform, "GET", "/qdrant/readyz")[0] == 200
    assert ask(platform, "GET", "/qdrant/collections")[0] == 401
    assert ask(platform, "GET", "/qdrant/collections", headers={"api-key": key[::-1]})[0] == 401
    assert key not in json.dumps(store.attrs)
    assert key not in platform.workspace.state_file.read_text(encoding="utf-8")
    points = [{"id": 1, "vector": [1, 0], "payload": {"name": "a"}}, {"id": 2, "vector": [0, 1], "payload": {}}]

    def at(method: str, path: str, body: Any = None) -> Any:
        status, answer = ask(platform, method, f"/qdrant{path}", body, {"api-key": key})
        assert status == 200, answer
        return json.loads(answer)["result"]

    assert at("PUT", "/collections/papers", {"vectors": {"size": 2, "distance": "Cosine"}})
    assert at("PUT", "/collections/papers/points", {"points": points})["status"] == "completed"
    made = at("POST", "/collections/papers/snapshots")
    store.restart(timeout=5)
    until(lambda: ask(platform, "GET", "/qdrant/readyz")[0] == 200, "it answers again", 30)
    assert [item["id"] for item in at("POST", "/collections/papers/points/search", {"vector": [1, 0.1]})] == [1, 2]
    assert [item["name"] for item in at("GET", "/collections/papers/snapshots")] == [made["name"]]
    assert run_in(store, "ls", "/var/lib/qdrant/snapshots/papers") == f"{made['name']}\n"


def test_a_backup_holds_the_snapshots_and_the_names_of_the_models(platform: Platform, *, compiled: bool) -> None:
    """As all that the platform declares, made and proved by one command."""

    def slipway(*words: str) -> Any:
        stack = platform.workspace.stack
        return json.loads(platform.workspace.run("./slipway", "backup", *words, "--stack", stack, "--json").ended().out)

    platform.workspace.run("./slipway", "backup", "--stack", platform.workspace.stack).ended()
    newest = slipway("list")[0]
    assert newest["verified"]
    stores = {store["name"]: store["content"] for store in slipway("show", newest["id"])["manifest"]["stores"]}
    assert stores["docs"]["collections"]["papers"]["points"] == 2
    assert stores.keys() == {"docs", "checkpoint", *(["llm"] if compiled else [])}


def test_they_are_hardened_as_everything_is(served: Platform) -> None:
    """Seen in Docker and in the kernel."""
    world = served.daemon.world(served.workspace.stack)
    probes = [item for item in probe(served.daemon, world) if item.part in {"llm", "llm-models", "docs"}]
    assert {item.part for item in probes} == {"llm", "llm-models", "docs"}
    failed = [(item.part, name) for item in probes for name, (holds, _) in CHECKS.items() if not holds(item)]
    assert failed == []


def test_a_new_model_leaves_the_server_running(served: Platform, vectors: str) -> None:
    """The keeper is another one, and makes it; what answered goes on answering."""
    before = served.world.ids("llm")
    models = {**MODELS, "other": {"from": "tiny", "system": "Be kind."}}
    served.deploy(blueprint(served.port, vectors, models=models)).ended()
    ready(served)
    assert served.world.ids("llm") == before
    assert with_key(served, "POST", "/ollama/api/show", {"model": "other"})["system"] == "Be kind."
    served.deploy(blueprint(served.port, vectors)).ended()


def test_who_waits_for_models_fails_with_one_that_can_not_be_had(served: Platform, vectors: str) -> None:
    """With Ollama's own message; and with those that can be had, the deployment ends when they are there."""
    (served.workspace.root / "models" / "broken.gguf").write_bytes(b"this is no model")
    models = {"tiny": MODELS["tiny"], "broken": {"file": "models/broken.gguf"}}
    run = served.deploy(blueprint(served.port, vectors, models=models, ready="models"))
    assert run.code != 0
    assert "fetching the models of llm failed with exit code 1" in run.text
    assert "broken: failed" in run.text
    assert ask(served, "GET", "/v1/models", headers={"X-Api-Key": KEY})[0] == 200
    served.deploy(blueprint(served.port, vectors, ready="models")).ended()
    assert [item["name"] for item in with_key(served, "GET", "/ollama/api/ps")["models"]] == ["tiny:latest"]


def test_gpus_that_are_not_there_are_refused(served: Platform, client: docker.DockerClient, vectors: str) -> None:
    """Before anything changes, and the doctor knows; nothing falls back to the CPU."""
    if "nvidia" in client.info()["Runtimes"]:
        pytest.skip("this machine has GPUs")
    before = served.world.all_ids
    run = served.deploy(blueprint(served.port, vectors, gpus="all"))
    assert run.code != 0
    assert "GPUs are asked for, and Docker's machine has none to give, so nothing was changed" in run.text
    assert "model_servers.llm.gpus: all" in run.text
    assert "model_servers.llm.gpus: all; Docker's machine has none to give" in served.slipway.ask("doctor").text
    assert served.world.all_ids == before
