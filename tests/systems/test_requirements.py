"""Every requirement of the five documents has a row, and every row that the graph can show is shown.

One test a requirement and environment: ``pytest tests/systems -k ORI-02``. What only a running system shows is asked by
``make systems``.
"""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from cli.app import COMMANDS
from operate.image_lock import read_catalogue
from testing import Graph, render_stack
from tests.e2e.harness.systems import REAL
from tests.systems.document import FILE, render
from tests.systems.look.view import ENVIRONMENTS, ROOT, View, graph_of
from tests.systems.rows import Row

REQUIREMENTS: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("requirements.json").read_text(encoding="utf-8")
)
SYSTEMS = sorted(REQUIREMENTS)
ROWS: dict[str, dict[str, Row]] = {name: importlib.import_module(f"tests.systems.{name}").ROWS for name in SYSTEMS}


def _environments(item: dict[str, Any]) -> tuple[str, ...]:
    return ENVIRONMENTS if item["env"] == "both" else (item["env"],)


CASES = [
    pytest.param(system, item["id"], environment, id=f"{item['id']}-{environment}")
    for system in SYSTEMS
    for item in REQUIREMENTS[system]
    for environment in _environments(item)
    if ROWS[system].get(item["id"], Row("")).check is not None
]


def _view(system: str, environment: str) -> View:
    return View(system, environment, graph_of(system, environment))


@pytest.mark.parametrize(("system", "name", "environment"), CASES)
def test_requirement(system: str, name: str, environment: str) -> None:
    """A requirement holds; one that is open does not, or its row would have to say so."""
    row = ROWS[system][name]
    assert row.check is not None
    if not row.missing:
        row.check(_view(system, environment))
        return
    with pytest.raises((AssertionError, LookupError, KeyError, TypeError)):
        row.check(_view(system, environment))


@pytest.mark.parametrize(("part", "role"), REAL.items())
def test_what_runs_in_its_place_is_of_its_version(part: str, role: str) -> None:
    """What ``make systems`` shows of a program holds for the version that the blueprint names, and for no other."""
    files = (path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("blueprints/*.yaml")))
    named = [tag for text in files for tag in re.findall(rf"^ +{part}:\n +image: [^\s:]+:v?(\S+)", text, re.MULTILINE)]
    assert named == [read_catalogue()[role]["official"]["version"]]


@pytest.fixture(scope="module")
def nothing() -> Graph:
    """Return the graph of a platform without a part, under each system's name."""
    config = {
        "blueprint": "starter",
        "overrides": {
            "images": {"family": "official"},
            **dict.fromkeys(("databases", "caches", "services", "workers", "jobs", "gateway")),
        },
    }
    return render_stack("dev", root=ROOT, config=config)


@pytest.mark.parametrize(("system", "name", "environment"), CASES)
def test_a_check_can_fail(
    system: str, name: str, environment: str, nothing: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a platform in which nothing is, no requirement is met."""
    for module in ("view", "parts"):
        monkeypatch.setattr(f"tests.systems.look.{module}.graph_of", lambda *_: nothing)
    check = ROWS[system][name].check
    assert check is not None
    with pytest.raises((AssertionError, LookupError, KeyError, TypeError)):
        check(View(system, environment, nothing))


@pytest.mark.parametrize("system", SYSTEMS)
def test_no_requirement_is_missing(system: str) -> None:
    """The 496 of the documents, and no others."""
    assert list(ROWS[system]) == [item["id"] for item in REQUIREMENTS[system]]


def test_there_are_496() -> None:
    """As many as were counted in the documents."""
    assert sum(len(items) for items in REQUIREMENTS.values()) == 496


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_row_is_shown(system: str) -> None:
    """What the graph can show has a check; the rest a probe, a test or a command that exist; or it says what is missing."""
    for item in REQUIREMENTS[system]:
        row = ROWS[system][item["id"]]
        if item["check"] == "graph":
            assert row.check is not None or row.missing, f"{item['id']} has no check of the graph"
        assert row.check or row.probes or row.test or row.missing, item["id"]
        if row.command:
            words = row.command.split()
            assert words[0] in {"slipway", "make"}, row.command
            known = COMMANDS if words[0] == "slipway" else _targets()
            assert words[1] in known, row.command
        if row.test:
            file, _, name = row.test.partition("::")
            text = (ROOT / file).read_text(encoding="utf-8")
            assert not name or re.search(rf"^\s*def {name}\(", text, re.MULTILINE), row.test


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_document_is_fresh(system: str, request: pytest.FixtureRequest) -> None:
    """docs/systems/ is written from the rows: ``make docs``."""
    file = ROOT / FILE.format(system)
    text = render(system)
    if request.config.getoption("--update-golden"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text, f"{FILE.format(system)} is stale: run make docs"
