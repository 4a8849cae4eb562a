"""The examples in the documents are the files in examples/, and each of them runs."""

from __future__ import annotations

import inspect
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import components
from testing import Graph, render, render_stack

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!-- (?P<file>examples/\S+) -->\n```python\n(?P<code>.*?)```", re.DOTALL)
DOCUMENTS = ("docs/components.md", "docs/testing.md")
EXAMPLES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "examples").glob("*/*.py"))
PROGRAMS = [file for file in EXAMPLES if file.startswith("examples/components/")]
TESTS = [file for file in EXAMPLES if file.startswith("examples/testing/")]


def _blocks() -> dict[str, str]:
    found: dict[str, str] = {}
    for document in DOCUMENTS:
        for match in BLOCK.finditer((ROOT / document).read_text(encoding="utf-8")):
            found[match["file"]] = match["code"]
    return found


def test_documents_show_every_example(request: pytest.FixtureRequest) -> None:
    """``--update-golden`` copies the files into the documents."""
    if request.config.getoption("--update-golden"):
        for document in DOCUMENTS:
            text = (ROOT / document).read_text(encoding="utf-8")
            text = BLOCK.sub(lambda match: f"<!-- {match['file']} -->\n```python\n{_code(match['file'])}```", text)
            (ROOT / document).write_text(text, encoding="utf-8")
    assert sorted(_blocks()) == EXAMPLES


@pytest.mark.parametrize("file", EXAMPLES)
def test_documents_show_the_example_as_it_is(file: str) -> None:
    """Else somebody would copy what does not run."""
    assert _blocks()[file] == _code(file)


def _code(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("file", PROGRAMS)
def test_program_runs(file: str, preview: bool) -> None:
    """In somebody else's project, without a leak."""
    graph = render(
        lambda: runpy.run_path(str(ROOT / file)),
        project="shop",
        secrets={"shop:token": "canary-token"},
        preview=preview,
    )
    assert graph.leaks() == ()
    component = Path(file).stem.title().replace("_", "")
    assert graph.of_type(f"slipway:index:{component}")


@pytest.mark.parametrize("file", PROGRAMS)
def test_programs_are_short(file: str) -> None:
    """One statement and its arguments, or two or three."""
    assert len(_code(file).splitlines()) <= 25


def test_every_component_has_an_example() -> None:
    """And a section."""
    described = (ROOT / "docs/components.md").read_text(encoding="utf-8")
    for name in components.__all__:
        item = getattr(components, name)
        if inspect.isclass(item) and f"{name}Args" in components.__all__ and name != "Workload":
            assert f"\n## {name}\n" in described, name
            assert f"`slipway:index:{name}`" in described, name


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_platform_tests_of_the_document_hold(stack: str) -> None:
    """Run as pytest would, on this project."""
    module = runpy.run_path(str(ROOT / "examples/testing/test_platform.py"))
    graph = render_stack(stack, root=ROOT)
    for test in _tests(module):
        test(graph)


def test_program_tests_of_the_document_hold() -> None:
    """Likewise."""
    for test in _tests(runpy.run_path(str(ROOT / "examples/testing/test_own_program.py"))):
        test()


def _tests(module: dict[str, Any]) -> list[Callable[..., None]]:
    found = [item for name, item in module.items() if name.startswith("test_")]
    assert len(found) >= 3
    return found


def test_the_table_of_questions_names_what_exists() -> None:
    """Every attribute of a graph that the document names."""
    text = (ROOT / "docs/testing.md").read_text(encoding="utf-8")
    for name in re.findall(r"`graph\.(\w+)", text):
        assert hasattr(Graph, name) or name in Graph.__dataclass_fields__, name
