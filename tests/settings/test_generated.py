"""The schema, the reference and the explanation: fresh, and true."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # ships no types
import pytest
import yaml
from pydantic import BaseModel, TypeAdapter

import settings
from settings import model as models
from settings.annotations import annotation_of, written_name
from settings.examples import EXAMPLES
from settings.explain import explain, explain_json
from settings.model.base import NAME_PATTERNS
from settings.reference_doc import REFERENCE_FILE, example_of, render
from settings.rendering import as_written
from settings.schema import SCHEMA_FILE, json_schema, schema_text

ROOT = Path(__file__).parents[2]
MODELS = [
    item for name in models.__all__ if isinstance(item := getattr(models, name), type) and issubclass(item, BaseModel)
]
FIELDS = [pytest.param(model, name, id=f"{model.__name__}.{name}") for model in MODELS for name in model.model_fields]


def test_the_public_names_are_sorted_and_there() -> None:
    assert settings.__all__ == sorted(settings.__all__, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(settings, name) for name in settings.__all__)


@pytest.mark.parametrize(("file", "text"), [(REFERENCE_FILE, render()), (SCHEMA_FILE, schema_text())])
def test_a_generated_file_is_fresh(file: str, text: str) -> None:
    assert (ROOT / file).read_text(encoding="utf-8") == text, f"{file} is stale: run make docs"


@pytest.mark.parametrize(("model", "name"), FIELDS)
def test_every_field_is_described_and_its_example_is_accepted(model: type[BaseModel], name: str) -> None:
    field = model.model_fields[name]
    assert field.description, "a field says what it means"
    example = example_of(model, written_name(name, field), field)
    if example is not None:
        TypeAdapter(annotation_of(field)).validate_python(example)


def test_every_example_belongs_to_a_field() -> None:
    named = {model.__name__: model for model in MODELS} | {"Store": models.Database}
    for name, examples in EXAMPLES.items():
        keys = {written_name(*item) for item in named[name].model_fields.items()}
        assert examples.keys() <= keys, name


def test_every_pattern_has_words() -> None:
    patterns = set(re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', json.dumps(models.Platform.model_json_schema())))
    units = {
        json.dumps(schema["pattern"])[1:-1] for schema in (settings.units.MEMORY_SCHEMA, settings.units.DURATION_SCHEMA)
    }
    assert patterns - units <= {json.dumps(pattern)[1:-1] for pattern in NAME_PATTERNS}


@pytest.fixture(scope="module")
def validator() -> Any:
    """Validate by the schema, after the schema itself was validated."""
    schema = json_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


class TestSchema:
    @pytest.mark.parametrize("blueprint", sorted((ROOT / "blueprints").glob("*.yaml")), ids=lambda path: str(path.stem))
    def test_every_blueprint_fits_and_names_it(self, validator: Any, blueprint: Path) -> None:
        text = blueprint.read_text(encoding="utf-8")
        assert text.splitlines()[0] == "# yaml-language-server: $schema=../docs/schema.json"
        validator.validate(yaml.safe_load(text))

    @pytest.mark.parametrize(
        "part",
        [
            {"services": {"api": {"memory": "512MiB", "env": {"A": 1, "B": True}, "secrets": ["x", {"name": "y"}]}}},
            {"services": {"api": {"publish": [8080, "8080:80", {"port": 1, "host_port": 2}], "volumes": ["a:/b"]}}},
            {"gateway": {"publish": "127.0.0.1:80", "routes": [{"to": "api"}]}},
            {"environments": {"dev": {"services": {"api": {"memory": None}}, "gateway": None}}},
            {"environments": {"dev": {"gateway": {"drain": "5s"}, "databases": {"main": None}}}},
            {"x-common": {"anything": [1]}},
        ],
    )
    def test_what_is_right_fits(self, validator: Any, part: dict[str, Any]) -> None:
        validator.validate({"name": "a", **part})

    @pytest.mark.parametrize(
        "part",
        [
            {"servces": {}},
            {"services": {"api": {"memry": "1GiB"}}},
            {"services": {"api": {"memory": 512}}},
            {"services": {"Api": {}}},
            {"services": {"api": {"stop_grace": "30"}}},
            {"services": {"api": None}},
            {"caches": {"queue": {"eviction": "lru"}}},
            {"gateway": {}},
            {"environments": {"dev": {"servces": {}}}},
            {"environments": {"dev": {"services": {"api": {"memry": "1GiB"}}}}},
            {"environments": {"dev": {"services": {"api": {"memory": 512}}}}},
        ],
    )
    def test_what_is_wrong_does_not(self, validator: Any, part: dict[str, Any]) -> None:
        assert list(validator.iter_errors({"name": "a", **part}))

    def test_units_are_stated_once_and_defaults_as_people_write_them(self) -> None:
        schema = json_schema()
        service = schema["$defs"]["Service"]["properties"]
        assert service["memory"]["$ref"] == "#/$defs/Size"
        assert (service["memory"]["default"], service["stop_grace"]["default"]) == ("512MiB", "10s")
        assert "environments" in schema["properties"]


class TestExplain:
    def test_it_is_yaml_of_the_whole_platform(self, project: Any) -> None:
        patch = {"workers": {"runner": {"files": {"/etc/x #y": "a: 1\n# b\n"}, "command": ["no", "5", "on", "-x: #"]}}}
        loaded = project.load(patch)
        assert yaml.safe_load(explain(loaded)) == as_written(loaded.platform)

    def test_each_value_has_its_origin(self, project: Any) -> None:
        project.write("blueprints/app.yaml", "name: app\ncaches:\n  queue: {memory: 256MiB}\n")
        lines = explain(project.load()).splitlines()
        assert lines[0] == "# app: stack dev of project slipway"
        assert "    memory: 256MiB                                               # blueprints/app.yaml:3" in lines
        assert "    max_memory: 192MiB                                           # default" in lines

    def test_defaults_can_be_left_out(self, project: Any) -> None:
        project.write("blueprints/app.yaml", "name: app\ncaches:\n  queue: {memory: 256MiB}\nenvironments: {dev: {}}\n")
        assert explain(project.load(), defaults=False) == (
            "# app: stack dev of project slipway, environment dev\n"
            "name: app                                                        # blueprints/app.yaml:1\n"
            "caches:\n"
            "  queue:\n"
            "    memory: 256MiB                                               # blueprints/app.yaml:3\n"
        )

    def test_it_is_also_data(self, project: Any) -> None:
        project.write("blueprints/app.yaml", "name: app\ncaches:\n  queue: {memory: 256MiB}\n")
        data = json.loads(json.dumps(explain_json(project.load())))
        assert (data["stack"], data["project"], data["environment"]) == ("dev", "slipway", None)
        assert data["platform"]["caches"]["queue"]["memory"] == "256MiB"
        assert data["origins"]["caches.queue.memory"] == {
            "file": "blueprints/app.yaml",
            "line": 3,
            "layer": "blueprint",
        }

    def test_no_secret_is_in_it(self, project: Any) -> None:
        patch = {"secrets": {"token": {}}, "workers": {"runner": {"env": {"T": "${secrets.token}"}}}}
        loaded = project.load(patch, secrets={"token": "hunter2-secret"})
        assert "hunter2-secret" not in explain(loaded) + json.dumps(explain_json(loaded)) + repr(loaded)
