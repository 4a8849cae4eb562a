"""The graph: finding, following, looking for leaks."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pulumi
import pulumi_docker as docker
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testing import Graph, render


class Pair(pulumi.ComponentResource):
    """A component with two containers, the second of which waits for the first."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:index:Pair", name, {}, opts)
        args = docker.ContainerArgs(image="app")
        first = docker.Container(f"{name}-first", args, pulumi.ResourceOptions(parent=self))
        docker.Container(f"{name}-second", args, pulumi.ResourceOptions(parent=self, depends_on=[first]))
        self.register_outputs({})


@pytest.fixture(scope="module")
def graph() -> Graph:
    """Return two pairs, the second of which waits for the first; names are used twice."""

    def program() -> None:
        one = Pair("one")
        Pair("two", pulumi.ResourceOptions(depends_on=[one]))
        last = docker.Container("last", docker.ContainerArgs(image="app"), pulumi.ResourceOptions(depends_on=[one]))
        docker.Volume("one")
        docker.Volume("data", docker.VolumeArgs(name=last.name))

    return render(program)


def test_finding(graph: Graph) -> None:
    """By name, by URN, by type."""
    assert graph["last"].type == "docker:index/container:Container"
    assert graph[graph["last"].urn] is graph["last"]
    assert graph.find("one", "Volume").custom
    assert not graph.find("one", "test:index:Pair").custom
    assert "last" in graph
    assert "lost" not in graph
    assert len(graph.of_type("Container")) == 5
    assert graph.of_type("docker:index/container:Container") == graph.of_type("Container")
    assert len(graph) == 9


def test_not_finding(graph: Graph) -> None:
    """The error helps."""
    with pytest.raises(LookupError, match="no resource is called 'lasst'; near: last"):
        graph["lasst"]
    with pytest.raises(LookupError, match="'one' names several, say which type"):
        graph["one"]
    with pytest.raises(LookupError, match="'last' is not of type 'Volume'"):
        graph.find("last", "Volume")


def test_families(graph: Graph) -> None:
    """Children, their children, and the stack's."""
    assert [child.name for child in graph.children("two")] == ["two-first", "two-second"]
    assert {child.name for child in graph.children()} == {"one", "two", "last", "data"}
    assert {child.name for child in graph.descendants("two")} == {"two-first", "two-second"}
    assert graph.children("last") == ()


def test_following(graph: Graph) -> None:
    """Directly, and to the end; a component stands for its children."""
    assert {other.name for other in graph.dependencies("last")} == {"one-first", "one-second"}
    assert graph["last"].depends_on("one-first")
    assert graph["data"].depends_on("one-first")
    assert graph["data"].depends_on(graph["last"])
    assert not graph["last"].depends_on("data")
    assert not graph["one-first"].depends_on("one-second")
    assert {other.name for other in graph.dependents("last")} == {"data"}


SECRET = 'c4nary "quoted" / value'


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"before {SECRET} after",
        base64.b64encode(SECRET.encode()).decode(),
        quote(SECRET, safe=""),
        json.dumps({"key": SECRET}),
    ],
    ids=["plain", "inside", "base64", "url", "json"],
)
def test_every_form_of_a_secret_is_found(text: str) -> None:
    """And the place is named, without the value."""

    def program() -> None:
        docker.Container("web", docker.ContainerArgs(image="app", envs=[text], hostname=pulumi.Output.secret(text)))

    leaks = render(program).leaks(SECRET)
    assert leaks == (
        "docker:index/container:Container web: inputs.envs[0]",
        "docker:index/container:Container web: outputs.envs[0]",
    )


def test_leaks_in_names_exports_and_messages_are_found() -> None:
    """Everything that somebody can read."""

    def program() -> None:
        docker.Volume("volume-canary-1")
        pulumi.export("out", "canary-1")
        pulumi.log.info("it is canary-1")

    assert len(render(program, secrets={"test:key": "canary-1"}).leaks()) >= 4


@settings(max_examples=30)
@given(st.text(min_size=6, max_size=20))
def test_a_marked_secret_never_leaks(value: str) -> None:
    """Neither to the plan nor to the list of leaks, whatever its characters."""
    marked = f"canary-{value}"

    def program() -> None:
        secret = pulumi.Output.secret(marked)
        docker.Container("web", docker.ContainerArgs(image="app", envs=["A=1", secret]))
        pulumi.export("out", secret)

    graph = render(program)
    assert graph.leaks(marked) == ()
    assert marked not in graph.plan()
