"""Says in a user's words what pydantic found wrong with a value.

The rejected value is shown only where it can't be a secret: for a choice, a number or a size, outside the maps in which
authors write free text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from settings.annotations import item_of, model_of, written_name
from settings.model import Platform
from settings.model.base import NAME_PATTERNS
from settings.problems import Finding, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    from settings.paths import Path

_PRIVATE: Final = frozenset(
    {
        "env",
        "files",
        "secrets",
        "command",
        "entrypoint",
        "labels",
        "args",
        "init",
        "settings",
        "driver_opts",
        "secret_env",
    }
)
_KEY: Final = "[key]"  # how pydantic marks an error in a key
_LONGEST_SHOWN: Final = 40
_BOUNDS: Final = {
    "greater_than_equal": ("ge", "at least {}"),
    "greater_than": ("gt", "more than {}"),
    "less_than_equal": ("le", "at most {}"),
    "less_than": ("lt", "less than {}"),
}
_KINDS: Final = {
    "string_type": "text",
    "string_sub_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "a map of names to values",
    "model_type": "a map of names to values",
    "model_attributes_type": "a map of names to values",
}


def explain_error(detail: ErrorDetails) -> Finding:
    """Turn one of pydantic's errors into a finding."""
    path: Path = tuple(step for step in detail["loc"] if step != _KEY)
    kind = detail["type"]
    if (explain := _EXPLANATIONS.get(kind)) is not None:
        return explain(path, detail)
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        limit = detail["ctx"][key]
        shown = f"{limit:g}" if isinstance(limit, float) else str(limit)
        return Finding(path, f"{_shown(path, detail)}is out of range", allowed=words.format(shown))
    if kind in _KINDS:
        return Finding(path, f"{_shown(path, detail)}is not {_KINDS[kind]}", allowed=_KINDS[kind])
    return Finding(path, detail["msg"])


def model_at(path: Path) -> type[BaseModel] | None:
    """Return the model that describes the map at a path, or ``None``."""
    annotation: Any = Platform
    for step in path:
        model = model_of(annotation)
        if model is None:
            annotation = item_of(annotation)
            continue
        field = next((field for name, field in model.model_fields.items() if step == written_name(name, field)), None)
        if field is None:
            return None
        annotation = field.annotation
    return model_of(annotation)


def _unknown_key(path: Path, _detail: ErrorDetails) -> Finding:
    model = model_at(path[:-1])
    keys = [written_name(*item) for item in model.model_fields.items()] if model is not None else []
    key = str(path[-1])
    if model is not None and key in model.model_fields:  # memory_mib: the name in code, not the one in a description
        likely: str | None = model.model_fields[key].alias
    else:
        likely = nearest(key, keys)
    return Finding(path, f"unknown key '{key}'", allowed=", ".join(keys), nearest=likely)


def _missing(path: Path, _detail: ErrorDetails) -> Finding:
    return Finding(path[:-1], f"'{path[-1]}' is missing", fix=f"add {path[-1]}: …")


def _impossible_choice(path: Path, detail: ErrorDetails) -> Finding:
    allowed = str(detail["ctx"]["expected"]).replace(" or ", ", ").replace("'", "")
    is_key = _KEY in detail["loc"]
    given = path[-1] if is_key else detail["input"]
    likely = nearest(given, allowed.split(", ")) if isinstance(given, str) else None
    text = f"'{given}' is not possible here" if is_key else f"{_shown(path, detail)}is not possible"
    return Finding(path, text, allowed=allowed, nearest=likely)


def _bad_pattern(path: Path, detail: ErrorDetails) -> Finding:
    pattern = str(detail["ctx"]["pattern"])
    words = NAME_PATTERNS.get(pattern, f"text that fits {pattern}")
    is_key = _KEY in detail["loc"]
    text = f"'{path[-1]}' is not possible as a name" if is_key else f"{_shown(path, detail)}is not possible"
    return Finding(path, text, allowed=words)


def _empty(path: Path, _detail: ErrorDetails) -> Finding:
    return Finding(path, "must not be empty")


def _too_short(path: Path, detail: ErrorDetails) -> Finding:
    return Finding(path, f"is too short: at least {detail['ctx']['min_length']} characters are needed")


def _refused(path: Path, detail: ErrorDetails) -> Finding:
    return Finding(path, f"{_shown(path, detail)}is not possible: {detail['ctx']['error']}")


def _shown(path: Path, detail: ErrorDetails) -> str:
    """Return the rejected value and a space, if it can be shown; else nothing."""
    value = detail["input"]
    if not _PRIVATE.isdisjoint(step for step in path if isinstance(step, str)):
        return ""
    if isinstance(value, bool):
        return f"{str(value).lower()} "
    if isinstance(value, StrEnum | int | float):
        return f"{value} "
    if isinstance(value, str) and len(value) <= _LONGEST_SHOWN and value.isprintable():
        return f"'{value}' "
    return ""


_EXPLANATIONS: Final[Mapping[str, Callable[[Path, ErrorDetails], Finding]]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "enum": _impossible_choice,
    "string_pattern_mismatch": _bad_pattern,
    "too_short": _empty,
    "string_too_short": _too_short,
    "value_error": _refused,
}
