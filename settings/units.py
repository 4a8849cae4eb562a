"""Units as people write them (``512MiB``, ``90s``, ``0.5``), carried as plain numbers.

The unit stands in the name of the field that holds the number: ``memory_mib``, ``timeout_s``.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

_MEMORY: Final = re.compile(r"^(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[KMGT]i?B?|B)$", re.IGNORECASE)
_DURATION: Final = re.compile(r"^(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?$")
_DURATION_PATTERN: Final = r"^(\d+(\.\d+)?ms|(?=\d)(\d+(\.\d+)?d)?(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?)$"
_BYTES: Final = {
    "b": 1,
    "k": 2**10, "kb": 10**3, "kib": 2**10,
    "m": 2**20, "mb": 10**6, "mib": 2**20,
    "g": 2**30, "gb": 10**9, "gib": 2**30,
    "t": 2**40, "tb": 10**12, "tib": 2**40,
}  # fmt: skip
_MIB: Final = 2**20
_SECONDS: Final = (86_400, 3_600, 60, 1)


def parse_memory_mib(value: object) -> int:
    """Return MiB for ``512MiB``, ``1GiB``, ``0.5g``; a remainder is rounded up.

    Raises:
        ValueError: It is no size, is not positive, or has no unit.
    """
    if isinstance(value, str) and (match := _MEMORY.match(value.strip())):
        size = float(match["number"]) * _BYTES[match["unit"].lower()]
        if size > 0:
            return max(1, -int(-size // _MIB))
    raise ValueError("a size with its unit is needed, such as 512MiB or 2GiB")


def parse_duration_s(value: object) -> float:
    """Return seconds for ``90s``, ``5m``, ``1h30m``, ``500ms``, ``0s``.

    Raises:
        ValueError: It is no duration, or has no unit.
    """
    if isinstance(value, str) and (text := value.strip().lower()):
        if re.fullmatch(r"\d+(?:\.\d+)?ms", text):
            return float(text[:-2]) / 1000
        if match := _DURATION.match(text):
            return sum(float(part) * factor for part, factor in zip(match.groups(), _SECONDS, strict=True) if part)
    raise ValueError("a duration with its unit is needed, such as 90s, 5m or 1h30m")


def parse_cpus(value: object) -> float:
    """Return a number of CPUs for ``0.5``, ``"2"``, ``500m``.

    Raises:
        ValueError: It is no number, or below 0.1 (the smallest that Docker's provider reads back unchanged).
    """
    number = 0.0
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    elif isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)(m?)", value.strip())):
        number = float(match[1]) / (1000 if match[2] else 1)
    if not 0.1 <= number < float("inf"):  # noqa: PLR2004 - the bound is explained above
        raise ValueError("a number of CPUs of at least 0.1 is needed, such as 0.5 or 2")
    return round(number, 2)


def format_memory(mib: int) -> str:
    """Write MiB as people do: ``512MiB``, ``2GiB``."""
    return f"{mib // 1024}GiB" if mib % 1024 == 0 else f"{mib}MiB"


def format_duration(seconds: float) -> str:
    """Write seconds as Go's ``Duration.String`` does, which is what Docker reads back: ``30s``, ``1m30s``."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours:.0f}h{minutes:.0f}m{rest:g}s" if hours else f"{minutes:.0f}m{rest:g}s" if minutes else f"{rest:g}s"


def write_duration(seconds: float) -> str:
    """Write seconds as people do: ``30s``, ``1m30s``, ``2h``, ``500ms``."""
    if seconds == 0:
        return "0s"
    return re.sub(r"(?<=[hm])0[ms]", "", re.sub(r"(?<=h)0m0s$", "", format_duration(seconds)))


MEMORY_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": r"^\d+(\.\d+)?\s*([KMGTkmgt][iI]?[bB]?|[bB])$",
    "examples": ["512MiB", "2GiB"],
}
DURATION_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": _DURATION_PATTERN,
    "examples": ["90s", "5m", "1h30m"],
}
CPUS_SCHEMA: Final[dict[str, Any]] = {"type": ["number", "string"], "examples": [0.5, 2]}

MemoryMiB = Annotated[int, BeforeValidator(parse_memory_mib), WithJsonSchema(MEMORY_SCHEMA)]
"""A size in MiB, written with its unit."""
Seconds = Annotated[float, BeforeValidator(parse_duration_s), WithJsonSchema(DURATION_SCHEMA)]
"""A duration in seconds, written with its unit."""
Cpus = Annotated[float, BeforeValidator(parse_cpus), WithJsonSchema(CPUS_SCHEMA)]
"""A number of CPUs, at least 0.1."""
Port = Annotated[int, Field(ge=1, le=65_535)]
"""A TCP or UDP port."""
