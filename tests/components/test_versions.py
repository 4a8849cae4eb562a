"""Two versions of a service in the graph: each a component of its own, and the gateway shares requests out exactly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.composition import compose
from settings import StackSource, load_catalogue, load_platform
from testing import Graph, render

ROOT = Path(__file__).resolve().parents[2]
OLD: dict[str, Any] = {"image": "a/b:1", "port": 80, "health": {"path": "/"}}
NEW = {**OLD, "image": "a/b:2"}
CANARY = {"release": {"strategy": "canary", "weight": 10}}
BLUE_GREEN = {"release": "blue_green"}
DOOR = {"path": "/", "host": "test.example.org", "to": "api", "version": "other"}

Make = Callable[..., Graph]


@pytest.fixture
def graph_of(tmp_path: Path) -> Make:
    """Return a function that makes the graph of an API behind a gateway from its description and what is noted."""
    (tmp_path / "blueprints").mkdir()
    (tmp_path / "images").symlink_to(ROOT / "images")
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")

    def make(
        api: dict[str, Any], noted: dict[str, Any] | None, *routes: dict[str, Any], monitoring: Any = None, **more: Any
    ) -> Graph:
        description = {
            **({"monitoring": monitoring} if monitoring is not None else {}),
            "name": "app",
            "images": {"family": "debian"},
            "services": {"api": {"replicas": 2, **api}, "web": {**OLD, **more}},
            "gateway": {"routes": [{"to": "api"}, *routes]},
        }
        (tmp_path / "blueprints" / "app.yaml").write_text(json.dumps(description), encoding="utf-8")
        versions = {"api": noted} if noted else {}
        source = StackSource(root=tmp_path, project="shop", stack="dev", blueprint="app", versions=versions)
        loaded = load_platform(source)

        def program() -> None:
            composition = compose(loaded, load_catalogue(tmp_path), lambda _: pulumi.Output.secret(""))
            for name, value in composition.exports.items():
                pulumi.export(name, value)

        return render(program)

    return make


def replicas(graph: Graph) -> dict[str, str]:
    """Return the image of each replica by its logical name."""
    found = [item for item in graph.of_type("Container") if item.labels().get("slipway.role") == "replica"]
    names = {item.outputs["imageId"]: item.inputs["name"] for item in graph.of_type("RemoteImage")}
    return {item.name: names[item.inputs["image"]] for item in found}


def upstreams(graph: Graph) -> dict[str, dict[str, int]]:
    """Return the weight of each server by upstream, servers by their containers' logical names."""
    text = str(graph["gateway"].outputs["config"])
    logical = {str(item.outputs["name"]): item.name for item in graph.of_type("Container")}
    return {
        name: {
            logical[server]: int(weight or 1)
            for server, weight in re.findall(r"server ([\w-]+):\d+(?: weight=(\d+))?", body)
        }
        for name, body in re.findall(r"upstream to-([\w-]+) \{(.*?)\n  \}", text, re.DOTALL)
    }


def test_a_canary_leaves_what_serves_as_it_was(graph_of: Make) -> None:
    """Neither the strategy nor the canary changes an input of a replica that serves."""
    before = graph_of(OLD, None, {"path": "/web", "to": "web"})
    after = graph_of({**NEW, **CANARY}, {"serving": OLD}, {"path": "/web", "to": "web"})
    assert replicas(after) == {"api-0": "a/b:1", "api-1": "a/b:1", "api-canary-0": "a/b:2", "web-0": "a/b:1"}
    for name in ("api-0", "api-1", "web-0"):
        assert after[name].inputs == before[name].inputs
    canary = after["api-canary-0"]
    assert (canary.labels()["slipway.part"], canary.labels()["slipway.slot"]) == ("api", "canary")
    assert [network["aliases"] for network in canary.inputs["networksAdvanced"]] == [["api-canary"]]
    assert after["api-0"].labels().get("slipway.slot") is None
    assert after.exports["versions"] == {"api": {"api": 90, "api-canary": 10}}


def test_a_version_that_is_built_stands_beside_the_image_of_the_one_before(graph_of: Make) -> None:
    """Under the service's own name and its tag."""
    built = {key: value for key, value in OLD.items() if key != "image"} | {"build": {"context": "app", "tag": "2"}}
    graph = graph_of({**built, **CANARY}, {"serving": {**OLD, "image": "shop-api:1"}})
    (build,) = graph.of_type("docker:index/image:Image")
    assert build.inputs["imageName"] == "shop-api:2"
    assert graph["api-canary-0"].inputs["image"] == build.outputs["repoDigest"]
    (before,) = (item for item in graph.of_type("RemoteImage") if item.inputs["name"] == "shop-api:1")
    assert graph["api-0"].inputs["image"] == before.outputs["imageId"]


def test_its_share_is_exact_whatever_the_number_of_replicas(graph_of: Make) -> None:
    """Ten percent to one container, ninety over two; beside another service its own part of the weight."""
    api = {**NEW, **CANARY}
    alone = graph_of(api, {"serving": OLD})
    assert upstreams(alone)["api"] == {"api-0": 9, "api-1": 9, "api-canary-0": 2}
    shared = graph_of(api, {"serving": OLD}, {"path": "/x", "to": {"api": 1, "web": 1}})
    (mixed,) = (servers for name, servers in upstreams(shared).items() if name.startswith("api-web-"))
    assert mixed == {"api-0": 9, "api-1": 9, "api-canary-0": 2, "web-0": 20}


def test_the_gateway_names_a_canary_only_when_it_is_healthy(graph_of: Make) -> None:
    """One that never is leaves the configuration that serves."""
    graph = graph_of({**NEW, **CANARY}, {"serving": OLD})
    assert graph["gateway-verify"].depends_on("api-canary-0")
    assert graph["api-canary-0"].inputs["wait"] is True


def test_blue_and_green_are_two_whole_sets(graph_of: Make) -> None:
    """Each under its own name; only one of them is behind the gateway."""
    graph = graph_of({**NEW, **BLUE_GREEN}, {"live": "blue", "serving": OLD})
    old, new = (
        dict.fromkeys(("api-blue-0", "api-blue-1"), "a/b:1"),
        dict.fromkeys(("api-green-0", "api-green-1"), "a/b:2"),
    )
    assert replicas(graph) == {**old, **new, "web-0": "a/b:1"}
    assert upstreams(graph)["api"] == dict.fromkeys(old, 1)
    assert graph["gateway-verify"].depends_on("api-green-0")
    assert graph.exports["versions"] == {"api": {"api-blue": 100, "api-green": 0}}


def test_a_switch_changes_the_configuration_and_no_container_of_either_set(graph_of: Make) -> None:
    """One reload, there and back; whoever refers to the service follows."""
    api = {**NEW, **BLUE_GREEN, "env": {"SELF": "${services.api.url}"}}
    old = {**OLD, "env": api["env"]}
    new = {key: value for key, value in api.items() if key != "release"}
    web = {"env": {"API": "${services.api.url}"}}
    before = graph_of(api, {"live": "blue", "serving": old, "other": new}, DOOR, **web)
    after = graph_of(api, {"live": "green", "serving": new, "other": old}, DOOR, **web)
    sets = [name for name in replicas(before) if name.startswith("api-")]
    assert len(sets) == 4
    for name in sets:
        assert after[name].inputs == before[name].inputs
    green = {"api-green-0": 1, "api-green-1": 1}
    blue = {"api-blue-0": 1, "api-blue-1": 1}
    assert (upstreams(before)["api"], upstreams(before)["api-other"]) == (blue, green)
    assert (upstreams(after)["api"], upstreams(after)["api-other"]) == (green, blue)
    assert before["gateway-server"].inputs == after["gateway-server"].inputs
    assert before["web-0"].environment()["API"] == "http://api-blue:80"
    assert after["web-0"].environment()["API"] == "http://api-green:80"


def test_a_door_to_the_other_version_that_is_not_there(graph_of: Make) -> None:
    """404, and never what serves."""
    graph = graph_of({**OLD, **CANARY}, {"serving": OLD}, DOOR)
    text = str(graph["gateway"].outputs["config"])
    assert "return 404 'there is one version of api now\\n';" in text
    assert "api-other" not in text
    assert graph.exports["versions"] == {"api": {"api": 100}}


def test_each_version_is_watched_under_its_own_name(graph_of: Make) -> None:
    """A canary's figures are what it is for; the name among the platform's services is no DNS name."""
    api = {**NEW, "metrics": {"port": 80}}
    graph = graph_of({**api, **CANARY}, {"serving": {**OLD, "metrics": {"port": 80}}}, monitoring={})
    texts = [
        str(upload.get("content")) for item in graph.of_type("Container") for upload in item.inputs.get("uploads", [])
    ]
    found = [text for text in texts if "api-canary" in text and "scrape_configs" in text]
    assert len(found) == 1
    assert "api-other" not in found[0]


def test_the_plan_says_who_gets_the_requests(graph_of: Make) -> None:
    """On the reload, where a reviewer finds it."""
    reload = graph_of({**NEW, **CANARY}, {"serving": OLD})["gateway-reload"]
    assert reload.labels()["slipway.traffic.api"] == "90 % api, 10 % api-canary"
    assert "slipway.traffic.api" not in graph_of({**OLD, **CANARY}, {"serving": OLD})["gateway-reload"].labels()
