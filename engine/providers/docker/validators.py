"""Limits of single input values, as the real Docker provider checks them. A reason never quotes the value."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from engine.providers.docker.units import parse_duration

if TYPE_CHECKING:
    from engine.providers.schema import Validator


def pattern(expression: str, words: str) -> Validator:
    """Make a validator for text that matches a regular expression; ``words`` says what is allowed."""
    compiled = re.compile(expression)

    def validate(value: Any) -> str | None:
        return None if compiled.search(value) else f"must be {words}"

    return validate


def at_least(threshold: int) -> Validator:
    """Make a validator for numbers not lower than a threshold."""

    def validate(value: Any) -> str | None:
        return None if value >= threshold else f"must not be lower than {threshold}"

    return validate


def one_of(*allowed: str) -> Validator:
    """Make a validator for a closed set of words."""

    def validate(value: Any) -> str | None:
        return None if value in allowed else f"must be one of {', '.join(allowed)}"

    return validate


def duration(value: Any) -> str | None:
    """Refuse what is no duration in Go's spelling, or a negative one."""
    nanoseconds = parse_duration(value)
    if nanoseconds is None:
        return "must be a duration such as 30s or 1m30s"
    return None if nanoseconds >= 0 else "must not be negative"


def base64_text(value: Any) -> str | None:
    """Refuse what is not base64."""
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return "must be base64"
    return None


def ratio(value: Any) -> str | None:
    """Refuse what is no number between 0 and 1."""
    try:
        number = float(value)
    except ValueError:
        return "must be a number"
    return None if 0 <= number <= 1 else "must be between 0.0 and 1.0"


def host_path(value: Any) -> str | None:
    """Refuse a host path that is not absolute."""
    return None if re.match(r"^(/|[a-zA-Z]:\\|\\\\|~|//)", value) else "must be an absolute path"


mode = pattern(r"^0[0-7]{3}$", "four octal digits that begin with 0, such as 0644")
