"""Numbers as Docker's Go code reads and writes them: durations, fractions of a CPU, mebibytes."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_NANO = 1_000_000_000
MEBIBYTE = 1024 * 1024


def parse_duration(text: str) -> int | None:
    """Read a Go duration (``1m30s``) in nanoseconds; None if it is none."""
    sign = -1 if text.startswith("-") else 1
    body = text.lstrip("+-")
    if body == "0":
        return 0
    if not body or _PART.sub("", body):
        return None
    return sign * sum(int(Decimal(number) * _NANOSECONDS[unit]) for number, unit in _PART.findall(body))


def duration_text(nanoseconds: int) -> str:
    """Write nanoseconds as Go's ``Duration.String`` does: ``0s``, ``1.5s``, ``1m0s``, ``1h0m0s``."""
    sign = "-" if nanoseconds < 0 else ""
    rest = abs(nanoseconds)
    if rest < _NANO:
        for unit in ("ms", "µs", "ns"):
            if rest >= _NANOSECONDS[unit]:
                return f"{sign}{_fraction(Decimal(rest) / _NANOSECONDS[unit])}{unit}"
        return "0s"
    minutes, seconds = divmod(rest, 60 * _NANO)
    hours, minutes = divmod(minutes, 60)
    text = f"{_fraction(Decimal(seconds) / _NANO)}s"
    if minutes or hours:
        text = f"{minutes}m{text}"
    return sign + (f"{hours}h{text}" if hours else text)


def short_duration_text(nanoseconds: int) -> str:
    """Write nanoseconds without zero minutes and seconds at the end, as services do: ``1m``, ``1h30m``."""
    text = duration_text(nanoseconds)
    text = text[:-2] if text.endswith("m0s") else text
    return text[:-2] if text.endswith("h0m") else text


def _fraction(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def parse_cpus(text: str) -> int:
    """Read a number of CPUs (``0.5``) in billionths. Raises ValueError."""
    try:
        nano = Decimal(text) * _NANO
    except InvalidOperation as error:
        raise ValueError("cpus must be a number such as 0.5") from error
    if nano != nano.to_integral_value():
        raise ValueError("cpus has more than nine digits behind the point")
    return int(nano)


def cpus_text(nano: int) -> str:
    """Write billionths of a CPU as the real provider stores them, with its peculiarities (``2.0``, ``10.``)."""
    nine = f"{Decimal(nano) / _NANO:.9f}"
    if nine.count("0") == len("000000000"):
        return str((Decimal(nano) / _NANO).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP))
    return nine.rstrip("0")
