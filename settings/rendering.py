"""Writes a platform back in the notation of a description: ``memory: 512MiB`` for ``memory_mib=512``."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from settings.annotations import Unit, annotation_of, item_of, unit_of, written_name
from settings.units import format_memory, write_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from settings.paths import Path

Rendered = dict[str, Any]


def default_as_written(field: FieldInfo) -> Any:
    """Return a field's default in the author's notation; ``None`` where it has none, or decides later."""
    if field.is_required() or field.get_default(call_default_factory=True) is None:
        return None
    return _value(field.get_default(call_default_factory=True), annotation_of(field))


def as_written(model: BaseModel) -> Rendered:
    """Return a model as a plain structure in the author's notation; what is not set (``None``) is left out."""
    rendered: Rendered = {}
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if value is not None:
            rendered[written_name(name, field)] = _value(value, annotation_of(field))
    return rendered


def leaves(rendered: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every scalar and every empty map or list with its path."""
    if isinstance(rendered, dict) and rendered:
        for key, item in rendered.items():
            yield from leaves(item, (*path, key))
    elif isinstance(rendered, list) and rendered:
        for index, item in enumerate(rendered):
            yield from leaves(item, (*path, index))
    else:
        yield path, rendered


def _value(value: Any, annotation: Any) -> Any:
    if isinstance(value, BaseModel):
        return as_written(value)
    if isinstance(value, dict):
        inner = item_of(annotation)
        return {str(key): _value(item, inner) for key, item in value.items()}
    if isinstance(value, list):
        inner = item_of(annotation)
        return [_value(item, inner) for item in value]
    return value.value if isinstance(value, Enum) else _number(value, annotation)


def _number(value: Any, annotation: Any) -> Any:
    match unit_of(annotation):
        case Unit.MEMORY:
            return format_memory(value)
        case Unit.DURATION:
            return write_duration(value)
        case Unit.CPUS:
            return int(value) if value == int(value) else value
    return value
