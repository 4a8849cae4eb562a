"""The JSON Schema of blueprints, for editors: completion, hover texts and warnings while one writes.

It knows the shape; what holds across fields is only known to :func:`settings.load_platform`.
"""

from __future__ import annotations

import copy
import json
from typing import Any, Final

from pydantic import BaseModel

import settings.model
from settings.annotations import written_name
from settings.layers import ENVIRONMENTS, PROFILES
from settings.model import Platform
from settings.model.base import NAME_PATTERN
from settings.rendering import default_as_written
from settings.units import CPUS_SCHEMA, DURATION_SCHEMA, MEMORY_SCHEMA

SCHEMA_FILE: Final = "docs/schema.json"
_DIALECT: Final = "http://json-schema.org/draft-07/schema#"  # what editors know best; an identifier, never fetched
_PARTIAL: Final = "Partial"
_DEFINITIONS: Final = "#/$defs/"
_UNITS: Final = {"Size": MEMORY_SCHEMA, "Duration": DURATION_SCHEMA, "Cpus": CPUS_SCHEMA}


def json_schema() -> dict[str, Any]:
    """Return the schema of a blueprint: a platform, and under ``environments`` partial platforms.

    In an environment nothing is required, and ``null`` removes what the blueprint says.
    """
    platform = Platform.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = platform.pop("$defs")
    _tidy(platform)
    _write_defaults(platform, Platform)
    for name, definition in definitions.items():
        _tidy(definition)
        if (model := getattr(settings.model, name)) and issubclass(model, BaseModel):
            _write_defaults(definition, model)
    whole = {name: definition for name, definition in definitions.items() if definition.get("type") == "object"}
    partial = {_PARTIAL + name: _partial(definition, whole) for name, definition in whole.items()}
    environment = _partial(platform, whole) | {"description": "What is different in this environment."}
    every = definitions | partial | {f"{_PARTIAL}Platform": environment} | _UNITS
    blueprint = {"$schema": _DIALECT, **platform, "$defs": dict(sorted(every.items()))}
    blueprint["title"] = "Slipway blueprint"
    blueprint["properties"] = platform["properties"] | {
        ENVIRONMENTS: {
            "description": "Differences by environment, a partial platform each. Maps merge deeply, lists replace, null"
            " removes.",
            "type": "object",
            "patternProperties": {NAME_PATTERN: _nullable({"$ref": f"{_DEFINITIONS}{_PARTIAL}Platform"})},
            "additionalProperties": False,
        },
        PROFILES: {
            "description": "What a profile changes where it is switched on, a partial platform each.",
            "type": "object",
            "patternProperties": {NAME_PATTERN: {"$ref": f"{_DEFINITIONS}{_PARTIAL}Platform"}},
            "additionalProperties": False,
        },
    }
    blueprint["patternProperties"] = {"^x-": {"description": "Ignored: a place for YAML anchors."}}
    return blueprint


def schema_text() -> str:
    """Return the schema as it stands in ``docs/schema.json``."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def _write_defaults(definition: dict[str, Any], model: type[BaseModel]) -> None:
    """Put defaults in the author's notation."""
    for name, field in model.model_fields.items():
        schema = definition["properties"][written_name(name, field)]
        schema.pop("default", None)
        if (default := default_as_written(field)) is not None:
            schema["default"] = default


def _tidy(schema: Any) -> None:
    """Drop generated titles, close maps whose keys are constrained, name units, and drop ``null`` as a default."""
    if isinstance(schema, list):
        for item in schema:
            _tidy(item)
    if not isinstance(schema, dict):
        return
    if isinstance(schema.get("title"), str) and "properties" not in schema:
        del schema["title"]
    if "patternProperties" in schema:
        schema.setdefault("additionalProperties", False)
    _name_units(schema)
    _drop_null(schema)
    for item in list(schema.values()):
        _tidy(item)


def _name_units(schema: dict[str, Any]) -> None:
    """State the pattern of a size or duration once, not at each of its hundred uses."""
    for name, unit in _UNITS.items():
        if unit.items() <= schema.items():
            for key in unit:
                del schema[key]
            schema["$ref"] = _DEFINITIONS + name


def _drop_null(schema: dict[str, Any]) -> None:
    """Leave ``null`` out where it only means that the key may be missing."""
    choices = schema.get("anyOf")
    if not isinstance(choices, list) or {"type": "null"} not in choices or schema.get("default", ...) is not None:
        return
    del schema["default"]
    rest = [choice for choice in choices if choice != {"type": "null"}]
    if len(rest) == 1:
        del schema["anyOf"]
        schema.update(rest[0] | {key: value for key, value in schema.items() if key == "description"})
    else:
        schema["anyOf"] = rest


def _partial(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a map of which anything may be left out or removed."""
    partial = copy.deepcopy(schema)
    for key in ("required", "title", "default"):
        partial.pop(key, None)
    for keyword in ("properties", "patternProperties"):
        if keyword in partial:
            partial[keyword] = {key: _part(item, whole) for key, item in partial[keyword].items()}
    if isinstance(partial.get("additionalProperties"), dict):
        partial["additionalProperties"] = _part(partial["additionalProperties"], whole)
    return partial


def _part(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "").removeprefix(_DEFINITIONS)
    if reference in whole:
        described = {key: value for key, value in schema.items() if key == "description"}
        return described | _nullable({"$ref": f"{_DEFINITIONS}{_PARTIAL}{reference}"})
    if schema.get("type") == "object":
        return _nullable(_partial(schema, whole))
    return _nullable({key: value for key, value in schema.items() if key != "default"})


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    described = {key: schema[key] for key in ("description",) if key in schema}
    inner = {key: value for key, value in schema.items() if key != "description"}
    return described | {"anyOf": [inner, {"type": "null"}]}
