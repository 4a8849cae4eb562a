"""Each example of docs/gateway.md loads, becomes a configuration, and nothing is wrong with it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import crossplane
import pulumi
import pytest
import yaml

from components.composition import compose
from settings import StackSource, load_catalogue, load_platform
from testing import Graph, render

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?```yaml\n(.*?)```", DOCUMENT, re.DOTALL | re.MULTILINE))
PASSWORD = "a-canary-of-a-password"


def graph_of(gateway: dict[str, Any], root: Path) -> Graph:
    """Return the graph of a platform with this gateway."""
    service = {"image": "a/b:1", "port": 80, "replicas": 2, "health": {"path": "/"}}
    description = {
        "name": "app",
        "images": {"family": "debian"},
        "protect_data": False,
        "networks": {"edge": {}, "backend": {"internal": True}},
        "secrets": {"scrape_password": {}},
        "databases": {"main": {}},
        "services": {"api": service, "web": {**service, "replicas": 3}},
        "gateway": gateway,
    }
    for folder in ("blueprints", "pages"):
        (root / folder).mkdir()
    for page in ("index.html", "closed.html"):
        (root / "pages" / page).write_text("<h1>a page</h1>\n", encoding="utf-8")
    (root / "blueprints" / "app.yaml").write_text(json.dumps(description), encoding="utf-8")
    (root / "images").symlink_to(ROOT / "images")
    (root / "Pulumi.yaml").write_text("name: slipway\nruntime: python\n", encoding="utf-8")
    secrets = {"scrape_password": PASSWORD}
    source = StackSource(root=root, project="slipway", stack="dev", blueprint="app", secret_lookup=secrets.get)
    loaded = load_platform(source)
    return render(lambda: compose(loaded, load_catalogue(root), lambda name: pulumi.Output.secret(secrets[name])))


def config_of(gateway: dict[str, Any], root: Path) -> str:
    """Return the text of its configuration."""
    return str(graph_of(gateway, root)["gateway"].outputs["config"])


def test_every_section_with_settings_has_an_example() -> None:
    assert len(EXAMPLES) == DOCUMENT.count("```yaml\n") == 8


@pytest.mark.parametrize("section", EXAMPLES)
def test_an_example_is_a_gateway(section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the program runs in the project's folder
    config = config_of(yaml.safe_load(EXAMPLES[section])["gateway"], tmp_path)
    file = tmp_path / "nginx.conf"
    file.write_text(config, encoding="utf-8")
    parsed = crossplane.parse(str(file), single=True)
    assert parsed["status"] == "ok", parsed["errors"]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that gives the configuration of an example."""
    monkeypatch.chdir(tmp_path)
    return lambda section: config_of(yaml.safe_load(EXAMPLES[section])["gateway"], tmp_path)


def test_shares_are_those_of_services_and_not_of_containers(config: Any) -> None:
    """Three of one and two of the other: 90 to 10 stays 90 to 10."""
    upstream = re.search(r"upstream to-api-web-\w+ \{(.*?)\}", config("Several replicas, several services"), re.DOTALL)
    assert upstream is not None
    shares = {"api": 0, "web": 0}
    for name, weight in re.findall(r"server (api|web)-\S+(?: weight=(\d+))?", upstream[1]):
        shares[name] += int(weight or 1)
    assert shares["web"] == 9 * shares["api"]


def test_another_port_of_a_service(config: Any) -> None:
    assert re.search(
        r"upstream to-api-\w+ \{\s+server api-0\S*:8765 .*\s+server api-1\S*:8765 ", config("Where requests go")
    )


def test_a_password_is_nowhere_to_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither itself nor its hash, outside of what is secret."""
    monkeypatch.chdir(tmp_path)
    graph = graph_of(yaml.safe_load(EXAMPLES["Who may come, and how often"])["gateway"], tmp_path)
    uploads = [str(upload["content"]) for upload in graph["gateway-stage"].inputs["uploads"]]
    (users,) = (content for content in uploads if content.startswith("prometheus:"))
    scheme, _, rest = users.partition("{SSHA}")
    assert scheme == "prometheus:"
    decoded = base64.b64decode(rest)
    assert decoded[:20] == hashlib.sha1(PASSWORD.encode() + decoded[20:]).digest()  # noqa: S324 - the format's own
    assert graph.leaks(PASSWORD, rest.strip()) == ()


SCENARIOS = Path(__file__).resolve().parents[1] / "e2e"


def test_every_scenario_that_is_named_exists() -> None:
    """Each feature in the table has one; a scenario that is renamed must be renamed there too."""
    _, _, table = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8").partition("## Every feature")
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 40
    for row in rows:
        named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", row)
        assert named, row
        for file, name in named:
            assert f"def {name}(" in (SCENARIOS / file).read_text(encoding="utf-8"), (file, name)
