"""Dashboards: what is checked in is what the generator makes, and each is one that Grafana is given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.grafana import DASHBOARDS, SOURCE, dashboard, grafana_env, grafana_files
from components.prometheus import Timing, Watched
from dashboards.generate import generate
from dashboards.panels import BOARDS, Board

FOLDER = Path(__file__).resolve().parents[2] / "components" / "dashboards"


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_a_file_is_what_the_generator_makes(board: Board) -> None:
    assert dashboard(board.name) == generate(board), "make dashboards"


def test_there_is_no_other_file() -> None:
    names = {board.name for board in BOARDS}
    assert {file.stem for file in FOLDER.glob("*.json")} == names == set(DASHBOARDS)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_every_panel_asks_the_one_source(board: Board) -> None:
    """Whose id Grafana is given with it."""
    for panel in json.loads(dashboard(board.name))["panels"]:
        assert panel["datasource"] == {"type": "prometheus", "uid": SOURCE}
        (target,) = panel["targets"]
        assert target["expr"]


def test_only_those_of_what_there_is_are_given() -> None:
    few = grafana_files("http://prometheus:9090", Timing(), Watched())
    all_of_them = grafana_files(
        "http://prometheus:9090", Timing(), Watched(gateway=True, databases=True, caches=True, host=True, workloads="a")
    )
    assert sum("dashboards/" in path and path.endswith(".json") for path in few) == 1
    assert sum("dashboards/" in path and path.endswith(".json") for path in all_of_them) == len(BOARDS)


def test_under_a_path_grafana_serves_under_it() -> None:
    assert "GF_SERVER_ROOT_URL" not in grafana_env("/", "/p")
    assert grafana_env("/grafana/", "/p")["GF_SERVER_ROOT_URL"].endswith("/grafana/")
