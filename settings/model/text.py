"""Texts inside a description."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field


def scalar_text(value: object) -> object:
    """Accept bare numbers and booleans where a container sees text: ``PORT: 8000``."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(scalar_text, json_schema_input_type=str | int | float | bool)]
"""Text that may hold references such as ``${databases.main.url}``; ``$${`` writes a literal ``${``."""
PlainText = Annotated[str, BeforeValidator(scalar_text, json_schema_input_type=str | int | float | bool)]
"""Text that is passed on as it is written: no reference is resolved in it."""
NumericUser = Annotated[
    str,
    BeforeValidator(scalar_text, json_schema_input_type=str | int),
    Field(pattern=r"^\d+(:\d+)?$|^image$"),
]
"""Numeric ``uid`` or ``uid:gid``; or ``image``."""
