"""What a field of the models means: its unit, the model inside it, the name under which it is written."""

from __future__ import annotations

import types
import typing
from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, BeforeValidator

from settings.units import parse_cpus, parse_duration_s, parse_memory_mib

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


class Unit(Enum):
    """How a number is written."""

    MEMORY = "size"
    DURATION = "duration"
    CPUS = "CPUs"


_PARSERS = {parse_memory_mib: Unit.MEMORY, parse_duration_s: Unit.DURATION, parse_cpus: Unit.CPUS}


def written_name(name: str, field: FieldInfo) -> str:
    """Return the key under which a field stands in a description: ``memory`` for ``memory_mib``."""
    return field.alias or name


def annotation_of(field: FieldInfo) -> Any:
    """Return a field's annotation with the metadata that pydantic has taken out of it."""
    if field.metadata:
        return typing.Annotated[field.annotation, *field.metadata]
    return field.annotation


def unit_of(annotation: Any) -> Unit | None:
    """Return the unit of an annotation, or ``None`` if it is no number with one."""
    if typing.get_origin(annotation) is typing.Annotated:
        inner, *metadata = typing.get_args(annotation)
        for item in metadata:
            if isinstance(item, BeforeValidator) and item.func in _PARSERS:
                return _PARSERS[item.func]
        return unit_of(inner)
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        return next((unit for part in typing.get_args(annotation) if (unit := unit_of(part)) is not None), None)
    return None


def bare(annotation: Any) -> Any:
    """Strip ``Annotated`` and ``| None``."""
    while True:
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif origin in {typing.Union, types.UnionType}:
            annotation = next(part for part in typing.get_args(annotation) if part is not type(None))
        else:
            return annotation


def item_of(annotation: Any) -> Any:
    """Return what a list or the values of a map are, with metadata; ``Any`` for something else."""
    arguments = typing.get_args(bare(annotation))
    return arguments[-1] if arguments else Any


def model_of(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation is, or ``None``."""
    inner = bare(annotation)
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
