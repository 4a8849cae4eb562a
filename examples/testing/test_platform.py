"""What you can promise about your platform, checked in milliseconds and without Docker."""

import pytest

from testing import Graph, render_stack


@pytest.fixture(scope="module", params=["dev", "prod"])
def graph(request: pytest.FixtureRequest) -> Graph:
    """Return the graph of each stack of this project."""
    return render_stack(request.param)


def test_no_secret_stands_in_the_open(graph: Graph) -> None:
    """Generated passwords and secret configuration: not in an environment, a command, a label, an output."""
    assert graph.leaks() == ()


def test_the_api_starts_after_the_migration_on_tables_that_are_there(graph: Graph) -> None:
    """Dependencies are followed to their end."""
    assert graph["api-0"].depends_on("migrate-run")
    assert graph["migrate-run"].depends_on("main-server")


def test_production_data_is_protected(graph: Graph) -> None:
    """Options are there as well as inputs."""
    protected = graph["main-data"].options.protect
    assert bool(protected) is (graph.stack == "prod")


def test_every_container_is_bounded(graph: Graph) -> None:
    """One rule for all of a type."""
    for container in graph.of_type("Container"):
        assert container.inputs.get("memory", 0) <= 4096, container
