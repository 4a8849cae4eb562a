"""What the room gives out, and the type tokens, which are part of every user's state."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools

import pulumi
import pytest

import components
from components import (
    Cache,
    CacheArgs,
    Database,
    DatabaseArgs,
    Gateway,
    GatewayArgs,
    GatewayRoute,
    Images,
    ImagesArgs,
    Job,
    JobArgs,
    ModelArgs,
    ModelServer,
    ModelServerArgs,
    Network,
    SecretFiles,
    SecretFilesArgs,
    Service,
    ServiceArgs,
    VectorStore,
    VectorStoreArgs,
    Workers,
    WorkersArgs,
)
from testing import Resource, render


def _one_of_each() -> None:
    backend = Network("backend").attach("part")
    Images("images", ImagesArgs(references=["redis:7"]))
    SecretFiles("files", SecretFilesArgs(files={"/run/secrets/key": "value"}, image="carrier"))
    Database("main", DatabaseArgs(image="postgres"))
    Cache("queue", CacheArgs(image="redis"))
    VectorStore("documents", VectorStoreArgs(image="qdrant"))
    ModelServer("llm", ModelServerArgs(image="ollama", keeper_image="models", models={"tiny": ModelArgs()}))
    Job("migrate", JobArgs(image="app"))
    Workers("runner", WorkersArgs(image="app"))
    api = Service("api", ServiceArgs(image="app", port=8000, networks=[backend]))
    addresses = api.container_names.apply(lambda names: [f"{name}:8000" for name in names])
    Gateway("gateway", GatewayArgs(image="nginx", routes=[GatewayRoute(upstream="api")], upstreams={"api": addresses}))


@pytest.fixture(scope="module")
def parts() -> list[Resource]:
    """Return the component resources of a program that uses each once."""
    return [resource for resource in render(_one_of_each) if not resource.custom]


def test_the_public_names_are_sorted_and_exist() -> None:
    """``__all__`` is the contract."""
    assert list(components.__all__) == sorted(components.__all__, key=lambda name: (name.islower(), name))
    for name in components.__all__:
        assert inspect.getdoc(getattr(components, name)), name


def test_type_tokens_are_pinned(parts: list[Resource]) -> None:
    """A changed token would replace everything under it in every stack."""
    assert {part.type for part in parts} == {
        "slipway:index:Cache",
        "slipway:index:Database",
        "slipway:index:Gateway",
        "slipway:index:Images",
        "slipway:index:Job",
        "slipway:index:ModelServer",
        "slipway:index:Network",
        "slipway:index:SecretFiles",
        "slipway:index:Service",
        "slipway:index:VectorStore",
        "slipway:index:Workers",
    }


def test_every_component_registers_outputs(parts: list[Resource]) -> None:
    """Registered outputs are what a reader of the state sees of a component."""
    assert [part.name for part in parts if not part.outputs] == []


def test_every_child_has_its_component_as_parent_and_begins_with_its_name() -> None:
    """Names are ``<component>-<role>``, so that two components never clash."""
    graph = render(_one_of_each)
    for resource in graph:
        if resource.custom:
            parent = graph.find(resource.parent)
            assert parent.type.startswith("slipway:index:"), resource
            assert resource.name.startswith(f"{parent.name}-"), resource


ARGS = sorted(name for name in components.__all__ if dataclasses.is_dataclass(getattr(components, name)))


@pytest.mark.parametrize("name", ARGS)
def test_arguments_are_frozen_keyword_only_and_documented(name: str) -> None:
    """Every field has a docstring: meaning, unit, default."""
    arguments = getattr(components, name)
    assert arguments.__dataclass_params__.frozen
    assert all(item.kw_only for item in dataclasses.fields(arguments))
    body = ast.parse(inspect.getsource(arguments)).body[0]
    assert isinstance(body, ast.ClassDef)
    for field, after in itertools.pairwise([*body.body, ast.Pass()]):
        if isinstance(field, ast.AnnAssign):
            assert isinstance(after, ast.Expr), ast.unparse(field)
            assert isinstance(after.value, ast.Constant), ast.unparse(field)


def test_components_take_name_args_and_options() -> None:
    """One signature for all."""
    for name in components.__all__:
        item = getattr(components, name)
        if inspect.isclass(item) and issubclass(item, pulumi.ComponentResource):
            assert list(inspect.signature(item).parameters) == ["name", "args", "opts"], name


def test_children_inherit_protection_from_a_component() -> None:
    """A caller's ``protect`` on the component is Pulumi's to hand on: no child says otherwise."""

    def program() -> None:
        Service("api", ServiceArgs(image="app"), pulumi.ResourceOptions(protect=True))

    assert render(program)["api-0"].options.protect is True
